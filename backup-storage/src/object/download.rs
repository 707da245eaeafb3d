//! Reading an object: ranges of it, some ahead of the reader, all of one and the same object
//! (`storage.md` §2.7).

use std::{
    collections::VecDeque,
    io::{self, Read},
    ops::Range,
    sync::Arc,
};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use object_store::{GetOptions, GetRange, GetResult, path::Path};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    bucket::Inner,
    cloud::Archive,
    failure::Failure,
    runner::Started,
    transport::{Headers, Streamed},
};
use crate::{Download, ErrorKind, Operation};

/// What was opened.
#[derive(Clone, Debug)]
pub(super) struct Pinned {
    pub(super) key: Path,
    pub(super) size: u64,
    pub(super) e_tag: Option<String>,
}

pub(super) struct ObjectDownload {
    bucket: Arc<Inner>,
    object: Pinned,
    /// Where the next range begins that nobody reads yet.
    next: u64,
    under_way: VecDeque<Started<Vec<Bytes>>>,
    /// What has arrived and was not handed out.
    arrived: VecDeque<Bytes>,
    position: u64,
}

impl ObjectDownload {
    /// Reads from `offset` on, of which `arrived` is there already.
    pub(super) fn new(
        bucket: Arc<Inner>,
        object: Pinned,
        offset: u64,
        arrived: Vec<Bytes>,
    ) -> Self {
        let there: usize = arrived.iter().map(Bytes::len).sum();
        Self {
            bucket,
            object,
            next: offset.saturating_add(there as u64),
            under_way: VecDeque::new(),
            arrived: arrived.into(),
            position: offset,
        }
    }

    /// Asks for as many ranges as may be under way.
    fn read_ahead(&mut self) {
        let options = &self.bucket.options;
        let (most, bytes) = (options.ranges_per_file.max(1), options.range_bytes.max(1));
        while self.under_way.len() < most && self.next < self.object.size {
            let end = self.next.saturating_add(bytes).min(self.object.size);
            let (bucket, object) = (Arc::clone(&self.bucket), self.object.clone());
            let range = self.next..end;
            self.next = end;
            let fetch = async move {
                let slot = slot(&bucket).await;
                fetch(&bucket, &object, range, slot, None).await
            };
            self.under_way
                .push_back(self.bucket.runner.start_transfer(fetch));
        }
    }

    /// Waits for the next bytes; none at the end.
    fn fill(&mut self) -> Result<(), Failure> {
        while self.arrived.is_empty() && self.position < self.object.size {
            self.read_ahead();
            let Some(first) = self.under_way.pop_front() else {
                return Ok(());
            };
            self.arrived.extend(first.wait()?);
            self.read_ahead();
        }
        Ok(())
    }
}

/// Looks at an object by reading its first range: a small one is there as a whole then, and of one piece.
pub(super) async fn open(bucket: &Inner, key: &Path) -> Result<(Pinned, Vec<Bytes>), Failure> {
    let end = bucket.options.range_bytes.max(1);
    let slot = slot(bucket).await;
    let found = match get(bucket, key, 0..end, None).await {
        Ok(found) => found,
        // No range of an empty object can be asked for.
        Err(failure) if failure.is_range_refused => {
            let (object, _) = look(bucket, key).await?;
            return match object.size {
                0 => Ok((object, Vec::new())),
                _ => Err(failure),
            };
        }
        Err(failure) => return Err(failure),
    };
    let object = Pinned {
        key: key.clone(),
        size: found.meta.size,
        e_tag: found.meta.e_tag.clone(),
    };
    let range = 0..end.min(object.size);
    let pieces = fetch(bucket, &object, range, slot, Some(found)).await?;
    Ok((object, pieces))
}

/// One of the requests that may read at a time. It comes before a connection, always: the other order could
/// end in each waiting for the other.
async fn slot(bucket: &Inner) -> Option<OwnedSemaphorePermit> {
    let slots = Arc::clone(bucket.downloads.as_ref()?);
    slots.acquire_owned().await.ok()
}

/// Looks at an object without reading it.
pub(super) async fn look(bucket: &Inner, key: &Path) -> Result<(Pinned, Archive), Failure> {
    let head = |_| async move {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        Ok(bucket.cloud.objects().get_opts(key, options).await?)
    };
    let found = bucket.request(head).await?;
    let headers = found.extensions.get::<Headers>();
    let archive = headers.map_or(Archive::Readable, |headers| {
        bucket.cloud.archive(&headers.0)
    });
    let object = Pinned {
        key: key.clone(),
        size: found.meta.size,
        e_tag: found.meta.e_tag,
    };
    Ok((object, archive))
}

/// Reads one range, and goes on where the connection broke off. `begun` is an answer that has come already.
async fn fetch(
    bucket: &Inner,
    object: &Pinned,
    range: Range<u64>,
    _slot: Option<OwnedSemaphorePermit>,
    mut begun: Option<GetResult>,
) -> Result<Vec<Bytes>, Failure> {
    let retry = &bucket.options.read_retry;
    let (mut pieces, mut position, mut failures) = (Vec::new(), range.start, 0_u32);
    while position < range.end {
        let before = position;
        let answer = match begun.take() {
            Some(begun) => Ok(begun),
            None => again(bucket, object, position..range.end).await,
        };
        let failure = match answer {
            Ok(answer) => take(answer, &mut position, range.end, &mut pieces).await,
            Err(failure) => return Err(failure),
        };
        let Err(failure) = failure else {
            continue;
        };
        failures = if position > before {
            1
        } else {
            failures.saturating_add(1)
        };
        if failures >= retry.attempts {
            return Err(failure);
        }
        let pause = retry.pause(failures);
        tracing::debug!(key = %object.key, position, %failure, ?pause, "a download is continued");
        tokio::time::sleep(pause).await;
    }
    Ok(pieces)
}

/// Asks for a range of the object that was opened, and of no other.
async fn again(bucket: &Inner, object: &Pinned, range: Range<u64>) -> Result<GetResult, Failure> {
    let found = get(bucket, &object.key, range, object.e_tag.as_deref()).await?;
    // A server that does not know If-Match would deliver another object without a word.
    if found.meta.size != object.size || found.meta.e_tag != object.e_tag {
        return Err(Failure::new(
            ErrorKind::Changed,
            "another object has this name now",
        ));
    }
    Ok(found)
}

async fn get(
    bucket: &Inner,
    key: &Path,
    range: Range<u64>,
    e_tag: Option<&str>,
) -> Result<GetResult, Failure> {
    let range = &range;
    let get = |_| {
        let mut options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: e_tag.map(str::to_owned),
            ..GetOptions::default()
        };
        options.extensions.insert(Streamed);
        async move { Ok(bucket.cloud.objects().get_opts(key, options).await?) }
    };
    bucket.request(get).await
}

/// Takes what an answer brings, up to `end`. All failures may pass.
async fn take(
    answer: GetResult,
    position: &mut u64,
    end: u64,
    pieces: &mut Vec<Bytes>,
) -> Result<(), Failure> {
    let mut body = answer.into_stream();
    while *position < end {
        let piece = match body.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Err(Failure::lost(&error)),
            None => {
                return Err(Failure::new(
                    ErrorKind::Unavailable,
                    "the answer ended early",
                ));
            }
        };
        let left = usize::try_from(end.saturating_sub(*position)).unwrap_or(usize::MAX);
        let piece = piece.slice(..piece.len().min(left));
        *position = position.saturating_add(piece.len() as u64);
        pieces.push(piece);
    }
    Ok(())
}

impl std::fmt::Debug for ObjectDownload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectDownload")
            .field("object", &self.object)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Read for ObjectDownload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.fill().map_err(|failure| {
            let location = self.bucket.location(&self.object.key);
            io::Error::from(failure.into_error(Operation::Read, location))
        })?;
        let Some(first) = self.arrived.front_mut() else {
            return Ok(0);
        };
        let read = first.len().min(buffer.len());
        first.copy_to_slice(buffer.get_mut(..read).unwrap_or_default());
        if first.is_empty() {
            self.arrived.pop_front();
        }
        self.position = self.position.saturating_add(read as u64);
        Ok(read)
    }
}

impl Download for ObjectDownload {
    fn size(&self) -> Option<u64> {
        Some(self.object.size)
    }
}
