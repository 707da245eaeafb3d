//! `absctl`: backup and restore of Aerospike namespaces.
//!
//! Everything is in [`app`]; here the outcome becomes the exit code, and nowhere else.

mod app;

fn main() -> std::process::ExitCode {
    app::run(std::env::args_os()).into()
}
