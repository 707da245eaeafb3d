//! Secondary index definitions (`info-protocol.md` §6).
//!
//! Indexes are ready at once and on all nodes. Not checked: the type of an expression against
//! `type=`, and whether a context is a proper one beyond being base64 of a msgpack list. Without
//! `b64=true` contexts and expressions are listed in base64 all the same.

mod create;
mod list;

use super::{ENTERPRISE_ONLY, MISSING_NAMESPACE, NO_NAMESPACE, Request, Value, text};
use crate::{
    build::Build,
    catalogue::{Index, IndexSource},
    namespace::Namespace,
};

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "sindex-list" => list::list(request),
        "sindex" => by_path(request),
        "sindex-create" => {
            let created = create::create(request);
            text(created.err().unwrap_or_else(|| "ok".to_owned()))
        }
        "sindex-delete" => delete(request),
        "sindex-exists" => exists(request),
        "sindex-stat" => stat(request),
        "sindex-histogram" => text(ENTERPRISE_ONLY),
        _ => return None,
    })
}

/// An error in the words of a version: they all begin with ERROR only since 8.1.
fn refusal(build: Build, code: u8, text: &str) -> String {
    let word = if build < Build::NEW_INDEX_COMMANDS {
        "FAIL"
    } else {
        "ERROR"
    };
    format!("{word}:{code}:{text}")
}

/// The namespace parameter: `ns`, and since 8.1 `namespace`, too.
fn namespace_name(request: Request<'_>) -> Option<&[u8]> {
    let new = request
        .param("namespace")
        .filter(|_| request.state.build >= Build::NEW_INDEX_COMMANDS);
    new.or_else(|| request.param("ns"))
}

/// The namespace, if one is named.
fn namespace(request: Request<'_>) -> Result<Option<(usize, &Namespace)>, &'static str> {
    let Some(name) = namespace_name(request) else {
        return Ok(None);
    };
    let found = request.state.namespace(name);
    found.map(Some).ok_or(NO_NAMESPACE)
}

/// As [`namespace`], of commands that need one.
fn one_namespace(request: Request<'_>) -> Result<&Namespace, &'static str> {
    namespace(request)?.map_or(Err(MISSING_NAMESPACE), |(_, namespace)| Ok(namespace))
}

/// The old commands `sindex`, `sindex/<ns>` and `sindex/<ns>/<name>`.
fn by_path(request: Request<'_>) -> Value {
    let path = request.path();
    let Some(namespace) = path.first() else {
        return text(list::items(request, None));
    };
    let Some((_, namespace)) = request.state.namespace(namespace) else {
        return text("ns_type=unknown");
    };
    match path.get(1).map(|name| String::from_utf8_lossy(name)) {
        None => text(list::items(request, Some(namespace.name()))),
        Some(name) => stat_of(request, namespace.name(), &name),
    }
}

/// Since 8.1 `ok` whether the index existed or not. Missing parameters give glued texts.
fn delete(request: Request<'_>) -> Value {
    let build = request.state.build;
    let name = request.text_param("indexname");
    let mut out = if name.is_none() {
        refusal(build, 4, "missing 'indexname'")
    } else {
        String::new()
    };
    match (one_namespace(request), name) {
        (Err(MISSING_NAMESPACE), _) => out.push_str(MISSING_NAMESPACE),
        (Ok(namespace), Some(name)) => {
            let was_there = request.state.catalogue.delete_index(namespace.name(), name);
            if was_there || build >= Build::NEW_INDEX_COMMANDS {
                out.push_str("ok");
            } else {
                out.push_str(&refusal(build, 201, "NO INDEX"));
            }
        }
        _ => out.push_str("ok"),
    }
    text(out)
}

fn exists(request: Request<'_>) -> Value {
    match (one_namespace(request), request.text_param("indexname")) {
        (Err(error), _) => text(error),
        (_, None) => text(refusal(request.state.build, 4, "missing 'indexname'")),
        (Ok(namespace), Some(name)) => {
            let found = request.state.catalogue.index(namespace.name(), name);
            text(found.is_some().to_string())
        }
    }
}

fn stat(request: Request<'_>) -> Value {
    match (one_namespace(request), request.text_param("indexname")) {
        (Err(error), _) => text(error),
        (_, None) => text("ERROR:4:missing 'indexname'"),
        (Ok(namespace), Some(name)) => stat_of(request, namespace.name(), name),
    }
}

/// Entries are not counted. An index is loaded as a whole, at the end of the time it takes.
fn stat_of(request: Request<'_>, namespace: &str, name: &str) -> Value {
    let build = request.state.build;
    let catalogue = &request.state.catalogue;
    let percent = |index: &Index| if catalogue.is_ready(index) { 100 } else { 0 };
    match catalogue.index(namespace, name) {
        None if build < Build::NEW_INDEX_COMMANDS => text(refusal(build, 201, "NO INDEX")),
        None => text(refusal(build, 201, "no index")),
        Some(index) if index.source == IndexSource::Set => text(format!(
            "entries=0;used_bytes=0;load_pct={}",
            percent(&index)
        )),
        Some(index) => text(format!(
            "entries=0;used_bytes=16777216;entries_per_bval=0;entries_per_rec=0;load_pct={};\
             load_time=0;stat_gc_recs=0",
            percent(&index)
        )),
    }
}
