//! Integration tests on real files, FIFOs and devices.
#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, but not in the helpers beside them"
)]

mod conformance;
mod crash;
mod errors;
mod hooked;
mod local;
mod name;
mod object;
mod properties;
mod single_file;
mod streams;
mod system_calls;
