//! Writing an object: in one request while it fits into one part, else in parts.

use std::sync::Arc;

use bytes::BytesMut;
use crc_fast::{CrcAlgorithm, Digest};
use object_store::{HeaderMap, PutOptions, PutPayload, path::Path};

use super::{
    bucket::Inner,
    failure::Failure,
    multipart::{self, ABORT_LIMIT, Multipart, SharedMultipart},
};
use crate::{Durability, Error, ErrorKind, Operation, Result, Stored, Upload};

pub(super) struct ObjectUpload {
    bucket: Arc<Inner>,
    key: Path,
    /// What is not sent yet. Its room is made when it is needed.
    part: BytesMut,
    /// Size of the part that is being filled.
    part_bytes: usize,
    /// Parts sent.
    parts: u64,
    bytes: u64,
    multipart: Option<SharedMultipart>,
    crc32c: Option<Digest>,
    /// What failed first.
    failed: Option<ErrorKind>,
}

impl ObjectUpload {
    pub(super) fn new(bucket: Arc<Inner>, key: Path) -> Self {
        let part_bytes = part_bytes(&bucket, 0);
        let has_crc32c = bucket.cloud.has_crc32c();
        Self {
            key,
            part: BytesMut::new(),
            part_bytes,
            parts: 0,
            bytes: 0,
            multipart: None,
            crc32c: has_crc32c.then(|| Digest::new(CrcAlgorithm::Crc32Iscsi)),
            failed: None,
            bucket,
        }
    }

    fn check_sound(&self, operation: Operation) -> Result<()> {
        match self.failed {
            Some(kind) => Err(Error::new(kind, operation, self.location())),
            None => Ok(()),
        }
    }

    /// Remembers a failure.
    fn watched<T>(&mut self, operation: Operation, result: Result<T, Failure>) -> Result<T> {
        result.map_err(|failure| {
            self.failed.get_or_insert(failure.kind);
            failure.into_error(operation, self.location())
        })
    }

    fn location(&self) -> String {
        self.bucket.location(&self.key)
    }

    /// Sends the part that is full.
    fn send(&mut self) -> Result<()> {
        let part = std::mem::take(&mut self.part).freeze();
        let (bucket, key) = (Arc::clone(&self.bucket), self.key.clone());
        let begun = self.multipart.clone();
        let sent = self.bucket.runner.transfer(async move {
            let upload = match begun {
                Some(upload) => upload,
                None => Multipart::begin(&bucket, &key).await?,
            };
            let sent = upload.lock().await.send(part).await;
            Ok((upload, sent))
        });
        let (upload, sent) = self.watched(Operation::Create, sent)?;
        self.multipart = Some(upload);
        self.parts = self.parts.saturating_add(1);
        self.part_bytes = part_bytes(&self.bucket, self.parts);
        self.watched(Operation::Write, sent)
    }

    /// All of it in one request.
    fn put(&mut self) -> Result<()> {
        let content = std::mem::take(&mut self.part).freeze();
        let (bucket, key, bytes) = (Arc::clone(&self.bucket), self.key.clone(), self.bytes);
        let is_verified = self.bucket.cloud.checks_single();
        let put = self.bucket.runner.transfer(async move {
            let (bucket, key, whole) = (&bucket, &key, content);
            let content = &whole;
            let put = |_| {
                let options = PutOptions {
                    attributes: bucket.cloud.attributes(),
                    ..PutOptions::default()
                };
                let content = PutPayload::from_bytes(content.clone());
                async move {
                    Ok(bucket
                        .cloud
                        .objects()
                        .put_opts(key, content, options)
                        .await?)
                }
            };
            bucket.request(put).await?;
            bucket.give_back(whole);
            match is_verified {
                true => multipart::verify(bucket, key, bytes).await.map(Some),
                false => Ok(None),
            }
        });
        let headers = self.watched(Operation::Write, put)?;
        self.check_crc32c(headers.as_ref())
    }

    fn complete(&mut self, upload: SharedMultipart) -> Result<()> {
        if !self.part.is_empty() {
            self.send()?;
        }
        let bytes = self.bytes;
        let complete = async move { upload.lock().await.complete(bytes).await };
        let completed = self.bucket.runner.block(complete);
        let headers = self.watched(Operation::Publish, completed)?;
        self.multipart = None;
        self.check_crc32c(Some(&headers))
    }

    /// What the provider has must be what was sent (`storage.md` §6); otherwise it is removed.
    fn check_crc32c(&mut self, headers: Option<&HeaderMap>) -> Result<()> {
        let Some(digest) = self.crc32c.take() else {
            return Ok(());
        };
        let Some(found) = headers.and_then(crc32c) else {
            return Ok(()); // the provider told none
        };
        let sent = digest.finalize();
        if u64::from(found) == sent {
            return Ok(());
        }
        let (bucket, key) = (Arc::clone(&self.bucket), self.key.clone());
        let removed = self
            .bucket
            .runner
            .block(async move { super::dir::delete_keys(&bucket, vec![key]).await });
        if let Err(failure) = removed {
            tracing::warn!(object = %self.location(), %failure, "a damaged object stays behind");
        }
        let cause = format!("CRC-32C {sent:08x} was sent, {found:08x} is there");
        self.watched(
            Operation::Write,
            Err(Failure::new(ErrorKind::Damaged, cause)),
        )
    }
}

/// `x-goog-hash: crc32c=<base64>`, possibly several of them in one line.
fn crc32c(headers: &HeaderMap) -> Option<u32> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let lines = headers.get_all("x-goog-hash").iter();
    let mut hashes = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let encoded = hashes.find_map(|hash| hash.trim().strip_prefix("crc32c="))?;
    let bytes = STANDARD.decode(encoded).ok()?;
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn part_bytes(bucket: &Inner, parts: u64) -> usize {
    usize::try_from(bucket.options.part_size.bytes(parts)).unwrap_or(usize::MAX)
}

impl std::fmt::Debug for ObjectUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectUpload")
            .field("location", &self.location())
            .field("bytes", &self.bytes)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl Upload for ObjectUpload {
    fn write_all(&mut self, data: &[u8]) -> Result<()> {
        self.check_sound(Operation::Write)?;
        let mut rest = data;
        while !rest.is_empty() {
            // Sent when more comes, so that a file of exactly one part is one request.
            if self.part.len() >= self.part_bytes {
                self.send()?;
            }
            let room = self.part_bytes.saturating_sub(self.part.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            if self.part.capacity() == 0 {
                self.part = self.bucket.buffer(self.part_bytes);
            }
            self.part.extend_from_slice(now);
            rest = later;
        }
        if let Some(digest) = &mut self.crc32c {
            digest.update(data);
        }
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn durable_point(&mut self) -> Result<Durability> {
        self.check_sound(Operation::Sync)?;
        Ok(Durability::OnFinish)
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        self.check_sound(Operation::Publish)?;
        match self.multipart.clone() {
            Some(upload) => self.complete(upload)?,
            None => self.put()?,
        }
        Ok(Stored::new(self.bytes))
    }

    fn finish_unpublished(self: Box<Self>) -> Result<Stored> {
        let kind = ErrorKind::Unsupported;
        Err(Error::new(kind, Operation::Publish, self.location()))
    }

    fn abort(mut self: Box<Self>) -> Result<()> {
        let Some(upload) = self.multipart.take() else {
            return Ok(());
        };
        let abort = async move { upload.lock().await.abort().await };
        let aborted = self.bucket.runner.block_for(ABORT_LIMIT, abort);
        aborted.map_err(|failure| failure.into_error(Operation::Abort, self.location()))
    }
}

impl Drop for ObjectUpload {
    /// Nothing of it can be used any more, and open uploads cost money. Nobody waits for it here.
    fn drop(&mut self) {
        if let Some(upload) = self.multipart.take() {
            let location = self.location();
            self.bucket.runner.handle().spawn(async move {
                if let Err(failure) = upload.lock().await.abort().await {
                    tracing::warn!(%location, %failure, "an open upload stays behind");
                }
            });
        }
    }
}
