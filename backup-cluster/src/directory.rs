//! Finding nodes by the names that people use: node ids and service addresses.

use crate::{
    error::Error,
    view::{ClusterView, NodeName, ask},
};
use std::collections::BTreeSet;

/// Commands that tell the addresses of a node. Which of them work depends on edition and
/// configuration; one that is refused adds nothing.
const COMMANDS: [&str; 2] = ["service-tls-std", "service-clear-std"];

/// The nodes of a cluster with all their addresses.
#[derive(Debug, Clone)]
pub struct NodeDirectory {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    node: NodeName,
    /// `host:port`, IPv6 in brackets.
    addresses: BTreeSet<String>,
}

impl NodeDirectory {
    /// Asks every node for its addresses.
    ///
    /// # Errors
    /// A node that does not answer.
    pub async fn fetch(view: &dyn ClusterView) -> Result<Self, Error> {
        let mut entries = Vec::new();
        for node in view.nodes() {
            let mut addresses = BTreeSet::from([node.host.to_string()]);
            for command in COMMANDS {
                match ask(view, &node.name, command).await {
                    Ok(list) => addresses.extend(parse(&list)),
                    Err(Error::Info { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            entries.push(Entry {
                node: node.name,
                addresses,
            });
        }
        Ok(Self { entries })
    }

    /// The node that is called `text`: its id in any case, or `host:port`, where a TLS name may
    /// stand between the two.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&NodeName> {
        let is_named = |entry: &&Entry| {
            entry.node.as_str().eq_ignore_ascii_case(text)
                || entry.has_address(text)
                || without_tls_name(text).is_some_and(|address| entry.has_address(&address))
        };
        self.entries.iter().find(is_named).map(|entry| &entry.node)
    }

    /// Every node as `id (address, address)`.
    pub fn describe(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(|entry| {
            let addresses: Vec<_> = entry.addresses.iter().map(String::as_str).collect();
            format!("{} ({})", entry.node, addresses.join(", "))
        })
    }
}

impl Entry {
    fn has_address(&self, text: &str) -> bool {
        self.addresses
            .iter()
            .any(|address| address.eq_ignore_ascii_case(text))
    }
}

/// `host:port,host:port`; a host alone is on the default port.
fn parse(list: &str) -> impl Iterator<Item = String> {
    list.split([',', ';'])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| {
            let port = item.rsplit_once(':').map(|(_, port)| port);
            match port {
                Some(port) if port.parse::<u16>().is_ok() => item.to_owned(),
                _ => format!("{item}:3000"),
            }
        })
}

/// `host:tls-name:port` without its middle.
fn without_tls_name(text: &str) -> Option<String> {
    let (front, port) = text.rsplit_once(':')?;
    let (host, name) = front.rsplit_once(':')?;
    (!name.contains(']')).then(|| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_by_every_name() {
        let entry = |node: &str, list: &str| Entry {
            node: NodeName::new(node),
            addresses: parse(list).collect(),
        };
        let entries = vec![
            entry("BB9A1", "10.0.0.1:3100,[fe80::1]:3100"),
            entry("BB9A2", "db-2,10.0.0.2"),
        ];
        let directory = NodeDirectory { entries };
        let find = |text| directory.find(text).map(NodeName::as_str);
        for text in [
            "BB9A1",
            "bb9a1",
            "10.0.0.1:3100",
            "[fe80::1]:3100",
            "[FE80::1]:3100",
            "10.0.0.1:tls:3100",
            "[fe80::1]:tls:3100",
        ] {
            assert_eq!(find(text), Some("BB9A1"), "{text}");
        }
        for text in ["db-2:3000", "10.0.0.2:3000"] {
            assert_eq!(find(text), Some("BB9A2"), "{text}");
        }
        for text in ["", "10.0.0.1", "10.0.0.1:3000", "db-2:3100", "BB9A3"] {
            assert_eq!(find(text), None, "{text}");
        }
        assert_eq!(
            directory.describe().collect::<Vec<_>>(),
            [
                "BB9A1 (10.0.0.1:3100, [fe80::1]:3100)",
                "BB9A2 (10.0.0.2:3000, db-2:3000)"
            ]
        );
    }
}
