//! Racks: which node stands where (`info-protocol.md` §4), and reading from the near ones.

use crate::{
    error::Error,
    view::{ClusterView, NodeName, ask},
};
use aerospike_wire::info::{self, items};
use std::collections::{BTreeMap, BTreeSet};

/// Result code of commands that only the Enterprise edition has.
const ENTERPRISE_ONLY: u16 = 25;

/// The racks of one namespace at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Racks {
    nodes: BTreeMap<u32, BTreeSet<NodeName>>,
}

/// Which nodes to read from first. Nodes without a rank come last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preference {
    ranks: BTreeMap<NodeName, usize>,
}

impl Racks {
    /// Asks the first node that answers: all of them know all racks.
    ///
    /// # Errors
    /// [`Error::NoRacks`] from the Community edition; failures of the info command.
    pub async fn fetch(view: &dyn ClusterView, namespace: &str) -> Result<Self, Error> {
        let mut failure = None;
        for node in view.nodes() {
            match ask(view, &node.name, "racks:").await {
                Ok(reply) => {
                    return Self::parse(&reply, namespace).map_err(|reason| Error::InfoText {
                        node: node.name,
                        command: "racks".to_owned(),
                        reason,
                    });
                }
                Err(Error::Info { refusal, .. }) if refusal.code == ENTERPRISE_ONLY => {
                    return Err(Error::NoRacks { node: node.name });
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or(Error::NoNodes))
    }

    /// The racks of `namespace` in the value of `racks:`. Lists for other purposes, such as
    /// rosters, are left out.
    fn parse(reply: &str, namespace: &str) -> Result<Self, String> {
        let mut nodes = BTreeMap::<u32, BTreeSet<NodeName>>::new();
        let entries = items(reply.as_bytes(), b';');
        let wanted = entries.filter(|entry| {
            info::value(entry, b':', b"ns").is_some_and(|name| name == namespace.as_bytes())
        });
        for (key, value) in wanted.flat_map(|entry| info::pairs(entry, b':')) {
            let Some(id) = key.strip_prefix(b"rack_") else {
                continue;
            };
            let id = info::number(id)
                .ok_or_else(|| format!("{:?} is no rack", String::from_utf8_lossy(key)))?;
            let names = items(value, b',').map(|name| {
                let name = String::from_utf8_lossy(name);
                NodeName::new(&name.trim().to_ascii_uppercase())
            });
            nodes.entry(id).or_default().extend(names);
        }
        Ok(Self { nodes })
    }

    /// Ids of the racks that have nodes, in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.nodes.keys().copied()
    }

    /// The nodes of a rack; `None` when there is no such rack.
    #[must_use]
    pub fn nodes(&self, id: u32) -> Option<&BTreeSet<NodeName>> {
        self.nodes.get(&id)
    }

    /// Reads from these racks, the first one first.
    #[must_use]
    pub fn preference(&self, ids: &[u32]) -> Preference {
        let mut ranks = BTreeMap::new();
        for (rank, id) in ids.iter().enumerate() {
            for node in self.nodes(*id).into_iter().flatten() {
                ranks.entry(node.clone()).or_insert(rank);
            }
        }
        Preference { ranks }
    }
}

impl Preference {
    /// The place of `node`: 0 is the best, `usize::MAX` is anywhere else.
    #[must_use]
    pub fn rank(&self, node: &NodeName) -> usize {
        self.ranks.get(node).copied().unwrap_or(usize::MAX)
    }

    /// Whether no node is better than another.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn racks_of_one_namespace() {
        let reply = "ns=bar:rack_0=A1;ns=test:rack_1=A1,a2:rack_7=A3:roster_rack_9=A1";
        let racks = Racks::parse(reply, "test").unwrap();
        assert_eq!(racks.ids().collect::<Vec<_>>(), [1, 7]);
        let names = |id| {
            racks
                .nodes(id)
                .map(|nodes| nodes.iter().map(NodeName::as_str).collect::<Vec<_>>())
        };
        assert_eq!(names(1), Some(vec!["A1", "A2"]));
        assert_eq!(names(7), Some(vec!["A3"]));
        assert_eq!(names(9), None);
        let preference = racks.preference(&[7, 1, 5]);
        let rank = |name| preference.rank(&NodeName::new(name));
        assert_eq!([rank("A3"), rank("A2"), rank("B1")], [0, 1, usize::MAX]);
    }

    #[test]
    fn other_answers() {
        assert_eq!(Racks::parse("", "test"), Ok(Racks::default()));
        assert_eq!(
            Racks::parse("ns=bar:rack_0=A1", "test"),
            Ok(Racks::default())
        );
        assert!(Racks::parse("ns=test:rack_x=A1", "test").is_err());
        assert!(Racks::parse("ns=test:rack_=A1", "test").is_err());
    }
}
