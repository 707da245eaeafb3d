//! Standard input and output, FIFOs and devices: one pass, nothing to rename, nothing to come back to
//! (`files-and-state.md` §6).

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Cursor, Read, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    Capabilities, Download, Durability, Entry, EntryKind, Error, ErrorKind, Operation, Result,
    Store, Stored, Unfinished, Upload,
};

/// A stream that is read or written once, from its beginning.
///
/// It has one entry; [`Store::single_name`] tells its name. Opening a FIFO waits for the other end.
#[derive(Clone, Debug)]
pub struct Stream {
    endpoint: Endpoint,
    name: String,
    buffer_bytes: usize,
    /// What will be read from it, as far as somebody has said so.
    expected_bytes: Option<u64>,
    /// What was read from it to look at it.
    head: Arc<Mutex<Vec<u8>>>,
}

#[derive(Clone, Debug)]
enum Endpoint {
    Stdin,
    Stdout,
    Special(PathBuf),
}

impl Stream {
    /// Standard input, called `stdin`.
    #[must_use]
    pub fn stdin() -> Self {
        Self::new(Endpoint::Stdin, "stdin")
    }

    /// Standard output, called `stdout`. Nothing else may print there.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(Endpoint::Stdout, "stdout")
    }

    /// What exists at `path` and is no regular file: FIFO, `/dev/null`, device. Opened as it is.
    #[must_use]
    pub fn special(path: &Path) -> Self {
        let name = path.display().to_string();
        Self::new(Endpoint::Special(path.to_owned()), &name)
    }

    fn new(endpoint: Endpoint, name: &str) -> Self {
        Self {
            endpoint,
            name: name.to_owned(),
            buffer_bytes: 0,
            expected_bytes: None,
            head: Arc::default(),
        }
    }

    /// The same stream, of which so many bytes are expected. Only its listing says so: nobody is
    /// held to it.
    #[must_use]
    pub fn expecting(self, bytes: u64) -> Self {
        let expected_bytes = Some(bytes);
        Self {
            expected_bytes,
            ..self
        }
    }

    /// The first bytes of standard input: up to `bytes`, fewer where it ends. Waits for them. They
    /// are handed out again when the stream is opened, which clones of this one know, too.
    ///
    /// # Errors
    /// `Unsupported` for another stream, whose other end would see that it is closed again; else as
    /// [`Store::open`], and what reading says.
    pub fn peek(&self, bytes: usize) -> Result<Vec<u8>> {
        if !matches!(self.endpoint, Endpoint::Stdin) {
            return self.unsupported(Operation::Open);
        }
        let mut head = self.head();
        let missing = bytes.saturating_sub(head.len()) as u64;
        if missing > 0 {
            let read = self
                .file(Operation::Open)?
                .take(missing)
                .read_to_end(&mut head);
            read.map_err(|error| Error::from_io(error, Operation::Read, self.name.as_str()))?;
        }
        Ok(head.get(..bytes).unwrap_or(&head).to_vec())
    }

    fn head(&self) -> MutexGuard<'_, Vec<u8>> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same stream with a buffer of so many bytes; 0 (default) = none. What is written is
    /// collected until there is as much; reads ask the system for as much at a time.
    #[must_use]
    pub fn buffered(self, buffer_bytes: usize) -> Self {
        Self {
            buffer_bytes,
            ..self
        }
    }

    fn unsupported<T>(&self, operation: Operation) -> Result<T> {
        let kind = ErrorKind::Unsupported;
        Err(Error::new(kind, operation, self.name.as_str()))
    }

    fn check(&self, name: &str, operation: Operation) -> Result<()> {
        if name == self.name {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, operation, name))
    }

    /// The file behind the stream. The standard streams are duplicated: that passes by the line buffer of
    /// the standard library, and closing ours leaves theirs open.
    fn file(&self, operation: Operation) -> Result<File> {
        let opened = match (&self.endpoint, operation) {
            (Endpoint::Stdin, Operation::Open) => duplicate(&io::stdin()),
            (Endpoint::Stdout, Operation::Create) => duplicate(&io::stdout()),
            (Endpoint::Special(path), Operation::Open) => File::open(path),
            (Endpoint::Special(path), _) => OpenOptions::new().write(true).open(path),
            _ => return self.unsupported(operation),
        };
        opened.map_err(|error| Error::from_io(error, operation, self.name.as_str()))
    }
}

fn duplicate(stream: &impl AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

impl Store for Stream {
    fn capabilities(&self) -> Capabilities {
        Capabilities::STREAM
    }

    fn location(&self) -> &str {
        &self.name
    }

    fn single_name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn check_writable(&self) -> Result<()> {
        match &self.endpoint {
            Endpoint::Stdin => self.unsupported(Operation::Check),
            Endpoint::Stdout => Ok(()),
            Endpoint::Special(path) => rustix::fs::access(path, rustix::fs::Access::WRITE_OK)
                .map_err(|errno| Error::at(Operation::Check, path)(errno.into())),
        }
    }

    fn available_bytes(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    fn list(&self) -> Result<Vec<Entry>> {
        Ok(vec![Entry {
            name: self.name.clone(),
            kind: EntryKind::Other,
            size: self.expected_bytes,
        }])
    }

    fn stat(&self, _name: &str) -> Result<Entry> {
        self.unsupported(Operation::Stat)
    }

    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        self.check(name, Operation::Open)?;
        if offset > 0 {
            return self.unsupported(Operation::Open);
        }
        let head = Cursor::new(std::mem::take(&mut *self.head()));
        let file = BufReader::with_capacity(self.buffer_bytes, self.file(Operation::Open)?);
        Ok(Box::new(StreamDownload {
            content: head.chain(file),
            name: self.name.clone(),
        }))
    }

    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        self.check(name, Operation::Create)?;
        Ok(Box::new(StreamUpload {
            file: self.file(Operation::Create)?,
            name: self.name.clone(),
            bytes: 0,
            waiting: Vec::with_capacity(self.buffer_bytes),
            buffer_bytes: self.buffer_bytes,
            failed: None,
        }))
    }

    fn create_new(&self, _name: &str, _content: &[u8]) -> Result<()> {
        self.unsupported(Operation::Create)
    }

    fn put(&self, _name: &str, _content: &[u8]) -> Result<()> {
        self.unsupported(Operation::Replace)
    }

    fn replace(&self, _name: &str, _expected: &[u8], _content: &[u8]) -> Result<()> {
        self.unsupported(Operation::Replace)
    }

    fn reopen(&self, _name: &str, _length: u64) -> Result<Box<dyn Upload>> {
        self.unsupported(Operation::Reopen)
    }

    fn publish(&self, _names: &[&str]) -> Result<()> {
        self.unsupported(Operation::Publish)
    }

    fn withdraw(&self, _name: &str) -> Result<()> {
        self.unsupported(Operation::Publish)
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        Ok(Vec::new())
    }

    fn discard(&self, _name: &str) -> Result<()> {
        self.unsupported(Operation::Abort)
    }

    fn delete(&self, _names: &[&str]) -> Result<()> {
        self.unsupported(Operation::Delete)
    }
}

#[derive(Debug)]
struct StreamDownload {
    /// What was looked at, and what follows.
    content: io::Chain<Cursor<Vec<u8>>, BufReader<File>>,
    name: String,
}

impl Read for StreamDownload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer);
        Ok(read.map_err(|error| Error::from_io(error, Operation::Read, self.name.as_str()))?)
    }
}

impl Download for StreamDownload {
    fn size(&self) -> Option<u64> {
        None
    }
}

#[derive(Debug)]
struct StreamUpload {
    file: File,
    name: String,
    /// Those that wait included.
    bytes: u64,
    /// What was collected.
    waiting: Vec<u8>,
    buffer_bytes: usize,
    failed: Option<ErrorKind>,
}

impl StreamUpload {
    fn check_sound(&self, operation: Operation) -> Result<()> {
        match self.failed {
            Some(kind) => Err(Error::new(kind, operation, self.name.as_str())),
            None => Ok(()),
        }
    }

    /// Writes what waits.
    fn pass_on(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.put(&waiting)?;
        waiting.clear();
        self.waiting = waiting;
        Ok(())
    }

    fn put(&mut self, data: &[u8]) -> Result<()> {
        self.file.write_all(data).map_err(|source| {
            let error = Error::from_io(source, Operation::Write, self.name.as_str());
            self.failed = Some(error.kind());
            error
        })
    }
}

impl Upload for StreamUpload {
    fn write_all(&mut self, data: &[u8]) -> Result<()> {
        self.check_sound(Operation::Write)?;
        if self.waiting.len().saturating_add(data.len()) > self.buffer_bytes {
            self.pass_on()?;
        }
        if data.len() > self.buffer_bytes {
            self.put(data)?;
        } else {
            self.waiting.extend_from_slice(data);
        }
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn durable_point(&mut self) -> Result<Durability> {
        self.check_sound(Operation::Sync)?;
        Ok(Durability::Never)
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        self.check_sound(Operation::Sync)?;
        self.pass_on()?;
        match self.file.sync_all() {
            // Standard output may be a file, and block devices can be synced; pipes and terminals cannot.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                Err(Error::from_io(error, Operation::Sync, self.name.as_str()))
            }
            _ => Ok(Stored::new(self.bytes)),
        }
    }

    fn finish_unpublished(self: Box<Self>) -> Result<Stored> {
        Err(Error::new(
            ErrorKind::Unsupported,
            Operation::Publish,
            self.name,
        ))
    }

    fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
