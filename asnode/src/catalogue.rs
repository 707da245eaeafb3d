//! Cluster-wide metadata: secondary index definitions and UDF modules. Nothing is executed; the
//! node keeps what it is told and says it back.

use crate::{build::Build, sync::lock};
use std::{sync::Mutex, time::Instant};

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

/// An index, and when it is built.
#[derive(Debug)]
struct Entry {
    index: Index,
    /// `None`: not before it is told to be.
    ready_at: Option<Instant>,
}

impl Entry {
    fn is(&self, namespace: &str, name: &str) -> bool {
        self.index.namespace == namespace && self.index.name == name
    }
}

#[derive(Debug, Default)]
struct Entries {
    indexes: Vec<Entry>,
    udfs: Vec<Udf>,
}

/// Index and UDF definitions in order of creation.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    entries: Mutex<Entries>,
}

impl Catalogue {
    pub(crate) fn indexes(&self) -> Vec<Index> {
        let entries = lock(&self.entries);
        let indexes = entries.indexes.iter();
        indexes.map(|entry| entry.index.clone()).collect()
    }

    /// Adds an index, built at `ready_at` (`None`: never by itself); the same definition under
    /// another name renames the existing one.
    pub(crate) fn create_index(
        &self,
        index: Index,
        ready_at: Option<Instant>,
    ) -> Result<(), IndexRefused> {
        let mut entries = lock(&self.entries);
        let mut found = entries.indexes.iter();
        if let Some(named) = found.find(|other| other.is(&index.namespace, &index.name)) {
            let same = named.index.same_definition(&index);
            return if same {
                Ok(())
            } else {
                Err(IndexRefused::NameTaken)
            };
        }
        if let Some(same) = entries
            .indexes
            .iter_mut()
            .find(|other| other.index.same_definition(&index))
        {
            same.index.name = index.name;
            return Ok(());
        }
        let of_namespace = |other: &&Entry| other.index.namespace == index.namespace;
        if entries.indexes.iter().filter(of_namespace).count() >= MAX_INDEXES {
            return Err(IndexRefused::TooMany);
        }
        entries.indexes.push(Entry { index, ready_at });
        Ok(())
    }

    /// Whether this index is built.
    pub(crate) fn is_ready(&self, index: &Index) -> bool {
        let entries = lock(&self.entries);
        let mut indexes = entries.indexes.iter();
        let found = indexes.find(|entry| entry.is(&index.namespace, &index.name));
        let ready_at = found.and_then(|entry| entry.ready_at);
        ready_at.is_some_and(|at| at <= Instant::now())
    }

    /// All indexes are built now.
    pub(crate) fn finish_indexes(&self) {
        let now = Instant::now();
        for entry in &mut lock(&self.entries).indexes {
            entry.ready_at = Some(now);
        }
    }

    /// Removes an index; says whether it existed.
    pub(crate) fn delete_index(&self, namespace: &str, name: &str) -> bool {
        let indexes = &mut lock(&self.entries).indexes;
        let before = indexes.len();
        indexes.retain(|entry| !entry.is(namespace, name));
        indexes.len() < before
    }

    pub(crate) fn index(&self, namespace: &str, name: &str) -> Option<Index> {
        let entries = lock(&self.entries);
        let mut indexes = entries.indexes.iter();
        let found = indexes.find(|entry| entry.is(namespace, name));
        found.map(|entry| entry.index.clone())
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
