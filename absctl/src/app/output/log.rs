//! Log lines: what happens beside the result, for people.

use super::terminal::{self, Stderr};
use tracing::level_filters::LevelFilter;

/// Begins to print what the crates of this workspace log, from `info` upwards. The libraries
/// below them log in another way and are not heard: what matters of theirs arrives as an error.
pub(crate) fn start() {
    let subscriber = tracing_subscriber::fmt()
        .compact()
        .with_ansi(terminal::has_colours())
        .with_max_level(LevelFilter::INFO)
        .with_target(false)
        .with_writer(Stderr::default)
        .finish();
    // The demo runs several commands in one process: the first of them has set it.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
