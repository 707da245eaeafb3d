//! Where backups go, and where they are read from (`cli.md` §5).

use clap::Args;
use std::path::PathBuf;

/// Flags of a backup's target.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct Target {
    /// Directory to write to; it is created on demand and must be empty
    #[arg(short, long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Write everything to one file instead; "-" is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,

    /// Replace an old backup in the target, as soon as the new one is complete
    #[arg(short, long)]
    pub(crate) remove_files: bool,

    /// With --remove-files: remove the old backup first, where there is no room for two
    #[arg(long)]
    pub(crate) remove_early: bool,

    /// Remove the backup in the target, finished or not, and stop. No cluster is needed
    #[arg(long)]
    pub(crate) remove_artifacts: bool,

    /// Begin the names of data files with this instead of the number of the writer
    #[arg(short = 'q', long, value_name = "TEXT")]
    pub(crate) output_file_prefix: Option<String>,

    /// Close a data file of a directory at this size in MiB and begin the next one; 0 = never
    #[arg(short = 'F', long, value_name = "MIB", default_value_t = 250)]
    pub(crate) file_limit: u64,

    /// Collect so many MiB of text for each file on local disk before it is written: 1 to 1024.
    /// Without this flag it is half a MiB, and less with more than two workers
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) local_buffer_size: Option<u16>,

    /// Buffer for standard output in MiB: 0 to 1024
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(0..=1024)
    )]
    pub(crate) std_buffer: u16,

    /// Write no manifest: the list of files, hashes and fingerprints by which a restore knows that
    /// a backup is whole
    #[arg(long)]
    pub(crate) no_manifest: bool,

    /// Permission bits of the files that are created, in octal, whatever the umask says; 0600
    /// without. Directories get them too, and x where they have r
    #[arg(long, value_name = "OCTAL", value_parser = file_mode)]
    pub(crate) file_mode: Option<u32>,

    /// Leave out the secondary indexes that need a higher version of the format than this
    #[arg(
        long,
        value_name = "VERSION",
        default_value = "3.3",
        value_parser = ["3.1", "3.2", "3.3"]
    )]
    pub(crate) asb_version_max: String,

    /// Write blobs, maps, lists and sketches raw instead of in base64
    #[arg(short = 'C', long)]
    pub(crate) compact: bool,
}

/// Permission bits of a file that its owner can write and read, and nobody can execute.
pub(super) fn file_mode(typed: &str) -> Result<u32, String> {
    const OWNER: u32 = 0o600;
    const ALLOWED: u32 = 0o666;
    let is_octal = !typed.is_empty() && typed.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mode = is_octal.then(|| u32::from_str_radix(typed, 8).ok());
    let mode = mode.flatten().filter(|mode| *mode <= 0o777);
    let mode = mode.ok_or("octal digits are needed, such as 0640, at most 0777")?;
    if mode & OWNER != OWNER {
        return Err("the owner has to be able to read and write: 06??".to_owned());
    }
    if mode & !ALLOWED != 0 {
        return Err(
            "backup files are not executable; directories get their x by themselves".into(),
        );
    }
    Ok(mode)
}

/// Flags of a restore's source.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct Source {
    /// Directory to read from: all its *.asb files
    #[arg(short, long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Read one file instead; "-" is standard input, "-:BYTES" the same with a size, by which the
    /// progress knows its share
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,

    /// Buffer for standard input in MiB: 0 to 1024
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(0..=1024)
    )]
    pub(crate) std_buffer: u16,

    /// Read several directories instead, each of which has to hold a backup. A full backup and
    /// incremental ones after it are restored in order of time, and the newest records win
    #[arg(long, value_name = "DIR,...")]
    pub(crate) directory_list: Option<String>,

    /// The directory in which those of --directory-list lie
    #[arg(long, value_name = "DIR")]
    pub(crate) parent_directory: Option<PathBuf>,

    /// Create indexes and register modules after the last record instead of before the first
    #[arg(long)]
    pub(crate) apply_metadata_last: bool,

    /// Take the closed files of a backup that was never completed
    #[arg(long)]
    pub(crate) allow_incomplete: bool,

    /// Do not compare the files with the manifest of the backup
    #[arg(long)]
    pub(crate) ignore_manifest: bool,

    /// Only read the backup to its end and say what is wrong with it. No cluster is needed; a
    /// namespace that is given must be that of every record
    #[arg(long)]
    pub(crate) validate: bool,
}
