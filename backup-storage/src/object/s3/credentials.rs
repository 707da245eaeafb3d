//! Who we are to S3, and in which region.

use std::{env, fmt, sync::Arc};

use net_tls::secret::Secret;
use object_store::{
    StaticCredentialProvider,
    aws::{AwsCredential, AwsCredentialProvider},
};
use tokio::runtime::Handle;

use super::{
    super::{endpoint, transport::Transport},
    USUAL_REGION,
};
use crate::Result;

/// Keys that are given.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: Secret,
    /// Token of a session with such keys.
    pub session_token: Option<Secret>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Where region and credentials are to come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) keys: Option<Keys>,
    pub(super) profile: Option<String>,
    pub(super) region: Option<String>,
    pub(super) has_endpoint: bool,
}

/// Credentials, as they are at the time.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) provider: AwsCredentialProvider,
    #[cfg(feature = "aws-config")]
    pub(super) chain: Option<Arc<super::sdk::Chain>>,
}

impl Credentials {
    /// Forgets the ones that are known; whether there may be others.
    pub(super) fn renew(&self) -> bool {
        #[cfg(feature = "aws-config")]
        if let Some(chain) = &self.chain {
            chain.forget();
            return true;
        }
        false
    }

    fn fixed(keys: &Keys) -> Self {
        let token = keys.session_token.as_ref();
        let credential = AwsCredential {
            key_id: keys.id.clone(),
            secret_key: keys.secret.expose().to_owned(),
            token: token.map(|token| token.expose().to_owned()),
        };
        Self {
            provider: Arc::new(StaticCredentialProvider::new(credential)),
            #[cfg(feature = "aws-config")]
            chain: None,
        }
    }
}

impl Source {
    /// The region and the credentials. Where neither is given, the configuration of AWS is read.
    pub(super) fn resolve(
        &self,
        transport: &Transport,
        runtime: &Handle,
        shown: &str,
    ) -> Result<(String, Credentials)> {
        let region = self.region.clone().or_else(region_of_environment);
        let region = region.or_else(|| {
            let is_known = self.has_endpoint && self.profile.is_none();
            is_known.then(|| USUAL_REGION.to_owned())
        });
        match (region, &self.keys) {
            (Some(region), Some(keys)) => Ok((region, Credentials::fixed(keys))),
            (region, keys) => self.chain(region, keys.as_ref(), transport, runtime, shown),
        }
    }

    #[cfg(feature = "aws-config")]
    fn chain(
        &self,
        region: Option<String>,
        keys: Option<&Keys>,
        transport: &Transport,
        runtime: &Handle,
        shown: &str,
    ) -> Result<(String, Credentials)> {
        let loaded = super::sdk::load(self.profile.clone(), region, transport.clone(), runtime);
        let Some((region, chain)) = loaded else {
            return Err(endpoint::settings(shown, "the runtime has stopped"));
        };
        let region = region.or_else(|| self.has_endpoint.then(|| USUAL_REGION.to_owned()));
        let Some(region) = region else {
            return Err(endpoint::settings(
                shown,
                "its region is neither given nor configured",
            ));
        };
        let credentials = keys.map(Credentials::fixed).unwrap_or_else(|| Credentials {
            provider: Arc::<super::sdk::Chain>::clone(&chain),
            chain: Some(Arc::clone(&chain)),
        });
        Ok((region, credentials))
    }

    #[cfg(not(feature = "aws-config"))]
    fn chain(
        &self,
        region: Option<String>,
        _keys: Option<&Keys>,
        _transport: &Transport,
        _runtime: &Handle,
        shown: &str,
    ) -> Result<(String, Credentials)> {
        let what = match region {
            None => "its region is not given",
            Some(_) => "no keys are given, and this program cannot look for others",
        };
        Err(endpoint::settings(shown, what))
    }
}

fn region_of_environment() -> Option<String> {
    let names = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    names
        .iter()
        .find_map(|name| env::var(name).ok())
        .filter(|region| !region.is_empty())
}
