//! Addresses of providers as they are given.

use http::{Uri, uri::Scheme};

use crate::{Error, ErrorKind, Operation, Result};

/// An address that requests can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Without a slash at its end.
    pub(super) url: String,
    pub(super) is_tls: bool,
}

impl Endpoint {
    /// Parses `http://` or `https://`, host, port and path.
    ///
    /// # Errors
    ///
    /// `Settings` for anything else. A query is not shown: it may be a token.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let wrong = |why: &str| Err(settings(url.split('?').next().unwrap_or_default(), why));
        let Ok(uri) = url.parse::<Uri>() else {
            return wrong("this is no URL");
        };
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        if !is_tls && uri.scheme() != Some(&Scheme::HTTP) {
            return wrong("an endpoint begins with http:// or https://");
        }
        if uri.host().unwrap_or_default().is_empty() {
            return wrong("there is no host in it");
        }
        if uri.query().is_some() {
            return wrong("an endpoint has no query");
        }
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            is_tls,
        })
    }

    /// The same with the bucket in front of the host.
    pub(super) fn with_host_prefix(&self, prefix: &str) -> Self {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("https", &self.url));
        Self {
            url: format!("{scheme}://{prefix}.{rest}"),
            is_tls: self.is_tls,
        }
    }
}

/// Wrong settings, found before anything was asked.
pub(super) fn settings(place: &str, why: impl Into<String>) -> Error {
    let cause = std::io::Error::other(why.into());
    Error::caused(ErrorKind::Settings, Operation::Check, place, cause)
}

/// What a library says about settings.
pub(super) fn refused(place: &str, error: &object_store::Error) -> Error {
    settings(place, error.to_string())
}
