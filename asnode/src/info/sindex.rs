//! Secondary index definitions (`info-protocol.md` §6).
//!
//! Indexes are ready at once and on all nodes. Not checked: the type of an expression against
//! `type=`, and whether a context is a proper one beyond being base64 of a msgpack list. Without
//! `b64=true` contexts and expressions are listed in base64 all the same.

use super::{ENTERPRISE_ONLY, MISSING_NAMESPACE, NO_NAMESPACE, Request, Value, text};
use crate::{
    catalogue::{Collection, Index, IndexRefused, IndexSource, IndexType},
    msgpack::{Reader, Token},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const MAX_NAME: usize = 63;
const MAX_BIN: usize = 15;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "sindex-list" => list(request),
        "sindex" => by_path(request),
        "sindex-create" => text(create(request).err().unwrap_or_else(|| "ok".to_owned())),
        "sindex-delete" => delete(request),
        "sindex-exists" => exists(request),
        "sindex-stat" => stat(request),
        "sindex-histogram" => text(ENTERPRISE_ONLY),
        _ => return None,
    })
}

fn list(request: Request<'_>) -> Value {
    if !matches!(request.param("b64"), None | Some(b"true" | b"false")) {
        return text("ERROR:4:bad b64");
    }
    match request.namespace_name() {
        None => text(items(request, None)),
        Some(_) => match request.namespace() {
            Ok((_, namespace)) => text(items(request, Some(namespace.name()))),
            // The real server says it twice.
            Err(error) => text(format!("{error};{error}")),
        },
    }
}

/// The old commands `sindex`, `sindex/<ns>` and `sindex/<ns>/<name>`.
fn by_path(request: Request<'_>) -> Value {
    let path = request.path();
    let Some(namespace) = path.first() else {
        return text(items(request, None));
    };
    let Some((_, namespace)) = request.state.namespace(namespace) else {
        return text("ns_type=unknown");
    };
    match path.get(1).map(|name| String::from_utf8_lossy(name)) {
        None => text(items(request, Some(namespace.name()))),
        Some(name) => stat_of(request, namespace.name(), &name),
    }
}

/// Items joined by `;`. Set indexes come last in a short form, each with its separator in front,
/// even when nothing stands before it.
fn items(request: Request<'_>, namespace: Option<&str>) -> String {
    let indexes = request.state.catalogue.indexes();
    let wanted = |index: &&Index| namespace.is_none_or(|name| name == index.namespace);
    let (of_set, of_bins): (Vec<_>, Vec<_>) = indexes
        .iter()
        .filter(wanted)
        .partition(|index| index.source == IndexSource::Set);
    let mut out = of_bins.into_iter().map(item).collect::<Vec<_>>().join(";");
    for index in of_set {
        let set = index.set.as_deref().unwrap_or("null");
        out.push_str(&format!(
            ";ns={}:indexname={}:set={set}:indextype=set",
            index.namespace, index.name
        ));
    }
    out
}

fn item(index: &Index) -> String {
    const NULL: &str = "null";
    let (bin, context, expression) = match &index.source {
        IndexSource::Bin { bin, context } => (bin.as_str(), context.as_deref(), None),
        IndexSource::Expression(expression) => (NULL, None, Some(expression.as_str())),
        IndexSource::Set => (NULL, None, None),
    };
    format!(
        "ns={}:indexname={}:set={}:bin={bin}:type={}:indextype={}:context={}:exp={}:state=RW",
        index.namespace,
        index.name,
        index.set.as_deref().unwrap_or(NULL),
        type_name(index.value_type),
        collection_name(index.collection),
        context.unwrap_or(NULL),
        expression.unwrap_or(NULL),
    )
}

const fn type_name(value_type: IndexType) -> &'static str {
    match value_type {
        IndexType::Numeric => "numeric",
        IndexType::String => "string",
        IndexType::Blob => "blob",
        IndexType::Geo2dSphere => "geo2dsphere",
    }
}

const fn collection_name(collection: Collection) -> &'static str {
    match collection {
        Collection::Default => "default",
        Collection::List => "list",
        Collection::MapKeys => "mapkeys",
        Collection::MapValues => "mapvalues",
    }
}

/// # Errors
/// The text that the server answers.
fn create(request: Request<'_>) -> Result<(), String> {
    let refused = |text: &str| format!("ERROR:4:{text}");
    let name = request
        .text_param("indexname")
        .ok_or_else(|| refused("missing 'indexname'"))?;
    if name.len() > MAX_NAME {
        return Err(refused("'indexname' value too long"));
    }
    let namespace = match request.namespace() {
        Ok((_, namespace)) => namespace,
        Err(NO_NAMESPACE) => return Ok(()), // nothing happens
        Err(error) => return Err(error.to_owned()),
    };
    let set = request.text_param("set").map(str::to_owned);
    let collection = collection(request)?;
    let (source, value_type, collection) = match collection {
        None if set.is_none() => return Err(refused("missing 'set'")),
        None => (IndexSource::Set, IndexType::Numeric, Collection::Default),
        Some(collection) => {
            let (source, value_type) = source(request)?;
            if collection == Collection::MapKeys && value_type == IndexType::Geo2dSphere {
                let text = "bad 'indexdata' bin type for 'indextype' 'mapkeys' - must be one of \
                            'numeric', 'string', 'blob'";
                return Err(refused(text));
            }
            (source, value_type, collection)
        }
    };
    if let Some(set) = &set
        && namespace.ensure_set(set.as_bytes()).is_err()
    {
        return Err(refused("'set' value too long"));
    }
    let index = Index {
        namespace: namespace.name().to_owned(),
        name: name.to_owned(),
        set,
        source,
        value_type,
        collection,
    };
    request
        .state
        .catalogue
        .create_index(index)
        .map_err(|error| match error {
            IndexRefused::NameTaken => {
                "ERROR:200:'indexname' already exists with different definition".to_owned()
            }
            IndexRefused::TooMany => "ERROR:206:maximum sindex count reached".to_owned(),
        })
}

/// `None` = an index on the whole set.
fn collection(request: Request<'_>) -> Result<Option<Collection>, String> {
    let name = request
        .text_param("indextype")
        .unwrap_or("default")
        .to_ascii_lowercase();
    Ok(Some(match name.as_str() {
        "default" | "none" => Collection::Default,
        "list" => Collection::List,
        "mapkeys" => Collection::MapKeys,
        "mapvalues" => Collection::MapValues,
        "set" => return Ok(None),
        _ => {
            return Err(
                "ERROR:4:bad 'indextype' - must be one of 'default', 'list', 'mapkeys', \
                        'mapvalues', 'set'"
                    .to_owned(),
            );
        }
    }))
}

/// What is indexed and of which type, from `bin`/`type`, the older `indexdata`, or `exp`.
fn source(request: Request<'_>) -> Result<(IndexSource, IndexType), String> {
    let refused = |text: &str| Err(format!("ERROR:4:{text}"));
    let (old_bin, old_type) = request
        .text_param("indexdata")
        .and_then(|data| data.split_once(','))
        .map_or((None, None), |(bin, kind)| (Some(bin), Some(kind)));
    let bin = request.text_param("bin").or(old_bin);
    let expression = request.text_param("exp");
    let context = request.text_param("context");
    let source = match (bin, expression) {
        (None, None) => return refused("both 'bin' and 'exp' are missing"),
        (Some(_), Some(_)) => return refused("both 'bin' and 'exp' are specified"),
        (None, Some(_)) if context.is_some() => {
            return refused("both 'context' and 'exp' are specified");
        }
        (Some(bin), _) if bin.len() > MAX_BIN => return refused("'bin' value too long"),
        (Some(bin), None) => {
            if let Some(context) = context {
                check_context(context)?;
            }
            let context = context.map(str::to_owned);
            IndexSource::Bin {
                bin: bin.to_owned(),
                context,
            }
        }
        (None, Some(expression)) => {
            if STANDARD.decode(expression).is_err() {
                return refused("'exp' invalid base64");
            }
            IndexSource::Expression(expression.to_owned())
        }
    };
    let Some(kind) = request.text_param("type").or(old_type) else {
        return refused("both 'indexdata' and 'type' are missing");
    };
    let value_type = match kind.to_ascii_lowercase().as_str() {
        "numeric" | "integer" => IndexType::Numeric,
        "string" => IndexType::String,
        "blob" => IndexType::Blob,
        "geo2dsphere" => IndexType::Geo2dSphere,
        _ => {
            return refused(
                "bad 'type' - must be one of 'numeric', 'string', 'blob', 'geo2dsphere'",
            );
        }
    };
    Ok((source, value_type))
}

fn check_context(context: &str) -> Result<(), String> {
    let bytes = STANDARD
        .decode(context)
        .map_err(|_| "ERROR:4:'context' invalid base64")?;
    match Reader::new(&bytes).token() {
        Some(Token::List(len)) if len > 0 && len % 2 == 0 => Ok(()),
        _ => Err("ERROR:4:'context' invalid cdt context".to_owned()),
    }
}

/// `ok` whether the index existed or not; missing parameters give glued texts.
fn delete(request: Request<'_>) -> Value {
    let name = request.text_param("indexname");
    let mut out = if name.is_none() {
        "ERROR:4:missing 'indexname'".to_owned()
    } else {
        String::new()
    };
    match (request.namespace(), name) {
        (Err(MISSING_NAMESPACE), _) => out.push_str(MISSING_NAMESPACE),
        (Ok((_, namespace)), Some(name)) => {
            request.state.catalogue.delete_index(namespace.name(), name);
            out.push_str("ok");
        }
        _ => out.push_str("ok"),
    }
    text(out)
}

fn exists(request: Request<'_>) -> Value {
    match (request.namespace(), request.text_param("indexname")) {
        (Err(error), _) => text(error),
        (_, None) => text("ERROR:4:missing 'indexname'"),
        (Ok((_, namespace)), Some(name)) => text(
            request
                .state
                .catalogue
                .index(namespace.name(), name)
                .is_some()
                .to_string(),
        ),
    }
}

fn stat(request: Request<'_>) -> Value {
    match (request.namespace(), request.text_param("indexname")) {
        (Err(error), _) => text(error),
        (_, None) => text("ERROR:4:missing 'indexname'"),
        (Ok((_, namespace)), Some(name)) => stat_of(request, namespace.name(), name),
    }
}

/// Entries are not counted; everything is loaded.
fn stat_of(request: Request<'_>, namespace: &str, name: &str) -> Value {
    match request.state.catalogue.index(namespace, name) {
        None => text("ERROR:201:no index"),
        Some(index) if index.source == IndexSource::Set => {
            text("entries=0;used_bytes=0;load_pct=100")
        }
        Some(_) => text(
            "entries=0;used_bytes=16777216;entries_per_bval=0;entries_per_rec=0;load_pct=100;\
             load_time=0;stat_gc_recs=0",
        ),
    }
}
