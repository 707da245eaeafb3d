//! The frames of the protocol: `magic 51 de c1 cc, length (4, big-endian), JSON`.
//!
//! Bytes only. What holds a value is cleared when dropped; the JSON reader's own scratch space, in
//! which it puts values with escaped characters together, is not within reach.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use net_tls::secret::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{ErrorKind, Failure};
use crate::reference::Reference;
use crate::settings::Encoding;

/// The longest answer that is read: 1 MiB.
pub const ANSWER_BYTES: u32 = 1 << 20;

/// First bytes of every frame.
const MAGIC: [u8; 4] = [0x51, 0xde, 0xc1, 0xcc];

/// Characters of an agent's error text that are passed on.
const MESSAGE_CHARS: usize = 200;

/// What is sent.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    secret_key: &'a str,
}

/// What comes back.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    secret_value: Option<Value>,
    error: Option<String>,
}

/// A value, hidden and cleared from the moment it is read.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Value(Secret);

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// The frame that asks for a secret.
pub(crate) fn encode(reference: &Reference) -> Result<Vec<u8>, Failure> {
    let request = Request {
        resource: reference.resource(),
        secret_key: reference.key(),
    };
    let json = serde_json::to_vec(&request).map_err(|_| ErrorKind::NotJson)?;
    let found = u32::try_from(json.len()).unwrap_or(u32::MAX);
    if found > ANSWER_BYTES {
        let limit = ANSWER_BYTES;
        return Err(ErrorKind::TooLong { found, limit }.into());
    }
    Ok([&MAGIC[..], &found.to_be_bytes(), &json].concat())
}

/// Checks the first bytes of an answer, before anything else of it is waited for.
pub(crate) fn check_magic(magic: [u8; 4]) -> Result<(), Failure> {
    match magic {
        MAGIC => Ok(()),
        _ => Err(ErrorKind::NotAnAgent.into()),
    }
}

/// The length of the JSON that follows these bytes.
pub(crate) fn answer_len(len: [u8; 4]) -> Result<usize, Failure> {
    let (found, limit) = (u32::from_be_bytes(len), ANSWER_BYTES);
    match usize::try_from(found) {
        Ok(len) if found <= limit => Ok(len),
        _ => Err(ErrorKind::TooLong { found, limit }.into()),
    }
}

/// The value in an answer's JSON.
pub(crate) fn decode(json: &[u8], encoding: Encoding) -> Result<Secret, Failure> {
    let answer: Answer = serde_json::from_slice(json).map_err(|_| ErrorKind::NotJson)?;
    if let Some(error) = answer.error.filter(|error| !error.is_empty()) {
        let message = message(&error);
        return Err(ErrorKind::Refused { message }.into());
    }
    let Value(value) = answer.secret_value.ok_or(ErrorKind::NoValue)?;
    match encoding {
        Encoding::Text => Ok(value),
        Encoding::Base64 => from_base64(value.expose()),
    }
}

fn from_base64(value: &str) -> Result<Secret, Failure> {
    let lines = value.trim().split(['\r', '\n']);
    let joined: Zeroizing<String> = Zeroizing::new(lines.collect());
    let bytes = STANDARD.decode(joined.as_bytes());
    let bytes = Zeroizing::new(bytes.map_err(|_| ErrorKind::NotBase64)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| ErrorKind::NotText)?;
    Ok(text.into())
}

/// An agent's words, fit for a log.
fn message(error: &str) -> String {
    let short: String = error.trim().chars().take(MESSAGE_CHARS).collect();
    short.escape_debug().to_string()
}
