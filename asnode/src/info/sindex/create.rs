//! `sindex-create`, in the grammar of the cluster's version: before 8.1 `ns=` and
//! `indexdata=BIN,TYPE`, from then on also `namespace=`, `bin=`, `type=` and `exp=`.

use super::{
    super::{MISSING_NAMESPACE, Request},
    refusal,
};
use crate::{
    build::Build,
    catalogue::{Collection, Index, IndexRefused, IndexSource, IndexType},
    msgpack::{Reader, Token},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::Instant;

const MAX_NAME: usize = 63;
const MAX_BIN: usize = 15;

/// # Errors
/// The text that the server answers.
pub(super) fn create(request: Request<'_>) -> Result<(), String> {
    let form = Form {
        request,
        build: request.state.build,
    };
    let name = request
        .text_param("indexname")
        .ok_or_else(|| form.bad("missing 'indexname'"))?;
    if name.len() > MAX_NAME {
        return Err(form.bad("'indexname' value too long"));
    }
    super::namespace_name(request).ok_or(MISSING_NAMESPACE)?;
    let Ok(Some((_, namespace))) = super::namespace(request) else {
        return Ok(()); // unknown namespace: nothing happens
    };
    let set = request.text_param("set").map(str::to_owned);
    let (source, value_type, collection) = match form.collection()? {
        None if set.is_none() => return Err(form.bad("missing 'set'")),
        None => (IndexSource::Set, IndexType::Numeric, Collection::Default),
        Some(collection) => {
            let (source, value_type) = form.source()?;
            if collection == Collection::MapKeys && value_type == IndexType::Geo2dSphere {
                let text = "bad 'indexdata' bin type for 'indextype' 'mapkeys' - must be one of \
                            'numeric', 'string', 'blob'";
                return Err(form.bad(text));
            }
            (source, value_type, collection)
        }
    };
    if let Some(set) = &set
        && namespace.ensure_set(set.as_bytes()).is_err()
    {
        return Err(form.bad("'set' value too long"));
    }
    let index = Index {
        namespace: namespace.name().to_owned(),
        name: name.to_owned(),
        set,
        source,
        value_type,
        collection,
    };
    let ready_at = Instant::now().checked_add(request.state.index_build_delay);
    let created = request.state.catalogue.create_index(index, ready_at);
    created.map_err(|error| match error {
        IndexRefused::NameTaken => {
            let text = "'indexname' already exists with different definition";
            refusal(form.build, 200, text)
        }
        IndexRefused::TooMany => refusal(form.build, 206, "maximum sindex count reached"),
    })
}

/// A command, and the version by whose grammar it is read.
#[derive(Debug, Clone, Copy)]
struct Form<'a> {
    request: Request<'a>,
    build: Build,
}

impl Form<'_> {
    fn bad(self, text: &str) -> String {
        refusal(self.build, 4, text)
    }

    /// A parameter that came with this version.
    fn since(self, version: Build, key: &str) -> Option<String> {
        let value = self.request.text_param(key);
        value.filter(|_| self.build >= version).map(str::to_owned)
    }

    /// `None` = an index on the whole set.
    fn collection(self) -> Result<Option<Collection>, String> {
        let name = self.request.text_param("indextype").unwrap_or("default");
        Ok(Some(match name.to_ascii_lowercase().as_str() {
            "default" | "none" => Collection::Default,
            "list" => Collection::List,
            "mapkeys" => Collection::MapKeys,
            "mapvalues" => Collection::MapValues,
            "set" if self.build >= Build::SET_INDEX => return Ok(None),
            _ => {
                let set = if self.build >= Build::SET_INDEX {
                    ", 'set'"
                } else {
                    ""
                };
                return Err(self.bad(&format!(
                    "bad 'indextype' - must be one of 'default', 'list', 'mapkeys', 'mapvalues'{set}"
                )));
            }
        }))
    }

    /// What is indexed and of which type.
    fn source(self) -> Result<(IndexSource, IndexType), String> {
        let (old_bin, old_type) = self
            .request
            .text_param("indexdata")
            .and_then(|data| data.split_once(','))
            .map_or((None, None), |(bin, kind)| {
                (Some(bin.to_owned()), Some(kind.to_owned()))
            });
        let bin = self.since(Build::NEW_INDEX_COMMANDS, "bin").or(old_bin);
        let kind = self.since(Build::NEW_INDEX_COMMANDS, "type").or(old_type);
        if self.build < Build::NEW_INDEX_COMMANDS && bin.is_none() {
            return Err(self.bad("missing 'indexdata'"));
        }
        let expression = self.since(Build::NEW_INDEX_COMMANDS, "exp");
        let context = self.since(Build::INDEX_CONTEXT, "context");
        let source = match (bin, expression) {
            (None, None) => return Err(self.bad("both 'bin' and 'exp' are missing")),
            (Some(_), Some(_)) => return Err(self.bad("both 'bin' and 'exp' are specified")),
            (None, Some(_)) if context.is_some() => {
                return Err(self.bad("both 'context' and 'exp' are specified"));
            }
            (Some(bin), _) if bin.len() > MAX_BIN => {
                return Err(self.bad("'bin' value too long"));
            }
            (Some(bin), None) => {
                if let Some(context) = &context {
                    self.check_context(context)?;
                }
                IndexSource::Bin { bin, context }
            }
            (None, Some(expression)) => {
                if STANDARD.decode(&expression).is_err() {
                    return Err(self.bad("'exp' invalid base64"));
                }
                IndexSource::Expression(expression)
            }
        };
        let kind = kind.ok_or_else(|| self.bad("both 'indexdata' and 'type' are missing"))?;
        Ok((source, self.value_type(&kind)?))
    }

    fn value_type(self, kind: &str) -> Result<IndexType, String> {
        let knows_blobs = self.build >= Build::BLOB_INDEX;
        Ok(match kind.to_ascii_lowercase().as_str() {
            "numeric" | "integer" => IndexType::Numeric,
            "string" => IndexType::String,
            "blob" if knows_blobs => IndexType::Blob,
            "geo2dsphere" => IndexType::Geo2dSphere,
            _ => {
                let blob = if knows_blobs { ", 'blob'" } else { "" };
                return Err(self.bad(&format!(
                    "bad 'type' - must be one of 'numeric', 'string'{blob}, 'geo2dsphere'"
                )));
            }
        })
    }

    fn check_context(self, context: &str) -> Result<(), String> {
        let bytes = STANDARD
            .decode(context)
            .map_err(|_| self.bad("'context' invalid base64"))?;
        match Reader::new(&bytes).token() {
            Some(Token::List(len)) if len > 0 && len % 2 == 0 => Ok(()),
            _ => Err(self.bad("'context' invalid cdt context")),
        }
    }
}
