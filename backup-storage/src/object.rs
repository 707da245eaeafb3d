//! Object stores: Amazon S3, Google Cloud Storage, Azure Blob (`storage.md` §2, §5 to §7).
//!
//! [`S3Options`] and its kin open a [`Bucket`]; [`Bucket::directory`] and [`Bucket::file`] are the stores.
//! Requests run on the runtime that the bucket was opened with, while the threads that call a store's
//! methods wait for them; so these must not be workers of that runtime.
//!
//! The requests themselves are those of the `object_store` crate. What it lacks is here: repeating requests
//! with fresh signatures and the pauses that a server asks for, parts under way at a time, reading ahead
//! and going on after a lost connection, archives, open uploads, and the provider's own words in errors.
//!
//! Not here: what the objects contain, and how a command line names a bucket.

mod archive;
mod azure;
mod bucket;
mod cloud;
mod dir;
mod download;
mod endpoint;
mod exchange;
mod failure;
mod file;
mod gcs;
mod listing;
mod multipart;
mod options;
mod own;
mod part_size;
mod retry;
mod runner;
mod s3;
mod small;
mod transport;
mod upload;

pub use self::{
    azure::{AZURE_TIERS, AzureAccess, AzureOptions},
    bucket::Bucket,
    dir::ObjectDir,
    file::ObjectFile,
    gcs::GcsOptions,
    options::{Connection, ObjectOptions, Thaw},
    part_size::{MOST_PARTS, PartSize},
    retry::Retry,
    s3::{Keys, LEAST_PART_BYTES, S3Encryption, S3Options, STORAGE_CLASSES, THAW_TIERS},
};
