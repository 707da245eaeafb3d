//! Any reply: no panic, no wait for bytes that cannot come, views as announced, and the same
//! messages or the same error for any split.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "shared with the tests of the crate, which use all of it")]
#[path = "../../aerospike-wire/tests/it/replay.rs"]
mod replay;

fuzz_target!(|data: &[u8]| replay::stream(data));
