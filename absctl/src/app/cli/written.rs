//! What every backup, by whatever way, does with what it writes, and says of it (`cli.md` §18).

use backup_core::manifest::check_annotation;
use clap::Args;

/// Flags of what is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct Written {
    /// Read back what is about to be written, before it goes to the target: what is compressed or
    /// encrypted, and the records in it; without compression the records of one piece of 32. The
    /// first difference ends the backup, with file and offset
    #[arg(long)]
    pub(crate) verify_writes: bool,

    /// Keep this with the backup, in its manifest; once for each: keys of A-Z a-z 0-9 . _ -, values
    /// of up to 1024 bytes. In a file it is a list, in the environment one in each line
    #[arg(
        long,
        value_name = "KEY=VALUE",
        value_delimiter = '\n',
        value_parser = annotation
    )]
    pub(crate) annotation: Vec<Annotation>,
}

/// A text of the user with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub(crate) key: String,
    pub(crate) value: String,
}

fn annotation(typed: &str) -> Result<Annotation, String> {
    let (key, value) = typed
        .split_once('=')
        .ok_or_else(|| "KEY=VALUE is needed".to_owned())?;
    check_annotation(key, value).map_err(|problem| problem.to_string())?;
    let (key, value) = (key.to_owned(), value.to_owned());
    Ok(Annotation { key, value })
}
