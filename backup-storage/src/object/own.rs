//! Requests of our own: what answers say, and how names stand in addresses.

use bytes::Bytes;
use object_store::client::{HttpError, HttpResponse};

use super::{exchange::Exchange, failure::Problem};

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    met: Exchange,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) async fn read(answer: Result<HttpResponse, HttpError>) -> Result<Self, Problem> {
        let (parts, body) = answer.map_err(|_| Problem::Answered)?.into_parts();
        let body = body.bytes().await.map_err(|_| Problem::Answered)?;
        Ok(Self {
            met: Exchange::answered(&parts, &body),
            body,
        })
    }

    /// The provider's word for the error; empty where it has none, `None` where all is well.
    pub(super) fn code(&self) -> Option<&str> {
        let is_well = self.met.status.is_some_and(|status| status.is_success());
        let code = self.met.code.as_deref();
        (!is_well || code.is_some()).then(|| code.unwrap_or_default())
    }

    /// The body of an answer without an error.
    pub(super) fn success(self) -> Result<Bytes, Problem> {
        match self.code() {
            None => Ok(self.body),
            Some(_) => Err(Problem::Answered),
        }
    }
}

/// Percent-encodes all but letters, digits, `-._~` and what is `kept`.
pub(super) fn encoded(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(character) || kept.contains(character) {
            encoded.push(character);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
