//! Any info text: no panic, parts are parts of the input, bitmaps come back.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "shared with the tests of the crate, which use all of it")]
#[path = "../../aerospike-wire/tests/it/replay.rs"]
mod replay;

fuzz_target!(|data: &[u8]| replay::info(data));
