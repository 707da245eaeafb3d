//! `sindex-list` and the older `sindex`: one item for each index.

use super::super::{Request, Value, text};
use crate::{
    build::Build,
    catalogue::{Collection, Index, IndexSource, IndexType},
};

pub(super) fn list(request: Request<'_>) -> Value {
    let build = request.state.build;
    if build >= Build::INDEX_CONTEXT
        && !matches!(request.param("b64"), None | Some(b"true" | b"false"))
    {
        return text(super::refusal(build, 4, "bad b64"));
    }
    match super::namespace(request) {
        Ok(Some((_, namespace))) => text(items(request, Some(namespace.name()))),
        Ok(None) => text(items(request, None)),
        // The real server says it twice.
        Err(error) => text(format!("{error};{error}")),
    }
}

/// Items joined by `;`. Set indexes come last in a short form, each with its separator in front,
/// even when nothing stands before it.
pub(super) fn items(request: Request<'_>, namespace: Option<&str>) -> String {
    let indexes = request.state.catalogue.indexes();
    let wanted = |index: &&Index| namespace.is_none_or(|name| name == index.namespace);
    let (of_set, of_bins): (Vec<_>, Vec<_>) = indexes
        .iter()
        .filter(wanted)
        .partition(|index| index.source == IndexSource::Set);
    let build = request.state.build;
    let item = |index: &&Index| {
        let is_ready = request.state.catalogue.is_ready(index);
        item(index, if is_ready { "RW" } else { "WO" }, build)
    };
    let items: Vec<_> = of_bins.iter().map(item).collect();
    let mut out = items.join(";");
    for index in of_set {
        let set = index.set.as_deref().unwrap_or("null");
        out.push_str(&format!(
            ";ns={}:indexname={}:set={set}:indextype=set",
            index.namespace, index.name
        ));
    }
    out
}

fn item(index: &Index, state: &str, build: Build) -> String {
    let null = if build < Build::NEW_INDEX_COMMANDS {
        "NULL"
    } else {
        "null"
    };
    let (bin, context, expression) = match &index.source {
        IndexSource::Bin { bin, context } => (bin.as_str(), context.as_deref(), None),
        IndexSource::Expression(expression) => (null, None, Some(expression.as_str())),
        IndexSource::Set => (null, None, None),
    };
    let (value_type, collection) = (
        type_name(index.value_type),
        collection_name(index.collection),
    );
    let place = format!(
        "ns={}:indexname={}:set={}:bin={bin}",
        index.namespace,
        index.name,
        index.set.as_deref().unwrap_or(null)
    );
    if build < Build::INDEX_CONTEXT {
        let value_type = value_type.to_ascii_uppercase();
        let collection = match index.collection {
            Collection::Default => "NONE".to_owned(),
            _ => collection.to_ascii_uppercase(),
        };
        return format!(
            "{place}:type={value_type}:indextype={collection}:path={bin}:state={state}"
        );
    }
    let context = context.unwrap_or(null);
    let expression = if build < Build::NEW_INDEX_COMMANDS {
        String::new()
    } else {
        format!(":exp={}", expression.unwrap_or(null))
    };
    format!(
        "{place}:type={value_type}:indextype={collection}:context={context}{expression}:state={state}"
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
