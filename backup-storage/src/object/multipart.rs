//! One multipart upload: parts under way, their limit, completion and abortion.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use object_store::{
    GetOptions, HeaderMap, MultipartId, PutMultipartOptions, PutPayload, multipart::PartId,
    path::Path,
};
use tokio::{sync::Mutex, task::JoinSet};

use super::{
    bucket::Inner,
    failure::{Failure, Problem},
    part_size::MOST_PARTS,
    transport::Headers,
};
use crate::ErrorKind;

/// Time for removing an upload.
pub(super) const ABORT_LIMIT: Duration = Duration::from_secs(10);

pub(super) type SharedMultipart = Arc<Mutex<Multipart>>;

#[derive(Debug)]
pub(super) struct Multipart {
    bucket: Weak<Inner>,
    /// Its own in the list of begun ones.
    number: u64,
    key: Path,
    id: MultipartId,
    under_way: JoinSet<Result<(usize, PartId), Failure>>,
    sent: usize,
    done: BTreeMap<usize, PartId>,
    is_over: bool,
}

impl Multipart {
    /// Begins an upload, and remembers it until it is over.
    pub(super) async fn begin(bucket: &Arc<Inner>, key: &Path) -> Result<SharedMultipart, Failure> {
        let begin = |_| {
            let options = PutMultipartOptions {
                attributes: bucket.cloud.multipart_attributes(),
                ..PutMultipartOptions::default()
            };
            async move {
                let objects = bucket.cloud.objects();
                Ok(objects.create_multipart_opts(key, options).await?)
            }
        };
        let id = bucket.request(begin).await?;
        let number = bucket.next_number();
        let upload = Arc::new(Mutex::new(Self {
            bucket: Arc::downgrade(bucket),
            number,
            key: key.clone(),
            id,
            under_way: JoinSet::new(),
            sent: 0,
            done: BTreeMap::new(),
            is_over: false,
        }));
        let begun = (key.to_string(), Arc::clone(&upload));
        bucket.begun().insert(number, begun);
        Ok(upload)
    }

    /// Sends a part, when there is room among those under way.
    pub(super) async fn send(&mut self, part: Bytes) -> Result<(), Failure> {
        let bucket = self.bucket()?;
        let most = bucket.options.uploads_per_file;
        while self.under_way.len() >= most.max(1) {
            self.join_one().await?;
        }
        if self.sent as u64 >= MOST_PARTS {
            let cause = format!("an object has at most {MOST_PARTS} parts; larger ones are needed");
            return Err(Failure::new(ErrorKind::TooLarge, cause));
        }
        let (index, key, id) = (self.sent, self.key.clone(), self.id.clone());
        self.sent = self.sent.saturating_add(1);
        self.under_way.spawn(async move {
            let _slot = match &bucket.uploads {
                Some(slots) => Arc::clone(slots).acquire_owned().await.ok(),
                None => None,
            };
            let (bucket, key, id, content) = (&bucket, &key, &id, &part);
            let put = |_| {
                let part = PutPayload::from_bytes(content.clone());
                async move {
                    Ok(bucket
                        .cloud
                        .objects()
                        .put_part(key, id, index, part)
                        .await?)
                }
            };
            let put = bucket.request(put).await?;
            bucket.give_back(part);
            Ok((index, put))
        });
        if most == 0 {
            self.join_one().await?;
        }
        Ok(())
    }

    async fn join_one(&mut self) -> Result<(), Failure> {
        match self.under_way.join_next().await {
            Some(Ok(part)) => {
                let (index, part) = part?;
                self.done.insert(index, part);
                Ok(())
            }
            Some(Err(_)) => Err(Failure::new(ErrorKind::Other, "the upload was stopped")),
            None => Ok(()),
        }
    }

    /// Makes the object of the parts, and looks whether it has `bytes` bytes.
    pub(super) async fn complete(&mut self, bytes: u64) -> Result<HeaderMap, Failure> {
        while !self.under_way.is_empty() {
            self.join_one().await?;
        }
        let bucket = self.bucket()?;
        let (bucket, this) = (&bucket, &*self);
        let complete = |failures| async move {
            let objects = bucket.cloud.objects();
            let parts = this.done.values().cloned().collect();
            match objects.complete_multipart(&this.key, &this.id, parts).await {
                Ok(_) => Ok(()),
                // The answer to an earlier attempt was lost; the size tells, below.
                Err(object_store::Error::NotFound { .. }) if failures > 0 => Ok(()),
                Err(error) => Err(Problem::Store(error)),
            }
        };
        bucket.request(complete).await?;
        let finish = |_| bucket.cloud.after_multipart(&this.key);
        bucket.request(finish).await?;
        let headers = verify(bucket, &this.key, bytes).await?;
        self.forget(bucket);
        Ok(headers)
    }

    /// Stops what is under way, and removes what has arrived.
    pub(super) async fn abort(&mut self) -> Result<(), Failure> {
        if self.is_over {
            return Ok(());
        }
        self.under_way.shutdown().await;
        let bucket = self.bucket()?;
        let (bucket, key, id) = (&bucket, &self.key, &self.id);
        let abort = |_| async move { Ok(bucket.cloud.objects().abort_multipart(key, id).await?) };
        match bucket.request(abort).await {
            Err(failure) if failure.kind == ErrorKind::NotFound => {}
            result => result?,
        }
        let bucket = Arc::clone(bucket);
        self.forget(&bucket);
        Ok(())
    }

    fn forget(&mut self, bucket: &Inner) {
        self.is_over = true;
        bucket.begun().remove(&self.number);
    }

    fn bucket(&self) -> Result<Arc<Inner>, Failure> {
        let gone = || Failure::new(ErrorKind::Other, "the bucket was closed");
        self.bucket.upgrade().ok_or_else(gone)
    }
}

/// Looks at a new object: it must have the size that was sent.
pub(super) async fn verify(bucket: &Inner, key: &Path, bytes: u64) -> Result<HeaderMap, Failure> {
    let head = |_| async move {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        Ok(bucket.cloud.objects().get_opts(key, options).await?)
    };
    let found = bucket.request(head).await?;
    if found.meta.size != bytes {
        let cause = format!("{bytes} bytes were sent, {} are there", found.meta.size);
        return Err(Failure::new(ErrorKind::Damaged, cause));
    }
    let headers = found.extensions.get::<Headers>();
    Ok(headers.map(|headers| headers.0.clone()).unwrap_or_default())
}
