//! An open bucket: the provider's requests, repeated where that helps.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    cloud::Cloud,
    dir::ObjectDir,
    failure::{Failure, Problem},
    file::{self, ObjectFile},
    multipart::SharedMultipart,
    options::ObjectOptions,
    retry::Retry,
    runner::Runner,
};
use crate::{Error, ErrorKind, Operation, Result};

/// A bucket or container, and how to reach it. Cheap to clone; nothing is asked of it before the first
/// method of a store.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub(super) inner: Arc<Inner>,
}

/// Uploads with their keys, by number.
pub(super) type Begun = BTreeMap<u64, (String, SharedMultipart)>;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) cloud: Box<dyn Cloud>,
    pub(super) runner: Runner,
    pub(super) options: ObjectOptions,
    retry: Retry,
    /// `s3://bucket`
    pub(super) shown: String,
    pub(super) uploads: Option<Arc<Semaphore>>,
    pub(super) downloads: Option<Arc<Semaphore>>,
    /// Uploads of this process that are neither completed nor aborted: no provider but S3 and
    /// Google lists them.
    begun: Mutex<Begun>,
    numbers: AtomicU64,
    /// Buffers of parts that have arrived. To free and allocate them time and again would leave holes
    /// between them, and the process would grow to twice what it uses.
    spare: Mutex<Vec<BytesMut>>,
}

impl Bucket {
    pub(super) fn new(
        cloud: Box<dyn Cloud>,
        shown: String,
        options: ObjectOptions,
        usual: Retry,
        runtime: Handle,
    ) -> Self {
        let limit = |most: Option<usize>| most.map(|most| Arc::new(Semaphore::new(most.max(1))));
        let inner = Inner {
            cloud,
            runner: Runner::new(runtime),
            retry: options.retry.unwrap_or(usual),
            uploads: limit(options.uploads),
            downloads: limit(options.downloads),
            shown,
            options,
            begun: Mutex::default(),
            numbers: AtomicU64::new(0),
            spare: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The objects directly below `prefix`, to which a slash is added where it has none; the empty prefix
    /// and `/` are the root of the bucket.
    ///
    /// # Errors
    ///
    /// `InvalidName` for a prefix that begins with a slash or has empty parts, `.` or `..`.
    pub fn directory(&self, prefix: &str) -> Result<ObjectDir> {
        ObjectDir::new(Arc::clone(&self.inner), prefix)
    }

    /// The one object `key`.
    ///
    /// # Errors
    ///
    /// `InvalidName` likewise, and for a key that ends in a slash.
    pub fn file(&self, key: &str) -> Result<ObjectFile> {
        file::of_key(Arc::clone(&self.inner), key)
    }
}

impl Inner {
    /// Makes a request, again and again where that may help.
    pub(super) async fn request<T, F, Fut>(&self, mut request: F) -> Result<T, Failure>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, Problem>>,
    {
        match self.retry.run(&mut request).await {
            // Once: credentials that have just been fetched are not expired.
            Err(failure) if failure.is_expired && self.cloud.renew_credentials() => {
                self.retry.run(request).await
            }
            result => result,
        }
    }

    /// The key of a direct child.
    pub(super) fn key(&self, prefix: &str, name: &str) -> Result<Path> {
        let key = format!("{prefix}{name}");
        Path::parse(&key)
            .map_err(|_| Error::new(ErrorKind::InvalidName, Operation::Name, format!("{name:?}")))
    }

    pub(super) fn location(&self, key: &Path) -> String {
        format!("{}/{key}", self.shown)
    }

    pub(super) fn begun(&self) -> MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty buffer with room for so many bytes.
    pub(super) fn buffer(&self, bytes: usize) -> BytesMut {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        match spare.pop() {
            Some(buffer) if buffer.capacity() >= bytes => buffer,
            _ => BytesMut::with_capacity(bytes),
        }
    }

    /// Takes a buffer back, unless somebody still reads it.
    pub(super) fn give_back(&self, part: Bytes) {
        if let Ok(mut buffer) = part.try_into_mut() {
            buffer.clear();
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            spare.push(buffer);
        }
    }

    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}
