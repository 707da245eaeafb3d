//! Azure Blob Storage (`storage.md` §7).

mod checksum;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::{HeaderMap, Method};
use net_tls::secret::Secret;
use object_store::{
    Attribute, Attributes,
    azure::{
        AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder,
        split_sas,
    },
    client::{HttpRequestBody, HttpService as _},
    path::Path,
};
use tokio::runtime::Handle;

use self::checksum::Checksum;
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

/// The tiers that blobs can be written in.
pub const AZURE_TIERS: [&str; 4] = ["Hot", "Cool", "Cold", "Archive"];

/// A container of Azure, and how to enter it.
#[derive(Clone, Default)]
pub struct AzureOptions {
    /// Name of the container; it must exist.
    pub container: String,
    /// Address of the account, `https://NAME.blob.core.windows.net`; a shared access signature may follow as
    /// its query.
    pub endpoint: String,
    /// Name of the account; `None` = as the address says.
    pub account: Option<String>,
    /// How to enter.
    pub access: AzureAccess,
    /// Tier of data files, one of [`AZURE_TIERS`]; `None` = the account's usual.
    pub tier: Option<String>,
    /// Send a CRC-64 with each block and blob, for the provider to check.
    pub checksum: bool,
}

/// How to enter a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AzureAccess {
    /// By the signature in the address, if there is one, else without credentials.
    #[default]
    Open,
    /// With the key of the account.
    Key(Secret),
    /// As an application of a directory.
    Application {
        /// Id of the directory.
        tenant: String,
        /// Id of the application.
        client: String,
        /// Its secret.
        secret: Secret,
    },
    /// With a shared access signature.
    Signature(Secret),
}

impl fmt::Debug for AzureOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.split('?').next().unwrap_or_default();
        f.debug_struct("AzureOptions")
            .field("container", &self.container)
            .field("endpoint", &endpoint)
            .field("account", &self.account)
            .field("tier", &self.tier)
            .field("checksum", &self.checksum)
            .finish_non_exhaustive()
    }
}

impl AzureOptions {
    /// A container at an address, with defaults for the rest.
    #[must_use]
    pub fn new(endpoint: &str, container: &str) -> Self {
        Self {
            container: container.to_owned(),
            endpoint: endpoint.to_owned(),
            ..Self::default()
        }
    }

    /// Makes it ready. Settings are checked; the container is not asked for anything yet. Requests run on
    /// `runtime`.
    ///
    /// # Errors
    ///
    /// `Settings` for what is wrong with them.
    pub fn open(&self, options: ObjectOptions, runtime: &Handle) -> Result<Bucket> {
        let (address, signature) = match self.endpoint.split_once('?') {
            Some((address, signature)) => (address, Some(signature)),
            None => (self.endpoint.as_str(), None),
        };
        let given = Endpoint::parse(address)?;
        let account = self.account.clone().unwrap_or_else(|| account_of(&given));
        let shown = format!("azure://{account}/{}", self.container);
        let transport = Transport::new(&options.connection, given.is_tls)?;
        let transport = match self.checksum {
            true => transport.amended(Arc::new(self.checksums(&account, &shown)?)),
            false => transport,
        };
        let builder = MicrosoftAzureBuilder::new()
            .with_container_name(&self.container)
            .with_account(&account)
            .with_endpoint(given.url.clone())
            .with_allow_http(true)
            .with_retry(retry::none())
            .with_http_connector(transport.clone());
        let sas = |builder: MicrosoftAzureBuilder, signature: &str| {
            let pairs = split_sas(signature);
            let pairs = pairs.map_err(|_| endpoint::settings(&shown, "this is no signature"))?;
            Ok(builder.with_sas_authorization(pairs))
        };
        let (builder, is_signed) = match (&self.access, signature) {
            (AzureAccess::Open, None) => (builder.with_skip_signature(true), false),
            (AzureAccess::Open, Some(signature)) => (sas(builder, signature)?, true),
            (AzureAccess::Signature(signature), _) => (sas(builder, signature.expose())?, true),
            (AzureAccess::Key(key), _) => (builder.with_access_key(key.expose()), true),
            (
                AzureAccess::Application {
                    tenant,
                    client,
                    secret,
                },
                _,
            ) => {
                let secret = secret.expose();
                (
                    builder.with_client_secret_authorization(client, secret, tenant),
                    true,
                )
            }
        };
        let store = builder
            .build()
            .map_err(|error| endpoint::refused(&shown, &error))?;
        let cloud = Azure {
            store,
            transport,
            is_signed,
            account,
            container_url: format!("{}/{}", given.url, self.container),
            tier: self.tier.clone(),
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

impl AzureOptions {
    fn checksums(&self, account: &str, shown: &str) -> Result<Checksum> {
        let key = match &self.access {
            AzureAccess::Key(key) => Some(AzureAccessKey::try_new(key.expose())),
            _ => None,
        };
        let key = key
            .transpose()
            .map_err(|_| endpoint::settings(shown, "this is no account key"))?;
        Ok(Checksum {
            account: account.to_owned(),
            key: key.map(AzureCredential::AccessKey),
        })
    }
}

/// The name in front of the host; where that is an address, as with emulators, the first part of the path.
fn account_of(endpoint: &Endpoint) -> String {
    let rest = endpoint.url.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let first = |text: &str, end: char| text.split(end).next().unwrap_or_default().to_owned();
    match path {
        "" => first(authority, '.'),
        path => first(path, '/'),
    }
}

#[derive(Debug)]
struct Azure {
    store: MicrosoftAzure,
    transport: Transport,
    is_signed: bool,
    account: String,
    container_url: String,
    tier: Option<String>,
}

#[async_trait]
impl Cloud for Azure {
    fn objects(&self) -> &dyn Objects {
        &self.store
    }

    fn attributes(&self) -> Attributes {
        let tier = self.tier.clone();
        tier.map(|tier| (Attribute::StorageClass, tier))
            .into_iter()
            .collect()
    }

    /// Blocks have no tier; the blob that is made of them gets it.
    fn multipart_attributes(&self) -> Attributes {
        Attributes::new()
    }

    async fn after_multipart(&self, key: &Path) -> Result<(), Problem> {
        match &self.tier {
            Some(tier) => self.set_tier(key, tier).await,
            None => Ok(()),
        }
    }

    /// Blocks that belong to no blob go by themselves after a week; until then nobody pays attention.
    async fn open_uploads(&self, _prefix: &str) -> Result<Option<Vec<OpenUpload>>, Problem> {
        Ok(None)
    }

    fn archive(&self, headers: &HeaderMap) -> Archive {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        let status = text("x-ms-archive-status");
        match text("x-ms-access-tier") {
            "Archive" if status.starts_with("rehydrate-pending") => Archive::Coming,
            "Archive" => Archive::Archived,
            _ => Archive::Readable,
        }
    }

    async fn thaw(&self, key: &Path, tier: &str) -> Result<(), Problem> {
        self.set_tier(key, tier).await
    }
}

impl Azure {
    async fn set_tier(&self, key: &Path, tier: &str) -> Result<(), Problem> {
        let request = http::Request::builder()
            .method(Method::PUT)
            .uri(format!(
                "{}/{}?comp=tier",
                self.container_url,
                own::encoded(key.as_ref(), "/")
            ))
            .header("x-ms-access-tier", tier)
            .header("x-ms-rehydrate-priority", "High")
            .header(http::header::CONTENT_LENGTH, 0)
            .body(HttpRequestBody::empty());
        let mut request =
            request.map_err(|error| Problem::Own(ErrorKind::Settings, error.to_string()))?;
        if self.is_signed {
            let credential = self.store.credentials().get_credential().await?;
            AzureAuthorizer::new(&credential, &self.account).try_authorize(&mut request)?;
        }
        let answer = self.transport.call(request).await;
        own::Answer::read(answer).await?.success().map(|_| ())
    }
}
