//! The yardstick: CPU time of zstd at level 3 over the text of a backup, on one thread.
//!
//! Only the compressor counts: the clock of this thread runs while it works and not while files
//! are read, so the yardstick is a little shorter, and the targets harder, than with the `zstd`
//! program. The same pass counts the records.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::failure::Failure;

/// Compression level of the yardstick.
const LEVEL: i32 = 3;

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// A line that begins so is the digest of a record.
const RECORD_LINE: &[u8] = b"+ d ";

/// What the yardstick measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yardstick {
    /// CPU time of the compressor.
    pub(crate) cpu: Duration,
    /// Bytes of text.
    pub(crate) text_bytes: u64,
    /// Bytes after compression.
    pub(crate) compressed_bytes: u64,
    /// Records in the text.
    pub(crate) records: u64,
}

impl Yardstick {
    /// Compresses every backup file below `directory` into nothing.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn measure(directory: &Path) -> Result<Self, Failure> {
        let mut yardstick = Self {
            cpu: Duration::ZERO,
            text_bytes: 0,
            compressed_bytes: 0,
            records: 0,
        };
        for path in backup_files(directory)? {
            let failure = |cause| Failure::file("compress", &path, &cause);
            yardstick.add_file(&path).map_err(failure)?;
        }
        Ok(yardstick)
    }

    /// Compresses one file.
    fn add_file(&mut self, path: &Path) -> io::Result<()> {
        let mut encoder = zstd::Encoder::new(Counted(0), LEVEL)?;
        let mut lines = RecordLines::default();
        let text_bytes = for_each_chunk(path, |chunk| {
            lines.count(chunk);
            let begin = thread_cpu();
            encoder.write_all(chunk)?;
            self.cpu += thread_cpu().saturating_sub(begin);
            Ok(())
        })?;
        let begin = thread_cpu();
        self.compressed_bytes += encoder.finish()?.0;
        self.cpu += thread_cpu().saturating_sub(begin);
        self.text_bytes += text_bytes;
        self.records += lines.records;
        Ok(())
    }
}

impl fmt::Display for Yardstick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zstd -{LEVEL} {:.2} s CPU", self.cpu.as_secs_f64())
    }
}

/// Counts the records of all backup files below `directory`.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn count_records(directory: &Path) -> Result<u64, Failure> {
    let mut records = 0;
    for path in backup_files(directory)? {
        let mut lines = RecordLines::default();
        for_each_chunk(&path, |chunk| {
            lines.count(chunk);
            Ok(())
        })
        .map_err(|cause| Failure::file("read", &path, &cause))?;
        records += lines.records;
    }
    Ok(records)
}

/// The `.asb` files of a directory, by name.
fn backup_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |cause| Failure::file("list", directory, &cause);
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        if path.extension().is_some_and(|extension| extension == "asb") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Hands a file to `work` piece by piece; returns its length.
fn for_each_chunk(path: &Path, mut work: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(bytes);
        }
        work(&buffer[..read])?;
        bytes += read as u64;
    }
}

/// CPU time of this thread so far.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Counts lines that begin with [`RECORD_LINE`], whatever the pieces are.
///
/// Plain text of the bench shape holds no line feed inside a value, so lines are lines.
#[derive(Debug)]
struct RecordLines {
    /// Bytes of the pattern seen since the line began; `None` in the rest of a line.
    matched: Option<usize>,
    records: u64,
}

impl Default for RecordLines {
    fn default() -> Self {
        Self {
            matched: Some(0),
            records: 0,
        }
    }
}

impl RecordLines {
    /// Takes the next piece of the text.
    fn count(&mut self, chunk: &[u8]) {
        for &byte in chunk {
            self.matched = match self.matched {
                _ if byte == b'\n' => Some(0),
                Some(matched) if RECORD_LINE.get(matched) == Some(&byte) => Some(matched + 1),
                _ => None,
            };
            if self.matched == Some(RECORD_LINE.len()) {
                self.records += 1;
                self.matched = None;
            }
        }
    }
}

/// A writer that keeps nothing but the count.
#[derive(Debug)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RecordLines, Yardstick, count_records};

    const TEXT: &[u8] = b"Version 3.1\n+ d x\n+ b 1\n+ d y\n- S 4 + d \n+ d z\n";

    #[test]
    fn counts_records_in_any_pieces() {
        for size in 1..=TEXT.len() {
            let mut lines = RecordLines::default();
            for chunk in TEXT.chunks(size) {
                lines.count(chunk);
            }
            assert_eq!(lines.records, 3, "pieces of {size}");
        }
    }

    #[test]
    fn measures_the_backup_files_of_a_folder() {
        let folder = std::env::temp_dir().join(format!("xtask-zstd-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.asb"), TEXT.repeat(50_000)).unwrap();
        std::fs::write(folder.join("b.asb"), TEXT).unwrap();
        std::fs::write(folder.join("c.txt"), TEXT).unwrap();
        let yardstick = Yardstick::measure(&folder).unwrap();
        assert_eq!(yardstick.text_bytes, TEXT.len() as u64 * 50_001);
        assert_eq!(yardstick.records, 150_003);
        assert_eq!(count_records(&folder).unwrap(), 150_003);
        assert!(yardstick.compressed_bytes < yardstick.text_bytes);
        assert!(yardstick.cpu > Duration::ZERO);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
