//! A data centre as a node knows it.

use super::shipper::{Settings, Shipper};
use std::{collections::BTreeMap, sync::Arc};

/// What `set-config:context=xdr;dc=…` has made.
#[derive(Debug, Default)]
pub(crate) struct Dc {
    /// Whether the destination is no Aerospike cluster; others are not emulated.
    pub(crate) connector: bool,
    /// `host:port` of the destination.
    pub(crate) addresses: Vec<String>,
    /// Name in the certificate of the destination; with one, TLS is spoken.
    pub(crate) tls_name: Option<String>,
    /// By name, in the order of names.
    pub(crate) namespaces: BTreeMap<String, DcNamespace>,
}

/// A namespace of a data centre. It may be configured before it is added.
#[derive(Debug, Default)]
pub(crate) struct DcNamespace {
    pub(crate) settings: Arc<Settings>,
    /// Once it is added.
    pub(crate) shipper: Option<Arc<Shipper>>,
}

impl Dc {
    /// Those that are to be stopped before it is forgotten.
    pub(crate) fn into_shippers(self) -> impl Iterator<Item = Arc<Shipper>> {
        let namespaces = self.namespaces.into_values();
        namespaces.filter_map(|namespace| namespace.shipper)
    }

    /// Names of the namespaces that were added.
    pub(crate) fn added(&self) -> impl Iterator<Item = &str> {
        let all = self.namespaces.iter();
        all.filter(|(_, namespace)| namespace.shipper.is_some())
            .map(|(name, _)| name.as_str())
    }
}

/// How far back shipping begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rewind {
    /// With what is written from now on.
    Nothing,
    /// With what was written in so many seconds.
    Seconds(u64),
    /// With everything there is.
    All,
}

impl Rewind {
    /// The value of `rewind=`.
    pub(crate) fn parse(value: Option<&str>) -> Option<Self> {
        match value {
            None => Some(Self::Nothing),
            Some("all") => Some(Self::All),
            Some(seconds) => seconds.parse().ok().map(Self::Seconds),
        }
    }
}
