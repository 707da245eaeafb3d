//! Cluster-wide metadata: secondary index definitions and UDF modules. Nothing is executed; the
//! node keeps what it is told and says it back.

use crate::{build::Build, sync::lock};
use std::sync::Mutex;

/// What an index indexes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IndexSource {
    /// A bin, optionally an element inside it.
    Bin {
        /// Bin name.
        bin: String,
        /// Base64 of the msgpack context.
        context: Option<String>,
    },
    /// Base64 of an expression.
    Expression(String),
    /// All records of the set; type and collection say nothing.
    Set,
}

/// Type of the indexed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexType {
    /// Integers.
    Numeric,
    /// Strings.
    String,
    /// Blobs.
    Blob,
    /// Geo points and regions.
    Geo2dSphere,
}

/// Which part of the value is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collection {
    /// The value itself.
    Default,
    /// List elements.
    List,
    /// Map keys.
    MapKeys,
    /// Map values.
    MapValues,
}

/// A secondary index definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Namespace name.
    pub namespace: String,
    /// Index name.
    pub name: String,
    /// Set name; `None` = the whole namespace.
    pub set: Option<String>,
    /// What is indexed.
    pub source: IndexSource,
    /// Type of the values.
    pub value_type: IndexType,
    /// Part of the value.
    pub collection: Collection,
}

impl Index {
    /// The first version that has such an index.
    pub(crate) fn since(&self) -> Build {
        match &self.source {
            IndexSource::Set => Build::SET_INDEX,
            IndexSource::Expression(_) => Build::NEW_INDEX_COMMANDS,
            IndexSource::Bin { .. } if self.value_type == IndexType::Blob => Build::BLOB_INDEX,
            IndexSource::Bin { context, .. } if context.is_some() => Build::INDEX_CONTEXT,
            IndexSource::Bin { .. } => Build::default(),
        }
    }

    /// Whether both define the same index, whatever their names.
    #[must_use]
    pub fn same_definition(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.set == other.set
            && self.source == other.source
            && (self.source == IndexSource::Set
                || (self.value_type == other.value_type && self.collection == other.collection))
    }
}

/// A UDF module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Udf {
    /// File name with extension.
    pub name: String,
    /// Source bytes.
    pub content: Vec<u8>,
}

/// Why an index was not created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexRefused {
    /// The name is taken by an index with another definition.
    NameTaken,
    /// 256 indexes in the namespace.
    TooMany,
}

const MAX_INDEXES: usize = 256;

#[derive(Debug, Default)]
struct Entries {
    indexes: Vec<Index>,
    udfs: Vec<Udf>,
}

/// Index and UDF definitions in order of creation.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    entries: Mutex<Entries>,
}

impl Catalogue {
    pub(crate) fn indexes(&self) -> Vec<Index> {
        lock(&self.entries).indexes.clone()
    }

    /// Adds an index; the same definition under another name renames the existing one.
    pub(crate) fn create_index(&self, index: Index) -> Result<(), IndexRefused> {
        let mut entries = lock(&self.entries);
        let of_namespace = |other: &&Index| other.namespace == index.namespace;
        if let Some(named) = entries
            .indexes
            .iter()
            .filter(of_namespace)
            .find(|other| other.name == index.name)
        {
            let same = named.same_definition(&index);
            return if same {
                Ok(())
            } else {
                Err(IndexRefused::NameTaken)
            };
        }
        if let Some(same) = entries
            .indexes
            .iter_mut()
            .find(|other| other.same_definition(&index))
        {
            same.name = index.name;
            return Ok(());
        }
        if entries.indexes.iter().filter(of_namespace).count() >= MAX_INDEXES {
            return Err(IndexRefused::TooMany);
        }
        entries.indexes.push(index);
        Ok(())
    }

    /// Removes an index; says whether it existed.
    pub(crate) fn delete_index(&self, namespace: &str, name: &str) -> bool {
        let indexes = &mut lock(&self.entries).indexes;
        let before = indexes.len();
        indexes.retain(|i| i.namespace != namespace || i.name != name);
        indexes.len() < before
    }

    pub(crate) fn index(&self, namespace: &str, name: &str) -> Option<Index> {
        let entries = lock(&self.entries);
        entries
            .indexes
            .iter()
            .find(|i| i.namespace == namespace && i.name == name)
            .cloned()
    }

    /// All modules, sorted by name.
    pub(crate) fn udfs(&self) -> Vec<Udf> {
        lock(&self.entries).udfs.clone()
    }

    pub(crate) fn put_udf(&self, udf: Udf) {
        let mut entries = lock(&self.entries);
        match entries
            .udfs
            .binary_search_by(|other| other.name.cmp(&udf.name))
        {
            Ok(at) => entries.udfs[at] = udf,
            Err(at) => entries.udfs.insert(at, udf),
        }
    }

    pub(crate) fn remove_udf(&self, name: &str) {
        lock(&self.entries).udfs.retain(|udf| udf.name != name);
    }
}
