//! A store that asks somebody before each call: the one wrapper there is, for limits of speed, for faults and
//! for watching. Repeating what failed is no matter of it: only the store itself knows what may be repeated.

use std::{fmt, io, sync::Arc};

use crate::{Capabilities, Download, Durability, Entry, Result, Store, Stored, Unfinished, Upload};

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call<'a> {
    /// [`Store::check_writable`]
    CheckWritable,
    /// [`Store::list`]
    List,
    /// [`Store::stat`]
    Stat(&'a str),
    /// [`Store::open`], from this offset on.
    Open(&'a str, u64),
    /// Reading from an open file, into room for so many bytes.
    Read(&'a str, usize),
    /// [`Store::make_readable`]
    MakeReadable(&'a [&'a str]),
    /// [`Store::create`]
    Create(&'a str),
    /// [`Store::create_new`], with this content.
    CreateNew(&'a str, &'a [u8]),
    /// [`Store::put`], with this content.
    Put(&'a str, &'a [u8]),
    /// [`Store::replace`], with this new content.
    Replace(&'a str, &'a [u8]),
    /// [`Store::reopen`], at this length.
    Reopen(&'a str, u64),
    /// [`Upload::write_all`]: bytes that the file has, and bytes that come.
    Write(&'a str, u64, usize),
    /// [`Upload::durable_point`]
    DurablePoint(&'a str),
    /// [`Upload::finish`] or [`Upload::finish_unpublished`].
    Finish(&'a str),
    /// [`Upload::abort`]
    Abort(&'a str),
    /// [`Store::publish`]
    Publish(&'a [&'a str]),
    /// [`Store::withdraw`]
    Withdraw(&'a str),
    /// [`Store::unfinished`]
    Unfinished,
    /// [`Store::discard`]
    Discard(&'a str),
    /// [`Store::delete`]
    Delete(&'a [&'a str]),
}

/// Who is asked, and told. A closure that takes a [`Call`] is one, too.
pub trait Hooks: Send + Sync {
    /// Comes before each call, on its thread. It may take its time.
    ///
    /// # Errors
    ///
    /// That of the call, which is not made then.
    fn before(&self, call: Call<'_>) -> Result<()>;

    /// So much of a file is durable.
    fn durable(&self, _name: &str, _durability: Durability) {}

    /// A file is complete, published or not.
    fn finished(&self, _name: &str, _stored: Stored) {}

    /// What the store says that it can do; `real` is what it can.
    fn capabilities(&self, real: Capabilities) -> Capabilities {
        real
    }

    /// What the store says about its room.
    ///
    /// # Errors
    ///
    /// As [`Store::available_bytes`].
    fn available_bytes(&self, store: &dyn Store) -> Result<Option<u64>> {
        store.available_bytes()
    }
}

impl<F: Fn(Call<'_>) -> Result<()> + Send + Sync> Hooks for F {
    fn before(&self, call: Call<'_>) -> Result<()> {
        self(call)
    }
}

/// A store with [`Hooks`]. Cheap to clone.
#[derive(Clone)]
pub struct Hooked {
    inner: Arc<dyn Store>,
    hooks: Arc<dyn Hooks>,
}

impl Hooked {
    /// `inner`, where `hooks` are asked first.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, hooks: Arc<dyn Hooks>) -> Self {
        Self { inner, hooks }
    }

    fn upload(&self, name: &str, inner: Box<dyn Upload>) -> Box<dyn Upload> {
        Box::new(HookedUpload {
            inner,
            name: name.to_owned(),
            hooks: Arc::clone(&self.hooks),
        })
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[deny(clippy::missing_trait_methods)]
impl Store for Hooked {
    fn capabilities(&self) -> Capabilities {
        self.hooks.capabilities(self.inner.capabilities())
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn single_name(&self) -> Option<&str> {
        self.inner.single_name()
    }

    fn check_writable(&self) -> Result<()> {
        self.hooks.before(Call::CheckWritable)?;
        self.inner.check_writable()
    }

    fn available_bytes(&self) -> Result<Option<u64>> {
        self.hooks.available_bytes(&*self.inner)
    }

    fn list(&self) -> Result<Vec<Entry>> {
        self.hooks.before(Call::List)?;
        self.inner.list()
    }

    fn stat(&self, name: &str) -> Result<Entry> {
        self.hooks.before(Call::Stat(name))?;
        self.inner.stat(name)
    }

    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        self.hooks.before(Call::Open(name, offset))?;
        Ok(Box::new(HookedDownload {
            inner: self.inner.open(name, offset)?,
            name: name.to_owned(),
            hooks: Arc::clone(&self.hooks),
        }))
    }

    fn make_readable(&self, names: &[&str]) -> Result<()> {
        self.hooks.before(Call::MakeReadable(names))?;
        self.inner.make_readable(names)
    }

    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        self.hooks.before(Call::Create(name))?;
        Ok(self.upload(name, self.inner.create(name)?))
    }

    fn create_new(&self, name: &str, content: &[u8]) -> Result<()> {
        self.hooks.before(Call::CreateNew(name, content))?;
        self.inner.create_new(name, content)
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        self.hooks.before(Call::Put(name, content))?;
        self.inner.put(name, content)
    }

    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
        self.hooks.before(Call::Replace(name, content))?;
        self.inner.replace(name, expected, content)
    }

    fn reopen(&self, name: &str, length: u64) -> Result<Box<dyn Upload>> {
        self.hooks.before(Call::Reopen(name, length))?;
        Ok(self.upload(name, self.inner.reopen(name, length)?))
    }

    fn publish(&self, names: &[&str]) -> Result<()> {
        self.hooks.before(Call::Publish(names))?;
        self.inner.publish(names)
    }

    fn withdraw(&self, name: &str) -> Result<()> {
        self.hooks.before(Call::Withdraw(name))?;
        self.inner.withdraw(name)
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        self.hooks.before(Call::Unfinished)?;
        self.inner.unfinished()
    }

    fn discard(&self, name: &str) -> Result<()> {
        self.hooks.before(Call::Discard(name))?;
        self.inner.discard(name)
    }

    fn delete(&self, names: &[&str]) -> Result<()> {
        self.hooks.before(Call::Delete(names))?;
        self.inner.delete(names)
    }

    fn interrupt(&self) {
        self.inner.interrupt();
    }
}

struct HookedDownload {
    inner: Box<dyn Download>,
    name: String,
    hooks: Arc<dyn Hooks>,
}

impl fmt::Debug for HookedDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl io::Read for HookedDownload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.hooks.before(Call::Read(&self.name, buffer.len()))?;
        self.inner.read(buffer)
    }
}

#[deny(clippy::missing_trait_methods)]
impl Download for HookedDownload {
    fn size(&self) -> Option<u64> {
        self.inner.size()
    }
}

struct HookedUpload {
    inner: Box<dyn Upload>,
    name: String,
    hooks: Arc<dyn Hooks>,
}

impl fmt::Debug for HookedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[deny(clippy::missing_trait_methods)]
impl Upload for HookedUpload {
    fn write_all(&mut self, data: &[u8]) -> Result<()> {
        let call = Call::Write(&self.name, self.inner.bytes(), data.len());
        self.hooks.before(call)?;
        self.inner.write_all(data)
    }

    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    fn durable_point(&mut self) -> Result<Durability> {
        self.hooks.before(Call::DurablePoint(&self.name))?;
        let durability = self.inner.durable_point()?;
        self.hooks.durable(&self.name, durability);
        Ok(durability)
    }

    fn finish(self: Box<Self>) -> Result<Stored> {
        self.hooks.before(Call::Finish(&self.name))?;
        let stored = self.inner.finish()?;
        self.hooks.finished(&self.name, stored);
        Ok(stored)
    }

    fn finish_unpublished(self: Box<Self>) -> Result<Stored> {
        self.hooks.before(Call::Finish(&self.name))?;
        let stored = self.inner.finish_unpublished()?;
        self.hooks.finished(&self.name, stored);
        Ok(stored)
    }

    fn abort(self: Box<Self>) -> Result<()> {
        self.hooks.before(Call::Abort(&self.name))?;
        self.inner.abort()
    }
}
