//! A "directory" of a bucket: the objects whose keys are a prefix, which ends in a slash, and a name.
#![deny(clippy::missing_trait_methods)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use object_store::path::Path;

use super::{
    archive,
    bucket::Inner,
    cloud::{Archive, OpenUpload},
    download::{self, ObjectDownload, Pinned},
    failure::{Failure, Problem},
    listing,
    multipart::{self, ABORT_LIMIT},
    small,
    upload::ObjectUpload,
};
use crate::{
    Capabilities, Download, Entry, EntryKind, Error, ErrorKind, Operation, Result, Store,
    Unfinished, Upload, name,
};

/// Objects directly below a prefix. Cheap to clone.
///
/// Keys below a deeper slash are listed as one directory each; the object that some tools make for a
/// "directory" itself is passed over. Small files (lock, state, manifest) have the bucket's usual storage
/// class, so that they can be read and replaced at once; data files that of the options.
#[derive(Clone, Debug)]
pub struct ObjectDir {
    bucket: Arc<Inner>,
    /// Empty, or with a slash at its end.
    prefix: Arc<str>,
    shown: Arc<str>,
}

impl ObjectDir {
    pub(super) fn new(bucket: Arc<Inner>, prefix: &str) -> Result<Self> {
        let inner = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_plain = Path::parse(inner).is_ok_and(|path| path.as_ref() == inner);
        if !is_plain {
            let shown = format!("{}/{prefix}", bucket.shown);
            return Err(Error::new(ErrorKind::InvalidName, Operation::Name, shown));
        }
        let prefix = match inner {
            "" => String::new(),
            inner => format!("{inner}/"),
        };
        Ok(Self {
            shown: format!("{}/{prefix}", bucket.shown).into(),
            prefix: prefix.into(),
            bucket,
        })
    }

    fn location_of(&self, name: &str) -> String {
        format!("{}{name}", self.shown)
    }

    fn key(&self, name: &str) -> Result<Path> {
        name::check(name)?;
        self.bucket.key(&self.prefix, name)
    }

    fn final_key(&self, name: &str) -> Result<Path> {
        name::check_final(name)?;
        self.key(name)
    }

    fn look(&self, name: &str, operation: Operation) -> Result<(Pinned, Archive)> {
        let key = self.key(name)?;
        let bucket = Arc::clone(&self.bucket);
        let look = async move { download::look(&bucket, &key).await };
        let found = self.bucket.runner.block(look);
        found.map_err(|failure| failure.into_error(operation, self.location_of(name)))
    }

    /// What is there, with its first bytes.
    fn first_range(&self, name: &str) -> Result<(Pinned, Vec<Bytes>)> {
        let key = self.key(name)?;
        let bucket = Arc::clone(&self.bucket);
        let open = async move { download::open(&bucket, &key).await };
        let found = self.bucket.runner.block(open);
        found.map_err(|failure| failure.into_error(Operation::Open, self.location_of(name)))
    }

    fn unsupported<T>(&self, name: &str, operation: Operation) -> Result<T> {
        name::check(name)?;
        Err(Error::new(
            ErrorKind::Unsupported,
            operation,
            self.location_of(name),
        ))
    }

    /// Open uploads of direct children, by name: those that the provider lists, and those of this process.
    fn open_uploads(&self, only: Option<&str>) -> Result<BTreeMap<String, Vec<OpenUpload>>> {
        let bucket = Arc::clone(&self.bucket);
        let prefix = format!("{}{}", self.prefix, only.unwrap_or_default());
        let list = async move {
            let (bucket, prefix) = (&bucket, &prefix);
            let listed = bucket.request(|_| bucket.cloud.open_uploads(prefix)).await;
            match listed {
                // Listing them is a right of its own, which a backup can do without.
                Err(failure)
                    if matches!(
                        failure.kind,
                        ErrorKind::PermissionDenied | ErrorKind::Unsupported
                    ) =>
                {
                    tracing::debug!(%failure, "open uploads cannot be listed");
                    Ok(None)
                }
                result => result,
            }
        };
        let listed = self.bucket.runner.block(list);
        let listed = listed.map_err(|failure| failure.into_error(Operation::List, &*self.shown))?;
        let begun = self.bucket.begun();
        let own = begun.values().map(|(key, _)| OpenUpload {
            key: key.clone(),
            id: String::new(),
        });
        let mut found = BTreeMap::<String, Vec<OpenUpload>>::new();
        for upload in listed.unwrap_or_default().into_iter().chain(own) {
            let child = upload.key.strip_prefix(&*self.prefix);
            let child = child.filter(|child| name::check(child).is_ok());
            if let Some(child) = child.filter(|child| only.is_none_or(|only| only == *child)) {
                found.entry(child.to_owned()).or_default().push(upload);
            }
        }
        Ok(found)
    }

    /// Aborts what this process has begun for a key.
    fn abort_own(&self, key: &Path) -> Result<(), Failure> {
        let key = key.to_string();
        let own: Vec<_> = {
            let begun = self.bucket.begun();
            let own = begun.values().filter(|(begun, _)| *begun == key);
            own.map(|(_, upload)| Arc::clone(upload)).collect()
        };
        if own.is_empty() {
            return Ok(());
        }
        self.bucket.runner.block_for(ABORT_LIMIT, async move {
            for upload in own {
                upload.lock().await.abort().await?;
            }
            Ok(())
        })
    }
}

impl Store for ObjectDir {
    fn capabilities(&self) -> Capabilities {
        Capabilities::OBJECTS
    }

    fn location(&self) -> &str {
        &self.shown
    }

    fn single_name(&self) -> Option<&str> {
        None
    }

    /// Whether the bucket is there and may be listed; what may be written only writing shows.
    fn check_writable(&self) -> Result<()> {
        let (bucket, prefix) = (Arc::clone(&self.bucket), Arc::clone(&self.prefix));
        let first = async move { listing::first(&bucket, &prefix).await };
        let first = self.bucket.runner.block(first);
        first.map_err(|failure| failure.into_error(Operation::Check, &*self.shown))
    }

    fn available_bytes(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    fn list(&self) -> Result<Vec<Entry>> {
        let (bucket, prefix) = (Arc::clone(&self.bucket), Arc::clone(&self.prefix));
        let list = async move { listing::all(&bucket, &prefix).await };
        let listed = self.bucket.runner.block(list);
        listed.map_err(|failure| failure.into_error(Operation::List, &*self.shown))
    }

    fn stat(&self, name: &str) -> Result<Entry> {
        let (object, _) = self.look(name, Operation::Stat)?;
        Ok(Entry {
            name: name.to_owned(),
            kind: EntryKind::File,
            size: Some(object.size),
        })
    }

    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        let bucket = Arc::clone(&self.bucket);
        if offset == 0 {
            let (object, arrived) = self.first_range(name)?;
            return Ok(Box::new(ObjectDownload::new(bucket, object, 0, arrived)));
        }
        let (object, archive) = self.look(name, Operation::Open)?;
        let failed = |kind| Err(Error::new(kind, Operation::Open, self.location_of(name)));
        if archive != Archive::Readable {
            return failed(ErrorKind::Archived);
        }
        if object.size < offset {
            let (expected, found) = (offset, object.size);
            return failed(ErrorKind::WrongSize { expected, found });
        }
        Ok(Box::new(ObjectDownload::new(
            bucket,
            object,
            offset,
            Vec::new(),
        )))
    }

    fn make_readable(&self, names: &[&str]) -> Result<()> {
        let keys = names.iter().map(|name| self.key(name));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let bucket = Arc::clone(&self.bucket);
        let thaw = async move { archive::thaw_all(&bucket, keys).await };
        let thawed = self.bucket.runner.block(thaw);
        thawed.map_err(|failure| failure.into_error(Operation::Thaw, &*self.shown))
    }

    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        let key = self.final_key(name)?;
        let aborted = self.abort_own(&key);
        aborted.map_err(|failure| failure.into_error(Operation::Abort, self.location_of(name)))?;
        Ok(Box::new(ObjectUpload::new(Arc::clone(&self.bucket), key)))
    }

    fn create_new(&self, name: &str, content: &[u8]) -> Result<()> {
        small::create_new(&self.bucket, self.final_key(name)?, content)
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        small::put(&self.bucket, self.final_key(name)?, content)
    }

    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
        small::replace(&self.bucket, self.final_key(name)?, expected, content)
    }

    fn reopen(&self, name: &str, _length: u64) -> Result<Box<dyn Upload>> {
        self.unsupported(name, Operation::Reopen)
    }

    fn publish(&self, names: &[&str]) -> Result<()> {
        match names.first() {
            Some(name) => self.unsupported(name, Operation::Publish),
            None => Ok(()),
        }
    }

    fn withdraw(&self, name: &str) -> Result<()> {
        self.unsupported(name, Operation::Publish)
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        let found = self.open_uploads(None)?;
        let names = found.into_keys();
        Ok(names.map(|name| Unfinished { name, bytes: None }).collect())
    }

    fn discard(&self, name: &str) -> Result<()> {
        let key = self.final_key(name)?;
        let failed =
            |failure: Failure| failure.into_error(Operation::Abort, self.location_of(name));
        self.abort_own(&key).map_err(failed)?;
        let open = self.open_uploads(Some(name))?.into_values().flatten();
        let ids: BTreeSet<_> = open
            .map(|upload| upload.id)
            .filter(|id| !id.is_empty())
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let bucket = Arc::clone(&self.bucket);
        let abort = async move { multipart::abort_all(&bucket, &key, &ids).await };
        let aborted = self.bucket.runner.block_for(ABORT_LIMIT, abort);
        aborted.map_err(failed)
    }

    fn delete(&self, names: &[&str]) -> Result<()> {
        let keys = names.iter().map(|name| self.key(name));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Ok(());
        }
        let bucket = Arc::clone(&self.bucket);
        let delete = async move { delete_keys(&bucket, keys).await };
        let deleted = self.bucket.runner.block(delete);
        deleted.map_err(|failure| failure.into_error(Operation::Delete, &*self.shown))
    }

    fn interrupt(&self) {
        self.bucket.runner.interrupt();
    }
}

/// Deletes objects, as many with one request as the provider allows. What is not there is no error.
pub(super) async fn delete_keys(bucket: &Inner, keys: Vec<Path>) -> Result<(), Failure> {
    let keys = &keys;
    let delete = |_| async move {
        let keys: Vec<object_store::Result<Path>> = keys.iter().cloned().map(Ok).collect();
        let mut deleted = bucket
            .cloud
            .objects()
            .delete_stream(stream::iter(keys).boxed());
        let mut first = Ok(());
        while let Some(one) = deleted.next().await {
            match one {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) if first.is_ok() => first = Err(Problem::Store(error)),
                Err(_) => {}
            }
        }
        first
    };
    bucket.request(delete).await
}
