//! Lock, state and manifest: single requests, with conditions where one of many may win.
//!
//! An answer can be lost after the provider has done its work. Then the condition of the repeated request
//! fails because of the first one; the content tells whose it is.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{GetOptions, PutMode, PutOptions, PutPayload, UpdateVersion, path::Path};

use super::{
    bucket::Inner,
    failure::{Failure, Problem},
};
use crate::{ErrorKind, Operation, Result};

pub(super) fn create_new(bucket: &Arc<Inner>, key: Path, content: &[u8]) -> Result<()> {
    conditional(bucket, key, content, PutMode::Create, Operation::Create)
}

pub(super) fn put(bucket: &Arc<Inner>, key: Path, content: &[u8]) -> Result<()> {
    conditional(bucket, key, content, PutMode::Overwrite, Operation::Replace)
}

pub(super) fn replace(
    bucket: &Arc<Inner>,
    key: Path,
    expected: &[u8],
    content: &[u8],
) -> Result<()> {
    let location = bucket.location(&key);
    let (read_from, read_key) = (Arc::clone(bucket), key.clone());
    let read = bucket
        .runner
        .block(async move { read(&read_from, &read_key).await });
    let failed = |failure: Failure| failure.into_error(Operation::Replace, location.as_str());
    let (found, version) = read.map_err(failed)?;
    if found != expected {
        let failure = Failure::new(ErrorKind::Changed, "its content is another one");
        return Err(failed(failure));
    }
    let mode = PutMode::Update(version);
    conditional(bucket, key, content, mode, Operation::Replace)
}

fn conditional(
    bucket: &Arc<Inner>,
    key: Path,
    content: &[u8],
    mode: PutMode,
    operation: Operation,
) -> Result<()> {
    let location = bucket.location(&key);
    let (content, work) = (Bytes::copy_from_slice(content), Arc::clone(bucket));
    let put = async move { put_with(&work, &key, content, mode).await };
    let put = bucket.runner.block(put);
    put.map_err(|failure| failure.into_error(operation, location))
}

async fn put_with(
    bucket: &Inner,
    key: &Path,
    content: Bytes,
    mode: PutMode,
) -> Result<(), Failure> {
    let (content, mode) = (&content, &mode);
    let put = |failures| async move {
        let options = PutOptions {
            mode: mode.clone(),
            ..PutOptions::default()
        };
        let payload = PutPayload::from_bytes(content.clone());
        use object_store::Error as Store;
        match bucket.cloud.objects().put_opts(key, payload, options).await {
            Ok(_) => Ok(()),
            Err(error @ (Store::AlreadyExists { .. } | Store::Precondition { .. }))
                if failures > 0 =>
            {
                match read_once(bucket, key).await {
                    Ok((found, _)) if found == *content => Ok(()),
                    _ => Err(lost(&error)),
                }
            }
            Err(error @ Store::AlreadyExists { .. }) if is_decided(mode) => Err(lost(&error)),
            Err(error) => Err(Problem::Store(error)),
        }
    };
    bucket.request(put).await
}

const fn is_decided(mode: &PutMode) -> bool {
    matches!(mode, PutMode::Create)
}

/// Somebody else was first.
fn lost(error: &object_store::Error) -> Problem {
    match error {
        object_store::Error::AlreadyExists { .. } => Problem::Own(
            ErrorKind::AlreadyExists,
            "somebody else was first".to_owned(),
        ),
        _ => Problem::Own(ErrorKind::Changed, "somebody else was first".to_owned()),
    }
}

async fn read(bucket: &Inner, key: &Path) -> Result<(Bytes, UpdateVersion), Failure> {
    bucket.request(|_| read_once(bucket, key)).await
}

async fn read_once(bucket: &Inner, key: &Path) -> Result<(Bytes, UpdateVersion), Problem> {
    let objects = bucket.cloud.objects();
    let found = objects.get_opts(key, GetOptions::default()).await?;
    let version = UpdateVersion {
        e_tag: found.meta.e_tag.clone(),
        version: found.meta.version.clone(),
    };
    Ok((found.bytes().await?, version))
}
