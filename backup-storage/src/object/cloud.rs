//! What one provider does its own way; everything else is common.

use std::fmt;

use async_trait::async_trait;
use object_store::{
    Attributes, HeaderMap, ObjectStore, list::PaginatedListStore, multipart::MultipartStore,
    path::Path,
};

use super::failure::Problem;

/// The requests that all providers answer.
pub(super) trait Objects: ObjectStore + MultipartStore + PaginatedListStore {}

impl<T: ObjectStore + MultipartStore + PaginatedListStore> Objects for T {}

/// Whether an object can be read, by its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Archive {
    Readable,
    /// Somebody has asked for it.
    Coming,
    Archived,
}

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenUpload {
    pub(super) key: String,
    pub(super) id: String,
}

/// A bucket of one provider.
#[async_trait]
pub(super) trait Cloud: fmt::Debug + Send + Sync {
    fn objects(&self) -> &dyn Objects;

    /// Attributes of data files: storage class or tier.
    fn attributes(&self) -> Attributes;

    /// The same where they can be set at the start of a multipart upload.
    fn multipart_attributes(&self) -> Attributes {
        self.attributes()
    }

    /// What is left to do after a multipart upload was completed.
    async fn after_multipart(&self, _key: &Path) -> Result<(), Problem> {
        Ok(())
    }

    /// Whether the provider keeps the CRC-32C of objects.
    fn has_crc32c(&self) -> bool {
        false
    }

    /// Whether it is compared after an object was sent in one request, too.
    fn checks_single(&self) -> bool {
        false
    }

    /// Open uploads of keys that begin with `prefix`; `None` where they cannot be listed.
    async fn open_uploads(&self, prefix: &str) -> Result<Option<Vec<OpenUpload>>, Problem>;

    fn archive(&self, headers: &HeaderMap) -> Archive;

    /// Asks for an archived object.
    async fn thaw(&self, key: &Path, tier: &str) -> Result<(), Problem>;

    /// Forgets credentials that the provider calls expired; whether there may be others.
    fn renew_credentials(&self) -> bool {
        false
    }
}
