//! One multipart upload: parts under way, their limit, completion and abortion.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
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
    /// It took several attempts to begin: answers may have been lost, and with them ids of uploads.
    may_have_twins: bool,
    is_over: bool,
}

impl Multipart {
    /// Begins an upload, and remembers it until it is over.
    pub(super) async fn begin(bucket: &Arc<Inner>, key: &Path) -> Result<SharedMultipart, Failure> {
        let attempts = AtomicU32::new(0);
        let begin = |_| {
            attempts.fetch_add(1, Ordering::Relaxed);
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
            may_have_twins: attempts.into_inner() > 1,
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
        let attempts = &AtomicU32::new(0);
        let complete = |_| async move {
            attempts.fetch_add(1, Ordering::Relaxed);
            let objects = bucket.cloud.objects();
            let parts = this.done.values().cloned().collect();
            let completed = objects.complete_multipart(&this.key, &this.id, parts);
            Ok(completed.await.map(drop)?)
        };
        match bucket.request(complete).await {
            // The answer to an earlier attempt was lost; the size tells, below.
            Err(failure) if failure.is_upload_gone && attempts.load(Ordering::Relaxed) > 1 => {}
            completed => completed?,
        }
        let finish = |_| bucket.cloud.after_multipart(&this.key);
        bucket.request(finish).await?;
        let headers = verify(bucket, &this.key, bytes).await?;
        if this.may_have_twins {
            abort_twins(bucket, &this.key, &this.id).await;
        }
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
        if self.may_have_twins {
            abort_twins(&bucket, &self.key, &self.id).await;
        }
        abort_all(&bucket, &self.key, [&self.id]).await?;
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

/// Removes open uploads of a key. What is not there is no error.
pub(super) async fn abort_all(
    bucket: &Inner,
    key: &Path,
    ids: impl IntoIterator<Item = &String>,
) -> Result<(), Failure> {
    for id in ids {
        let abort = |_| async move {
            match bucket.cloud.objects().abort_multipart(key, id).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(Problem::Store(error)),
            }
        };
        bucket.request(abort).await?;
    }
    Ok(())
}

/// Removes uploads that were begun for the same object and whose ids never arrived.
async fn abort_twins(bucket: &Inner, key: &Path, own: &str) {
    let prefix = key.as_ref();
    let aborted = async {
        let listed = bucket
            .request(|_| bucket.cloud.open_uploads(prefix))
            .await?;
        let twins = listed.unwrap_or_default().into_iter();
        let twins = twins.filter(|found| found.key == prefix && found.id != own);
        let ids: Vec<_> = twins.map(|twin| twin.id).collect();
        abort_all(bucket, key, &ids).await
    };
    if let Err(failure) = aborted.await {
        tracing::warn!(%key, %failure, "an open upload may stay behind");
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
