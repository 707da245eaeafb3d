//! Any bytes, cut anywhere: no panic, the same tokens or the same error as in one piece, and what
//! was decoded is the same again after encoding. The same bytes as a file name.
#![no_main]

#[allow(
    dead_code,
    reason = "shared with the tests of the crate, which use all of it"
)]
#[path = "../../asbx-format/tests/it/replay.rs"]
mod replay;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    replay::check_file(file);
    replay::check_name(&String::from_utf8_lossy(file));
});
