//! Objects in an archive: asked for all together, then looked at from time to time until the last one is
//! there (`storage.md` §5, §7).

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use object_store::path::Path;
use tokio::time::{Instant, sleep, timeout_at};

use super::{bucket::Inner, cloud::Archive, download, failure::Failure, options::Thaw};
use crate::ErrorKind;

/// Requests at a time.
const AT_ONCE: usize = 16;

/// Waits until all of the objects can be read.
pub(super) async fn thaw_all(bucket: &Arc<Inner>, keys: Vec<Path>) -> Result<(), Failure> {
    let archived = not_readable(bucket, keys).await?;
    let Some((first, _)) = archived.first() else {
        return Ok(());
    };
    let count = archived.len();
    let Some(thaw) = &bucket.options.thaw else {
        let cause = format!(
            "{count} objects are in an archive, {} among them; with a tier they are asked for",
            bucket.location(first)
        );
        return Err(Failure::new(ErrorKind::Archived, cause));
    };
    tracing::info!(
        "{count} objects are in an archive; they are asked for with tier {}, and waited for up to {} h",
        thaw.tier,
        thaw.deadline.as_secs() / 3600
    );
    let deadline = Instant::now().checked_add(thaw.deadline);
    let asked: Vec<_> = archived
        .iter()
        .map(|(key, state)| ask(bucket, key, *state, thaw))
        .collect();
    let mut asked = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some(one) = asked.next().await {
        one?;
    }
    drop(asked);
    let coming = archived.into_iter().map(|(key, _)| key).collect();
    let wait = wait(bucket, coming, thaw.poll);
    match deadline {
        Some(deadline) => timeout_at(deadline, wait).await.unwrap_or_else(|_| {
            let cause = format!("not all of {count} archived objects came in time");
            Err(Failure::new(ErrorKind::TimedOut, cause))
        }),
        None => wait.await,
    }
}

/// What somebody has asked for already is not asked for again.
async fn ask(bucket: &Inner, key: &Path, state: Archive, thaw: &Thaw) -> Result<(), Failure> {
    if state == Archive::Coming {
        return Ok(());
    }
    bucket.request(|_| bucket.cloud.thaw(key, &thaw.tier)).await
}

async fn wait(bucket: &Inner, mut coming: Vec<Path>, poll: Duration) -> Result<(), Failure> {
    loop {
        let left = not_readable(bucket, coming).await?;
        if left.is_empty() {
            return Ok(());
        }
        tracing::info!("waiting for {} archived objects", left.len());
        coming = left.into_iter().map(|(key, _)| key).collect();
        sleep(poll).await;
    }
}

/// Those of the objects that cannot be read now, in the same order.
async fn not_readable(bucket: &Inner, keys: Vec<Path>) -> Result<Vec<(Path, Archive)>, Failure> {
    let looks: Vec<_> = keys.iter().map(|key| download::look(bucket, key)).collect();
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    let mut found = Vec::new();
    while let Some(look) = looks.next().await {
        let (object, state) = look?;
        if state != Archive::Readable {
            found.push((object.key, state));
        }
    }
    Ok(found)
}
