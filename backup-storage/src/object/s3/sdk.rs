//! Credentials by the chain of AWS: environment, profiles, SSO, roles, containers, instance metadata. Its
//! requests go through our HTTP client.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use object_store::{
    CredentialProvider,
    aws::AwsCredential,
    client::{HttpRequestBody, HttpService as _},
};
use tokio::runtime::Handle;

use super::super::transport::Transport;

/// Credentials are renewed so long before they run out.
const EARLY: Duration = Duration::from_secs(300);

/// The chain, and what it gave last.
pub(super) struct Chain {
    provider: Option<SharedCredentialsProvider>,
    last: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").finish_non_exhaustive()
    }
}

/// Reads the configuration: the region, and where credentials are to be asked for.
pub(super) fn load(
    profile: Option<String>,
    region: Option<String>,
    transport: Transport,
    runtime: &Handle,
) -> Option<(Option<String>, Arc<Chain>)> {
    let (sender, loaded) = std::sync::mpsc::sync_channel(1);
    runtime.spawn(async move {
        let mut loader =
            aws_config::defaults(BehaviorVersion::latest()).http_client(Sdk(transport));
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        // Whoever asked waits.
        let _ = sender.try_send(loader.load().await);
    });
    let config = loaded.recv().ok()?;
    let chain = Chain {
        provider: config.credentials_provider(),
        last: Mutex::default(),
    };
    Some((config.region().map(ToString::to_string), Arc::new(chain)))
}

impl Chain {
    /// The next request asks for new ones.
    pub(super) fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn known(&self) -> Option<Arc<AwsCredential>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (credential, end) = last.as_ref()?;
        let is_good = end.is_none_or(|end| SystemTime::now() + EARLY < end);
        is_good.then(|| Arc::clone(credential))
    }
}

#[async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| {
            object_store::Error::Unauthenticated {
                path: String::new(),
                source,
            }
        };
        let Some(provider) = &self.provider else {
            return Err(refused("no credentials of AWS are configured".into()));
        };
        let found = provider
            .provide_credentials()
            .await
            .map_err(|error| refused(error.into()))?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Arc::clone(&credential), found.expiry()));
        Ok(credential)
    }
}

/// Our HTTP client, as AWS wants to see it.
#[derive(Clone, Debug)]
struct Sdk(Transport);

impl HttpClient for Sdk {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sdk {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = self.0.clone();
        HttpConnectorFuture::new(async move { send(&transport, request).await })
    }
}

async fn send(transport: &Transport, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
    let request = request
        .try_into_http1x()
        .map_err(|error| wrong(error.into()))?;
    let request = request.map(|body| {
        let bytes = body.bytes().map(Bytes::copy_from_slice).unwrap_or_default();
        HttpRequestBody::from(bytes)
    });
    let response = transport.call(request).await;
    let response = response.map_err(|error| ConnectorError::io(error.into()))?;
    let (mut parts, body) = response.into_parts();
    let body = body
        .bytes()
        .await
        .map_err(|error| ConnectorError::io(error.into()))?;
    parts.extensions = http::Extensions::new();
    let response = http::Response::from_parts(parts, SdkBody::from(body));
    HttpResponse::try_from(response).map_err(|error| wrong(error.into()))
}
