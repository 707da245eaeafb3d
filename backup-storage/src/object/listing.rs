//! Listing: only what lies directly below a prefix that ends in a slash, so that a sibling whose name
//! begins alike is never touched (`storage.md` §2.4).

use object_store::list::{PaginatedListOptions, PaginatedListResult};

use super::{bucket::Inner, failure::Failure};
use crate::{Entry, EntryKind};

/// Finds out whether the bucket can be listed.
pub(super) async fn first(bucket: &Inner, prefix: &str) -> Result<(), Failure> {
    page(bucket, prefix, None, Some(1)).await.map(|_| ())
}

/// All direct children, in the order of their names' bytes.
pub(super) async fn all(bucket: &Inner, prefix: &str) -> Result<Vec<Entry>, Failure> {
    let (mut entries, mut token) = (Vec::new(), None);
    loop {
        let page = page(bucket, prefix, token, None).await?;
        let objects = page.result.objects.iter().filter_map(|object| {
            let kind = EntryKind::File;
            entry(prefix, object.location.as_ref(), kind, Some(object.size))
        });
        entries.extend(objects);
        let deeper = page.result.common_prefixes.iter();
        let deeper =
            deeper.filter_map(|deeper| entry(prefix, deeper.as_ref(), EntryKind::Directory, None));
        entries.extend(deeper);
        token = page.page_token;
        if token.is_none() {
            break;
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

async fn page(
    bucket: &Inner,
    prefix: &str,
    token: Option<String>,
    most: Option<usize>,
) -> Result<PaginatedListResult, Failure> {
    let token = &token;
    let list = |_| {
        let options = PaginatedListOptions {
            delimiter: Some("/".into()),
            max_keys: most,
            page_token: token.clone(),
            ..PaginatedListOptions::default()
        };
        let prefix = (!prefix.is_empty()).then_some(prefix);
        async move {
            Ok(bucket
                .cloud
                .objects()
                .list_paginated(prefix, options)
                .await?)
        }
    };
    bucket.request(list).await
}

/// `None` for the object that stands for the directory itself: its slash is gone, so it does not begin
/// with the prefix.
fn entry(prefix: &str, key: &str, kind: EntryKind, size: Option<u64>) -> Option<Entry> {
    let name = key.strip_prefix(prefix)?.trim_end_matches('/');
    let is_child = !name.is_empty() && !name.contains('/');
    is_child.then(|| Entry {
        name: name.to_owned(),
        kind,
        size,
    })
}
