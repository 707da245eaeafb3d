//! UDF modules (`info-protocol.md` §7). They are kept, not compiled: no syntax error is found.

use super::{Request, Value, text};
use crate::catalogue::Udf;
use aerospike_wire::info;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};
use std::fmt::Write as _;

const MAX_NAME: usize = 127;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "udf-list" => list(request),
        "udf-get" => get(request),
        "udf-put" => text(put(request).err().unwrap_or("ok")),
        "udf-remove" => match request.text_param("filename") {
            None => text("error=invalid_filename"),
            Some(name) => {
                request.state.catalogue.remove_udf(name);
                text("ok")
            }
        },
        _ => return None,
    })
}

/// `filename=…,hash=…,type=LUA;` for each module.
fn list(request: Request<'_>) -> Value {
    let item = |udf: Udf| format!("filename={},hash={},type=LUA;", udf.name, hash(&udf));
    text(
        request
            .state
            .catalogue
            .udfs()
            .into_iter()
            .map(item)
            .collect::<String>(),
    )
}

/// SHA-1 of the module's metadata document, not of its source.
fn hash(udf: &Udf) -> String {
    let content = STANDARD.encode(&udf.content);
    let document = format!(
        r#"{{"content64": "{content}", "type": "LUA", "name": "{}"}}"#,
        udf.name
    );
    let mut hex = String::new();
    for byte in Sha1::digest(document.as_bytes()) {
        let _written = write!(hex, "{byte:02x}");
    }
    hex
}

fn get(request: Request<'_>) -> Value {
    let Some(name) = request.text_param("filename") else {
        return text("error=invalid_filename");
    };
    let udfs = request.state.catalogue.udfs();
    match udfs.iter().find(|udf| udf.name == name) {
        None => text("error=not_found"),
        Some(udf) => text(format!(
            "type=LUA;content={};",
            STANDARD.encode(&udf.content)
        )),
    }
}

/// # Errors
/// The text that the server answers.
fn put(request: Request<'_>) -> Result<(), &'static str> {
    let name = request
        .text_param("filename")
        .ok_or("error=invalid_filename")?;
    if name.len() > MAX_NAME || !name.contains('.') {
        return Err("error=invalid_filename");
    }
    let content = request.param("content").ok_or("error=invalid_content")?;
    let declared = request.param("content-len").and_then(info::number::<usize>);
    let declared = declared
        .filter(|len| len % 4 == 0)
        .ok_or("error=invalid_content_len")?;
    if declared != content.len() {
        return Err("error=invalid_content");
    }
    if !request
        .param("udf-type")
        .is_none_or(|kind| kind.eq_ignore_ascii_case(b"LUA"))
    {
        return Err("error=invalid_udf_type");
    }
    let content = STANDARD
        .decode(content)
        .map_err(|_| "error=invalid_base64_content")?;
    request.state.catalogue.put_udf(Udf {
        name: name.to_owned(),
        content,
    });
    Ok(())
}
