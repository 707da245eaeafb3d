//! Index definitions: between the server's words and the file's letters.

use asb_format::{Base64Text, Index, IndexData, IndexDef, IndexKind};
use backup_cluster::metadata::{BinType, IndexDefinition, IndexSource, IndexType};

/// The file's form of a server's index. `None`: its context or expression is no base64.
#[must_use]
pub fn to_asb(index: &IndexDefinition) -> Option<IndexDef<'_>> {
    Some(match index {
        IndexDefinition::Set {
            namespace,
            set,
            name,
        } => IndexDef {
            namespace: namespace.as_bytes(),
            set: Some(set.as_bytes()),
            name: name.as_bytes(),
            kind: IndexKind::Set,
            bin: b"",
            data: IndexData::Set,
            context: None,
            expression: None,
        },
        IndexDefinition::Values {
            namespace,
            set,
            name,
            index_type,
            bin_type,
            source,
        } => {
            let (bin, context, expression) = match source {
                IndexSource::Bin { bin, context } => {
                    (bin.as_bytes(), base64(context.as_deref())?, None)
                }
                IndexSource::Expression(text) => (&b""[..], None, base64(Some(text))?),
            };
            IndexDef {
                namespace: namespace.as_bytes(),
                set: set.as_deref().map(str::as_bytes),
                name: name.as_bytes(),
                kind: kind_to_asb(*index_type),
                bin,
                data: data_to_asb(*bin_type),
                context,
                expression,
            }
        }
    })
}

/// `Some(None)` for no text, `None` for text that is no base64.
fn base64(text: Option<&str>) -> Option<Option<Base64Text<'_>>> {
    text.map_or(Some(None), |text| {
        Base64Text::new(text.as_bytes()).map(Some)
    })
}

const fn kind_to_asb(kind: IndexType) -> IndexKind {
    match kind {
        IndexType::Value => IndexKind::Bin,
        IndexType::List => IndexKind::List,
        IndexType::MapKeys => IndexKind::MapKeys,
        IndexType::MapValues => IndexKind::MapValues,
    }
}

const fn data_to_asb(data: BinType) -> IndexData {
    match data {
        BinType::Numeric => IndexData::Numeric,
        BinType::String => IndexData::String,
        BinType::Blob => IndexData::Blob,
        BinType::Geo2dSphere => IndexData::Geo2dSphere,
    }
}

/// The server's form of an index in a file, for namespace `namespace`.
///
/// # Errors
/// What cannot be said in an info command: a name that is not UTF-8 or holds a separator.
pub fn to_server(index: &Index<'_>, namespace: &str) -> Result<IndexDefinition, &'static str> {
    let name = text(&index.name.to_cow()).ok_or("its name cannot be said in an info command")?;
    let set = match index.set {
        Some(set) => Some(text(&set.to_cow()).ok_or("its set cannot be said in an info command")?),
        None => None,
    };
    let namespace = namespace.to_owned();
    let (index_type, bin_type) = match (index.kind, index.data, set.clone()) {
        (IndexKind::Set, _, Some(set)) => {
            return Ok(IndexDefinition::Set {
                namespace,
                set,
                name,
            });
        }
        (IndexKind::Set, ..) | (_, IndexData::Set, _) => return Err("a set index without a set"),
        (kind, data, _) => (kind_to_server(kind), data_to_server(data)),
    };
    let words = |part: Base64Text<'_>| String::from_utf8_lossy(part.as_text()).into_owned();
    let source = match (index.expression, index.bin) {
        (Some(expression), _) => IndexSource::Expression(words(expression)),
        (None, Some(bin)) => IndexSource::Bin {
            bin: text(&bin.to_cow()).ok_or("its bin cannot be said in an info command")?,
            context: index.context.map(words),
        },
        (None, None) => return Err("an index without bin and expression"),
    };
    Ok(IndexDefinition::Values {
        namespace,
        set,
        name,
        index_type,
        bin_type,
        source,
    })
}

const fn kind_to_server(kind: IndexKind) -> IndexType {
    match kind {
        IndexKind::List => IndexType::List,
        IndexKind::MapKeys => IndexType::MapKeys,
        IndexKind::MapValues => IndexType::MapValues,
        IndexKind::Bin | IndexKind::Set => IndexType::Value,
    }
}

const fn data_to_server(data: IndexData) -> BinType {
    match data {
        IndexData::Numeric | IndexData::Set => BinType::Numeric,
        IndexData::String => BinType::String,
        IndexData::Geo2dSphere => BinType::Geo2dSphere,
        IndexData::Blob => BinType::Blob,
    }
}

/// A name as it can stand in an info command, whose parts `;` and LF separate.
fn text(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok()?;
    (!text.contains([';', '\n', '\t'])).then(|| text.to_owned())
}
