//! The info commands, to the letter, and what their answers say (`xdr-protocol.md` §3).

use crate::error::Error;
use aerospike_wire::info;
use std::fmt;

/// Longest name of a data centre.
const MAX_DC: usize = 31;

/// Name of a data centre: 1 to 31 letters, digits, `_`, `-` and `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DcName(String);

impl DcName {
    /// The name, if servers take it as one.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte);
        let fits = (1..=MAX_DC).contains(&name.len());
        (fits && name.bytes().all(is_fine)).then(|| Self(name.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DcName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far back shipping begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rewind {
    /// With everything there is.
    #[default]
    All,
    /// With what changed in so many seconds, at least 1.
    Seconds(u64),
}

impl fmt::Display for Rewind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Seconds(seconds) => seconds.fmt(f),
        }
    }
}

/// What the nodes are to ship, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// The data centre that is made for it.
    pub dc: DcName,
    /// The namespace.
    pub namespace: String,
    /// `host:port` that the nodes connect to.
    pub address: String,
    /// Name in our certificate; with one, the nodes speak TLS.
    pub tls_name: Option<String>,
    /// How far back it begins.
    pub rewind: Rewind,
    /// Records per second of each node, a multiple of 100; 0 = what servers do by themselves.
    pub max_throughput: u32,
    /// Whether writes that came through XDR themselves are shipped.
    pub forward: bool,
}

impl Shipment {
    /// The commands that start it, in the only order that works. The first makes the data centre.
    #[must_use]
    pub fn start(&self) -> Vec<String> {
        let Self { dc, namespace, .. } = self;
        let mut tails = vec!["action=create".to_owned(), "connector=true".to_owned()];
        if let Some(name) = &self.tls_name {
            tails.push(format!("tls-name={name}"));
        }
        tails.push(format!("node-address-port={};action=add", self.address));
        if self.max_throughput > 0 {
            let rate = self.max_throughput;
            tails.push(format!("namespace={namespace};max-throughput={rate}"));
        }
        let rewind = self.rewind;
        tails.push(format!("namespace={namespace};action=add;rewind={rewind}"));
        if self.forward {
            tails.push(format!("namespace={namespace};forward=true"));
        }
        let command = |tail| format!("set-config:context=xdr;dc={dc};{tail}");
        tails.into_iter().map(command).collect()
    }

    /// Asks how far it is.
    #[must_use]
    pub fn statistics(&self) -> String {
        statistics(&self.dc, &self.namespace)
    }
}

/// Asks how far the shipping of a namespace is.
#[must_use]
pub fn statistics(dc: &DcName, namespace: &str) -> String {
    format!("get-stats:context=xdr;dc={dc};namespace={namespace}")
}

/// Asks for the data centres of a node.
pub const LIST: &str = "get-config:context=xdr";

/// Removes a data centre.
#[must_use]
pub fn delete(dc: &DcName) -> String {
    format!("set-config:context=xdr;dc={dc};action=delete")
}

/// Forbids or permits writes of transactions.
#[must_use]
pub fn block_transactions(namespace: &str, block: bool) -> String {
    format!("set-config:context=namespace;namespace={namespace};disable-mrt-writes={block}")
}

/// Whether an answer is a refusal. The established tool looks for the word anywhere, and these
/// answers hold no names of users.
#[must_use]
pub fn is_refusal(answer: &str) -> bool {
    answer.contains("ERROR") || answer.starts_with("FAIL")
}

/// Whether the data centre is not there.
#[must_use]
pub fn is_dc_not_found(answer: &str) -> bool {
    answer.contains("DC not found")
}

/// Names of the data centres in the answer to [`LIST`]; `None` if it does not say.
#[must_use]
pub fn data_centres(answer: &str) -> Option<Vec<&str>> {
    let names = info::value(answer.as_bytes(), b';', b"dcs");
    let names = names.and_then(|names| str::from_utf8(names).ok())?;
    Some(names.split(',').filter(|name| !name.is_empty()).collect())
}

/// How far the shipping of a namespace is on a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whole seconds that shipping is behind.
    pub lag_s: u64,
    /// Partitions that are shipped from the start, or from the rewind on.
    pub recoveries: u64,
    /// Those that are not through yet.
    pub recoveries_pending: u64,
    /// Records that were shipped.
    pub success: u64,
}

impl Progress {
    /// What an answer to [`statistics`] says. A figure that is missing counts as 0.
    ///
    /// # Errors
    /// A figure that is no number.
    pub fn parse(node: &str, answer: &str) -> Result<Self, Error> {
        let figure = |key: &'static str| {
            let pairs = answer.split([';', ':']).filter_map(|p| p.split_once('='));
            let mut found = pairs.filter(|(name, _)| *name == key);
            let Some((_, value)) = found.next() else {
                return Ok(0);
            };
            value.parse().map_err(|_| Error::Statistics {
                node: node.to_owned(),
                key,
                found: value.to_owned(),
            })
        };
        Ok(Self {
            lag_s: figure("lag")?,
            recoveries: figure("recoveries")?,
            recoveries_pending: figure("recoveries_pending")?,
            success: figure("success")?,
        })
    }
}
