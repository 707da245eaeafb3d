//! Google Cloud Storage, by its XML interface (`storage.md` §6).

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use http::{HeaderMap, Method};
use object_store::{
    Attribute, Attributes, StaticCredentialProvider,
    client::{HttpRequestBody, HttpService as _},
    gcp::{GcpCredential, GoogleCloudStorage, GoogleCloudStorageBuilder},
    path::Path,
};
use tokio::runtime::Handle;

use super::{
    bucket::Bucket,
    cloud::{Archive, Cloud, Objects, OpenUpload},
    endpoint::{self, Endpoint},
    failure::Problem,
    options::ObjectOptions,
    own,
    retry::{self, Retry},
    s3::UploadPage,
    transport::Transport,
};
use crate::{ErrorKind, Result};

const USUAL_ENDPOINT: &str = "https://storage.googleapis.com";

/// A bucket of Google Cloud Storage, and how to enter it.
#[derive(Clone, Debug, Default)]
pub struct GcsOptions {
    /// Name of the bucket; it must exist.
    pub bucket: String,
    /// File with the key of a service account (JSON); `None` = application default credentials.
    pub key_file: Option<PathBuf>,
    /// Another address, which is entered without credentials.
    pub endpoint: Option<String>,
    /// Storage class of data files, such as `NEARLINE`; `None` = the bucket's usual.
    pub storage_class: Option<String>,
    /// Compare the CRC-32C of objects that were sent in one request too; that of the others is always.
    pub checksum: bool,
}

impl GcsOptions {
    /// A bucket, with defaults for the rest.
    #[must_use]
    pub fn new(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            ..Self::default()
        }
    }

    /// Makes it ready. Settings and key files are checked; the bucket is not asked for anything yet.
    /// Requests run on `runtime`.
    ///
    /// # Errors
    ///
    /// `Settings` for what is wrong with them.
    pub fn open(&self, options: ObjectOptions, runtime: &Handle) -> Result<Bucket> {
        let shown = format!("gs://{}", self.bucket);
        let given = self.endpoint.as_deref().map(Endpoint::parse).transpose()?;
        let is_tls = given.as_ref().is_none_or(|endpoint| endpoint.is_tls);
        let transport = Transport::new(&options.connection, is_tls)?;
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&self.bucket)
            .with_retry(retry::none())
            .with_http_connector(transport.clone());
        if let Some(file) = &self.key_file {
            builder = builder.with_service_account_path(file.display().to_string());
        }
        if let Some(endpoint) = &given {
            let nobody = GcpCredential {
                bearer: String::new(),
            };
            builder = builder
                .with_base_url(&endpoint.url)
                .with_credentials(Arc::new(StaticCredentialProvider::new(nobody)))
                .with_skip_signature(true);
        }
        let store = builder
            .build()
            .map_err(|error| endpoint::refused(&shown, &error))?;
        let host = given.map_or_else(|| USUAL_ENDPOINT.to_owned(), |endpoint| endpoint.url);
        let cloud = Gcs {
            store,
            transport,
            bucket_url: format!("{host}/{}", self.bucket),
            class: self.storage_class.clone(),
            is_checked: self.checksum,
        };
        let runtime = runtime.clone();
        Ok(Bucket::new(
            Box::new(cloud),
            shown,
            options,
            Retry::SLOW,
            runtime,
        ))
    }
}

#[derive(Debug)]
struct Gcs {
    store: GoogleCloudStorage,
    transport: Transport,
    bucket_url: String,
    class: Option<String>,
    is_checked: bool,
}

#[async_trait]
impl Cloud for Gcs {
    fn objects(&self) -> &dyn Objects {
        &self.store
    }

    fn attributes(&self) -> Attributes {
        let class = self.class.clone();
        class
            .map(|class| (Attribute::StorageClass, class))
            .into_iter()
            .collect()
    }

    fn has_crc32c(&self) -> bool {
        true
    }

    fn checks_single(&self) -> bool {
        self.is_checked
    }

    async fn open_uploads(&self, prefix: &str) -> Result<Option<Vec<OpenUpload>>, Problem> {
        let (mut found, mut page) = (Vec::new(), Some(String::new()));
        while let Some(from) = page {
            let query = format!("uploads=&prefix={}{from}", own::encoded(prefix, ""));
            let listed = UploadPage::parse(&self.read(&query).await?)?;
            page = listed.next();
            found.extend(listed.into_uploads());
        }
        Ok(Some(found))
    }

    /// Archive classes of Google are read like any other.
    fn archive(&self, _headers: &HeaderMap) -> Archive {
        Archive::Readable
    }

    async fn thaw(&self, _key: &Path, _tier: &str) -> Result<(), Problem> {
        Ok(())
    }
}

impl Gcs {
    async fn read(&self, query: &str) -> Result<bytes::Bytes, Problem> {
        let credential = self.store.credentials().get_credential().await?;
        let request = http::Request::builder()
            .method(Method::GET)
            .uri(format!("{}?{query}", self.bucket_url))
            .header(
                http::header::AUTHORIZATION,
                format!("Bearer {}", credential.bearer),
            )
            .body(HttpRequestBody::empty());
        let request =
            request.map_err(|error| Problem::Own(ErrorKind::Settings, error.to_string()))?;
        let answer = self.transport.call(request).await;
        own::Answer::read(answer).await?.success()
    }
}
