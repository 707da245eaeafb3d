//! Programs that others wrote, unmodified, against embedded clusters and our files: the library
//! backup-go, the official Go client and the official Node.js client (`interop/README.md`). And our
//! own program by the same ways into the clusters.
//!
//! Where a program is missing, its tests print why and pass; with `CI=true` and the program named
//! in the environment (`.ci/run` does both) that is a failure. The official Python client is
//! tested in asnode, by the same ways in.

#[path = "../../../asnode/tests/it/access.rs"]
mod access;
mod clients;
mod clusters;
mod files;
mod modes;
mod programs;
mod shipped;
mod ways;
