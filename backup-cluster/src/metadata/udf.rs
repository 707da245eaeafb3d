//! UDF modules as info text (`info-protocol.md` §7).

use aerospike_wire::info;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A registered module. All are Lua.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdfModule {
    /// File name on the server.
    pub name: String,
    /// Source.
    pub content: Vec<u8>,
}

/// The file names in a `udf-list` answer: `filename=…,hash=…,type=LUA;…`.
pub(super) fn names(list: &str) -> Vec<String> {
    info::items(list.as_bytes(), b';')
        .filter_map(|entry| info::value(entry, b',', b"filename"))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// Reads a `udf-get` answer: `type=LUA;content=<base64>;`.
pub(super) fn parse_module(name: &str, reply: &str) -> Result<UdfModule, String> {
    let kind = info::value(reply.as_bytes(), b';', b"type").unwrap_or_default();
    if !kind.eq_ignore_ascii_case(b"LUA") {
        return Err(format!(
            "type {:?} is not LUA",
            String::from_utf8_lossy(kind)
        ));
    }
    let content = info::value(reply.as_bytes(), b';', b"content").ok_or("there is no content")?;
    let content = STANDARD
        .decode(content)
        .map_err(|error| error.to_string())?;
    Ok(UdfModule {
        name: name.to_owned(),
        content,
    })
}
