//! Any batch rows: no panic, an end, and the same rows after they were written again, carried
//! over to another frame and sent alone.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "shared with the tests of the crate, which use all of it")]
#[path = "../../aerospike-wire/tests/it/replay.rs"]
mod replay;

fuzz_target!(|data: &[u8]| replay::batch(data));
