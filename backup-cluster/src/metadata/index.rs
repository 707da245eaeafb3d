//! Secondary index definitions as info text (`info-protocol.md` §6, `asb-text.md` §9).

use super::{Build, Indexes};
use aerospike_wire::info;

/// What of a bin is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexType {
    /// The bin's value.
    Value,
    /// The elements of a list.
    List,
    /// The keys of a map.
    MapKeys,
    /// The values of a map.
    MapValues,
}

/// The type of the indexed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinType {
    /// Integers.
    Numeric,
    /// Strings.
    String,
    /// Blobs.
    Blob,
    /// GeoJSON.
    Geo2dSphere,
}

/// Where the indexed values come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IndexSource {
    /// A bin, or the part of it that a context names (base64 of msgpack).
    Bin {
        /// Name of the bin.
        bin: String,
        /// Path into the bin, in base64.
        context: Option<String>,
    },
    /// The result of an expression (base64 of msgpack).
    Expression(String),
}

/// A secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IndexDefinition {
    /// An index over values.
    Values {
        /// Namespace.
        namespace: String,
        /// Set, `None` = all records of the namespace.
        set: Option<String>,
        /// Name.
        name: String,
        /// What is indexed.
        index_type: IndexType,
        /// Type of the values.
        bin_type: BinType,
        /// Where they come from.
        source: IndexSource,
    },
    /// An index over the members of a set (server 8.1.2 and later).
    Set {
        /// Namespace.
        namespace: String,
        /// Set.
        set: String,
        /// Name.
        name: String,
    },
}

/// An index of a kind that nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownIndex {
    /// Its name, or the whole entry when it has none.
    pub name: String,
    /// What is not understood.
    pub reason: String,
}

impl IndexDefinition {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Values { name, .. } | Self::Set { name, .. } => name,
        }
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        match self {
            Self::Values { namespace, .. } | Self::Set { namespace, .. } => namespace,
        }
    }

    /// The first server version that can hold it (`behaviour.md` §6.8).
    #[must_use]
    pub fn since(&self) -> Build {
        let (bin_type, source) = match self {
            Self::Set { .. } => return Build::SET_INDEX,
            Self::Values {
                bin_type, source, ..
            } => (bin_type, source),
        };
        match source {
            IndexSource::Expression(_) => Build::NEW_INDEX_SYNTAX,
            IndexSource::Bin { .. } if *bin_type == BinType::Blob => Build::BLOB_INDEX,
            IndexSource::Bin {
                context: Some(_), ..
            } => Build::INDEX_CONTEXT,
            IndexSource::Bin { .. } => Build::default(),
        }
    }

    /// Whether two definitions differ in nothing but their names.
    #[must_use]
    pub fn same_but_name(&self, other: &Self) -> bool {
        let renamed = |index: &Self| {
            let mut index = index.clone();
            match &mut index {
                Self::Values { name, .. } | Self::Set { name, .. } => name.clear(),
            }
            index
        };
        renamed(self) == renamed(other)
    }

    /// The info command that creates it on a server of version `build`.
    #[must_use]
    pub fn create_command(&self, build: Build) -> String {
        let new = build >= Build::NEW_INDEX_SYNTAX;
        let namespace_key = if new { "namespace" } else { "ns" };
        match self {
            Self::Set {
                namespace,
                set,
                name,
            } => format!(
                "sindex-create:{namespace_key}={namespace};set={set};indexname={name};indextype=set"
            ),
            Self::Values {
                namespace,
                set,
                name,
                index_type,
                bin_type,
                source,
            } => {
                let mut command = format!("sindex-create:{namespace_key}={namespace}");
                if let Some(set) = set {
                    command += &format!(";set={set}");
                }
                command += &format!(";indexname={name}");
                if let IndexSource::Bin {
                    context: Some(context),
                    ..
                } = source
                {
                    command += &format!(";context={context}");
                }
                if *index_type != IndexType::Value {
                    command += &format!(";indextype={}", index_type.word());
                }
                let word = bin_type.word();
                command += &match source {
                    IndexSource::Bin { bin, .. } if new => format!(";bin={bin};type={word}"),
                    IndexSource::Bin { bin, .. } => format!(";indexdata={bin},{word}"),
                    IndexSource::Expression(expression) => {
                        format!(";exp={expression};type={word}")
                    }
                };
                command
            }
        }
    }
}

impl IndexType {
    const fn word(self) -> &'static str {
        match self {
            Self::Value => "default",
            Self::List => "list",
            Self::MapKeys => "mapkeys",
            Self::MapValues => "mapvalues",
        }
    }
}

impl BinType {
    const fn word(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::String => "string",
            Self::Blob => "blob",
            Self::Geo2dSphere => "geo2dsphere",
        }
    }
}

/// Reads a `sindex-list` answer. It may start with an empty entry when set indexes are the only
/// ones.
pub(super) fn parse_list(reply: &str) -> Result<Indexes, String> {
    let mut indexes = Indexes::default();
    for entry in reply.split(';').filter(|entry| !entry.is_empty()) {
        match parse_entry(entry)? {
            Ok(index) => indexes.known.push(index),
            Err(unknown) => indexes.unknown.push(unknown),
        }
    }
    Ok(indexes)
}

fn parse_entry(entry: &str) -> Result<Result<IndexDefinition, UnknownIndex>, String> {
    let value = |key: &str| {
        info::pairs(entry.as_bytes(), b':')
            .find(|(name, _)| name.eq_ignore_ascii_case(key.as_bytes()))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    };
    let missing = |key: &str| format!("{key} is missing in {entry:?}");
    let given = |key: &str| value(key).filter(|text| !text.eq_ignore_ascii_case("null"));
    let namespace = value("ns").ok_or_else(|| missing("ns"))?.to_owned();
    let name = value("indexname")
        .ok_or_else(|| missing("indexname"))?
        .to_owned();
    let set = given("set")
        .filter(|set| !set.is_empty())
        .map(str::to_owned);
    let kind = value("indextype").ok_or_else(|| missing("indextype"))?;
    let unknown = |what: &str, word: &str| UnknownIndex {
        name: name.clone(),
        reason: format!("{what} {word:?} is not known"),
    };
    let index_type = match kind.to_ascii_lowercase().as_str() {
        "default" | "none" => IndexType::Value,
        "list" => IndexType::List,
        "mapkeys" => IndexType::MapKeys,
        "mapvalues" => IndexType::MapValues,
        "set" => {
            let set = set.ok_or_else(|| missing("set"))?;
            return Ok(Ok(IndexDefinition::Set {
                namespace,
                set,
                name,
            }));
        }
        _ => return Ok(Err(unknown("index type", kind))),
    };
    let word = value("type").ok_or_else(|| missing("type"))?;
    let bin_type = match word.to_ascii_lowercase().as_str() {
        "numeric" | "integer" | "int signed" => BinType::Numeric,
        "string" | "text" => BinType::String,
        "blob" => BinType::Blob,
        "geo2dsphere" | "geojson" => BinType::Geo2dSphere,
        _ => return Ok(Err(unknown("value type", word))),
    };
    let source = match given("exp") {
        Some(expression) => IndexSource::Expression(expression.to_owned()),
        None => IndexSource::Bin {
            bin: value("bin").ok_or_else(|| missing("bin"))?.to_owned(),
            context: given("context").map(str::to_owned),
        },
    };
    Ok(Ok(IndexDefinition::Values {
        namespace,
        set,
        name,
        index_type,
        bin_type,
        source,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(entry: &str) -> IndexDefinition {
        let mut found = parse_list(entry).unwrap();
        assert!(found.unknown.is_empty());
        found.known.remove(0)
    }

    #[test]
    fn entries_become_create_commands() {
        let check = |entry: &str, build: Build, command: &str| {
            assert_eq!(parse(entry).create_command(build), command);
        };
        let new = Build::NEW_INDEX_SYNTAX;
        check(
            "ns=t:indexname=i:set=null:bin=b:type=numeric:indextype=default:context=null:exp=null:state=RW",
            new,
            "sindex-create:namespace=t;indexname=i;bin=b;type=numeric",
        );
        check(
            "ns=t:indexname=i:set=s:bin=b:type=STRING:indextype=mapkeys:context=khAA:state=RW",
            new,
            "sindex-create:namespace=t;set=s;indexname=i;context=khAA;indextype=mapkeys;bin=b;type=string",
        );
        check(
            "ns=t:indexname=i:set=s:bin=null:type=numeric:indextype=default:context=null:exp=kxQ==:state=RW",
            new,
            "sindex-create:namespace=t;set=s;indexname=i;exp=kxQ==;type=numeric",
        );
        check(
            "ns=t:indexname=i:set=s:bin=b:type=geo2dsphere:indextype=list",
            Build::new(6, 4, 0, 0),
            "sindex-create:ns=t;set=s;indexname=i;indextype=list;indexdata=b,geo2dsphere",
        );
        check(
            ";ns=t:indexname=i:set=s:indextype=set",
            new,
            "sindex-create:namespace=t;set=s;indexname=i;indextype=set",
        );
    }

    #[test]
    fn unknown_kinds_are_counted_and_bad_text_is_refused() {
        let found =
            parse_list("ns=t:indexname=i:set=s:bin=b:type=vector:indextype=default").unwrap();
        assert_eq!(
            (found.known.len(), found.unknown[0].name.as_str()),
            (0, "i")
        );
        assert!(parse_list("").unwrap().known.is_empty());
        assert!(parse_list("indexname=i").is_err());
    }
}
