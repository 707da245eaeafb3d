//! Any bytes, with and without a key, cut anywhere: no panic, the same text as in one piece, never
//! more than the room that was given, and the frame scanner agrees with the decoder.
#![no_main]

#[allow(
    dead_code,
    reason = "shared with the tests of the crate, which use all of it"
)]
#[path = "../../backup-envelope/tests/it/replay.rs"]
mod replay;

libfuzzer_sys::fuzz_target!(|file: &[u8]| replay::check_file(file));
