//! A local directory whose writes go wrong, or take their time.

use backup_storage::{
    Capabilities, Download, Durability, Entry, LocalDir, Result, Store, Stored, Unfinished, Upload,
};
use std::{fmt, path::Path, sync::Arc};

/// What happens before bytes are written: how many the file has, and how many come.
pub(crate) type Hook = dyn Fn(u64, usize) -> Result<()> + Send + Sync;

/// A directory with trouble in writing data files.
#[derive(Clone)]
pub(crate) struct Troubled {
    inner: LocalDir,
    capabilities: Capabilities,
    hook: Arc<Hook>,
}

struct TroubledUpload {
    inner: Box<dyn Upload>,
    hook: Arc<Hook>,
}

impl fmt::Debug for Troubled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for TroubledUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Troubled {
    pub(crate) fn new(
        path: &Path,
        capabilities: Capabilities,
        hook: impl Fn(u64, usize) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: LocalDir::new(path),
            capabilities,
            hook: Arc::new(hook),
        }
    }

    fn upload(&self, inner: Box<dyn Upload>) -> Box<dyn Upload> {
        let hook = Arc::clone(&self.hook);
        Box::new(TroubledUpload { inner, hook })
    }
}

impl Store for Troubled {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
    fn location(&self) -> &str {
        self.inner.location()
    }
    fn single_name(&self) -> Option<&str> {
        self.inner.single_name()
    }
    fn check_writable(&self) -> Result<()> {
        self.inner.check_writable()
    }
    fn available_bytes(&self) -> Result<Option<u64>> {
        self.inner.available_bytes()
    }
    fn list(&self) -> Result<Vec<Entry>> {
        self.inner.list()
    }
    fn stat(&self, name: &str) -> Result<Entry> {
        self.inner.stat(name)
    }
    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        self.inner.open(name, offset)
    }
    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        Ok(self.upload(self.inner.create(name)?))
    }
    fn create_new(&self, name: &str, content: &[u8]) -> Result<()> {
        self.inner.create_new(name, content)
    }
    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        self.inner.put(name, content)
    }
    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
        self.inner.replace(name, expected, content)
    }
    fn reopen(&self, name: &str, length: u64) -> Result<Box<dyn Upload>> {
        Ok(self.upload(self.inner.reopen(name, length)?))
    }
    fn publish(&self, names: &[&str]) -> Result<()> {
        self.inner.publish(names)
    }
    fn withdraw(&self, name: &str) -> Result<()> {
        self.inner.withdraw(name)
    }
    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        self.inner.unfinished()
    }
    fn discard(&self, name: &str) -> Result<()> {
        self.inner.discard(name)
    }
    fn delete(&self, names: &[&str]) -> Result<()> {
        self.inner.delete(names)
    }
}

impl Upload for TroubledUpload {
    fn write_all(&mut self, data: &[u8]) -> Result<()> {
        (self.hook)(self.inner.bytes(), data.len())?;
        self.inner.write_all(data)
    }
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }
    fn durable_point(&mut self) -> Result<Durability> {
        self.inner.durable_point()
    }
    fn finish(self: Box<Self>) -> Result<Stored> {
        self.inner.finish()
    }
    fn finish_unpublished(self: Box<Self>) -> Result<Stored> {
        self.inner.finish_unpublished()
    }
    fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort()
    }
}
