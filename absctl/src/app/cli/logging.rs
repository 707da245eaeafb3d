//! What is told, to whom, and how; and where settings come from (`cli.md` §2).

use crate::app::output::LogSettings;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of the log.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub(crate) struct Logging {
    /// Read settings from this YAML file. Flags win over ABSCTL_ variables, those over the file;
    /// "absctl config example" prints one with all keys
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Log with the level of --log-level; without this flag it is info
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// What --verbose shows: this level and the more important ones
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "debug",
        ignore_case = true
    )]
    pub(crate) log_level: LogLevel,

    /// Log one JSON object for each line, the report included
    #[arg(long)]
    pub(crate) log_json: bool,

    /// Append the log and the report to this file instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,

    /// Append lines about the progress for another program to this file or FIFO
    #[arg(short, long, value_name = "FILE")]
    pub(crate) machine: Option<PathBuf>,
}

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl Logging {
    /// How to log.
    pub(crate) fn settings(&self) -> LogSettings {
        let level = match self.log_level {
            _ if !self.verbose => tracing::Level::INFO,
            LogLevel::Debug => tracing::Level::DEBUG,
            LogLevel::Info => tracing::Level::INFO,
            LogLevel::Warn => tracing::Level::WARN,
            LogLevel::Error => tracing::Level::ERROR,
        };
        LogSettings {
            level,
            storage: None,
            json: self.log_json,
            file: self.log_file.clone(),
            old: None,
        }
    }
}
