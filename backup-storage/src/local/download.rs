//! Reading a local file, pinned to the size that it had when it was opened.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::{Download, Error, ErrorKind, Operation, Result};

#[derive(Debug)]
pub(super) struct LocalDownload {
    file: File,
    path: PathBuf,
    position: u64,
    size: u64,
}

impl LocalDownload {
    pub(super) fn open(path: &Path, offset: u64) -> Result<Self> {
        let failed = |error| Error::at(Operation::Open, path)(error);
        // Looked at before it is opened: opening a FIFO would wait for a writer.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            let shown = path.display().to_string();
            return Err(Error::new(ErrorKind::NotAFile, Operation::Open, shown));
        }
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size < offset {
            return Err(wrong_size(Operation::Open, path, offset, size));
        }
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            position: offset,
            size,
        })
    }

    /// Counts what was read, and refuses less or more than the size at opening.
    fn advance(&mut self, read: usize, wanted: usize) -> Result<usize> {
        self.position = self.position.saturating_add(read as u64);
        let ended_early = read == 0 && wanted > 0 && self.position < self.size;
        if ended_early || self.position > self.size {
            let found = self.position;
            return Err(wrong_size(Operation::Read, &self.path, self.size, found));
        }
        Ok(read)
    }
}

impl Read for LocalDownload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer);
        let read = read.map_err(Error::at(Operation::Read, &self.path))?;
        Ok(self.advance(read, buffer.len())?)
    }
}

impl Download for LocalDownload {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }
}

pub(super) fn wrong_size(operation: Operation, path: &Path, expected: u64, found: u64) -> Error {
    let kind = ErrorKind::WrongSize { expected, found };
    Error::new(kind, operation, path.display().to_string())
}
