//! Amazon S3, and what speaks its language (`storage.md` §5).

mod credentials;
#[cfg(feature = "aws-config")]
mod sdk;
mod uploads;

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, Method};
use object_store::{
    Attribute, Attributes,
    aws::{
        AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, AwsCredentialProvider,
        Checksum, S3ConditionalPut,
    },
    client::{HttpRequestBody, HttpService as _},
    path::Path,
};
use tokio::runtime::Handle;

pub use self::credentials::Keys;
pub(super) use self::uploads::Page as UploadPage;
use super::{
    bucket::Bucket,
    cloud::{Archive, Cloud, Objects, OpenUpload},
    endpoint::{self, Endpoint},
    failure::Problem,
    options::ObjectOptions,
    own,
    retry::{self, Retry},
    transport::Transport,
};
use crate::{ErrorKind, Result};

/// Smallest part that S3 takes, the last one of an object apart, in bytes.
pub const LEAST_PART_BYTES: u64 = 5 << 20;

/// The storage classes that S3 knows.
pub const STORAGE_CLASSES: [&str; 11] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "GLACIER_IR",
    "SNOW",
    "EXPRESS_ONEZONE",
];

/// The speeds at which S3 brings objects back from an archive.
pub const THAW_TIERS: [&str; 3] = ["Standard", "Bulk", "Expedited"];

/// Region where none is given and the address says all.
const USUAL_REGION: &str = "us-east-1";

/// A bucket of S3, and how to enter it.
#[derive(Clone, Debug, Default)]
pub struct S3Options {
    /// Name of the bucket; it must exist.
    pub bucket: String,
    /// Region; `None` = of the profile or the environment.
    pub region: Option<String>,
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Keys; `None` = the usual chain of AWS.
    pub keys: Option<Keys>,
    /// Address of a compatible store; `None` = Amazon's.
    pub endpoint: Option<String>,
    /// The bucket stands in front of the host, not in the path.
    pub virtual_host: bool,
    /// Storage class of data files, one of [`STORAGE_CLASSES`]; `None` = the bucket's usual.
    pub storage_class: Option<String>,
    /// How the provider encrypts what it stores; `None` = the bucket's usual.
    pub encryption: Option<S3Encryption>,
    /// Send a CRC-64/NVME with each part, for the provider to check.
    pub checksum: bool,
}

/// Encryption by the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum S3Encryption {
    /// By keys of S3 (`AES256`).
    S3,
    /// By a key of KMS; `None` = the account's own one for S3.
    Kms(Option<String>),
}

impl S3Options {
    /// A bucket, with defaults for the rest.
    #[must_use]
    pub fn new(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            ..Self::default()
        }
    }

    /// Makes it ready. Settings are checked; the bucket is not asked for anything yet. Requests run on
    /// `runtime`, and the calling thread, which is none of its workers, may wait for the region.
    ///
    /// # Errors
    ///
    /// `Settings` for what is wrong with them.
    pub fn open(&self, options: ObjectOptions, runtime: &Handle) -> Result<Bucket> {
        let shown = format!("s3://{}", self.bucket);
        let given = self.endpoint.as_deref().map(Endpoint::parse).transpose()?;
        let is_tls = given.as_ref().is_none_or(|endpoint| endpoint.is_tls);
        let transport = Transport::new(&options.connection, is_tls)?;
        let source = credentials::Source {
            keys: self.keys.clone(),
            profile: self.profile.clone(),
            region: self.region.clone(),
            has_endpoint: given.is_some(),
        };
        let (region, credentials) = source.resolve(&transport, runtime, &shown)?;
        let bucket_url = self.bucket_url(given.as_ref(), &region);
        let builder = self.builder(&region, given, &bucket_url.url);
        let builder = builder
            .with_credentials(Arc::clone(&credentials.provider))
            .with_unsigned_payload(is_tls)
            .with_http_connector(transport.clone());
        let store = builder
            .build()
            .map_err(|error| endpoint::refused(&shown, &error))?;
        let own = OwnRequests {
            transport,
            credentials: Arc::clone(&credentials.provider),
            region,
            bucket_url: bucket_url.url,
        };
        let class = self
            .storage_class
            .as_ref()
            .map(|class| class.to_ascii_uppercase());
        let cloud = S3 {
            store,
            own,
            class,
            credentials,
        };
        let runtime = runtime.clone();
        Ok(Bucket::new(
            Box::new(cloud),
            shown,
            options,
            Retry::S3,
            runtime,
        ))
    }

    /// The address of the bucket.
    fn bucket_url(&self, given: Option<&Endpoint>, region: &str) -> Endpoint {
        let amazon = || Endpoint {
            url: format!("https://s3.{region}.amazonaws.com"),
            is_tls: true,
        };
        let host = given.cloned().unwrap_or_else(amazon);
        match self.virtual_host {
            true => host.with_host_prefix(&self.bucket),
            false => Endpoint {
                url: format!("{}/{}", host.url, self.bucket),
                is_tls: host.is_tls,
            },
        }
    }

    fn builder(&self, region: &str, given: Option<Endpoint>, bucket_url: &str) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(region)
            .with_allow_http(true)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_virtual_hosted_style_request(self.virtual_host)
            .with_retry(retry::none());
        builder = match (given, self.virtual_host) {
            (Some(_), true) => builder.with_endpoint(bucket_url),
            (Some(endpoint), false) => builder.with_endpoint(endpoint.url),
            (None, _) => builder,
        };
        if self.checksum {
            builder = builder.with_checksum_algorithm(Checksum::CRC64NVME);
        }
        let encryption = |builder: AmazonS3Builder, word: &str| {
            match "aws_server_side_encryption".parse::<AmazonS3ConfigKey>() {
                Ok(key) => builder.with_config(key, word),
                Err(_) => builder, // the name is one that the library documents
            }
        };
        match &self.encryption {
            None => builder,
            Some(S3Encryption::S3) => encryption(builder, "AES256"),
            Some(S3Encryption::Kms(None)) => encryption(builder, "aws:kms"),
            Some(S3Encryption::Kms(Some(key))) => builder.with_sse_kms_encryption(key),
        }
    }
}

/// A bucket of S3.
#[derive(Debug)]
struct S3 {
    store: AmazonS3,
    own: OwnRequests,
    class: Option<String>,
    credentials: credentials::Credentials,
}

#[async_trait]
impl Cloud for S3 {
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

    async fn open_uploads(&self, prefix: &str) -> Result<Option<Vec<OpenUpload>>, Problem> {
        uploads::list(&self.own, prefix).await.map(Some)
    }

    fn archive(&self, headers: &HeaderMap) -> Archive {
        archive(headers)
    }

    async fn thaw(&self, key: &Path, tier: &str) -> Result<(), Problem> {
        let body = format!(
            "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Days>1</Days>\
             <GlacierJobParameters><Tier>{tier}</Tier></GlacierJobParameters></RestoreRequest>"
        );
        let asked = self
            .own
            .send(Method::POST, Some(key), "restore", body)
            .await?;
        match asked.code() {
            None | Some("RestoreAlreadyInProgress") => Ok(()),
            Some(_) => Err(Problem::Answered),
        }
    }

    fn renew_credentials(&self) -> bool {
        self.credentials.renew()
    }
}

/// GLACIER and DEEP_ARCHIVE, and the archive tiers of INTELLIGENT_TIERING; GLACIER_IR is read as it is.
fn archive(headers: &HeaderMap) -> Archive {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let is_archived = matches!(text("x-amz-storage-class"), "GLACIER" | "DEEP_ARCHIVE")
        || !text("x-amz-archive-status").is_empty();
    match text("x-amz-restore") {
        _ if !is_archived => Archive::Readable,
        restore if restore.contains("ongoing-request=\"true\"") => Archive::Coming,
        restore if restore.contains("ongoing-request=\"false\"") => Archive::Readable,
        _ => Archive::Archived,
    }
}

/// Requests that `object_store` does not make, signed by its authorizer.
#[derive(Debug)]
struct OwnRequests {
    transport: Transport,
    credentials: AwsCredentialProvider,
    region: String,
    bucket_url: String,
}

impl OwnRequests {
    async fn send(
        &self,
        method: Method,
        key: Option<&Path>,
        query: &str,
        body: String,
    ) -> Result<own::Answer, Problem> {
        let key = key.map(|key| format!("/{}", own::encoded(key.as_ref(), "/")));
        let key = key.unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{key}?{query}", self.bucket_url))
            .body(HttpRequestBody::from(body));
        let mut request =
            request.map_err(|error| Problem::Own(ErrorKind::Settings, error.to_string()))?;
        let credential = self.credentials.get_credential().await?;
        AwsAuthorizer::new(&credential, "s3", &self.region).try_authorize(&mut request, None)?;
        let answer = self.transport.call(request).await;
        own::Answer::read(answer).await
    }
}
