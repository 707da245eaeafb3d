//! Any message as XDR would ship it, and any acknowledgement: no panic, nothing from outside of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "shared with the tests of the crate, which use all of it")]
#[path = "../../aerospike-wire/tests/it/replay.rs"]
mod replay;

fuzz_target!(|data: &[u8]| replay::xdr(data));
