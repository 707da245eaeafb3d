//! Any bytes, arriving in any pieces: several decoders that share them by skimming find the same
//! items or the same error as one decoder.
#![no_main]

#[allow(
    dead_code,
    reason = "shared with the tests of the crate, which use all of it"
)]
#[path = "../../asb-format/tests/it/replay.rs"]
mod replay;

libfuzzer_sys::fuzz_target!(|file: &[u8]| replay::check_shared_file(file));
