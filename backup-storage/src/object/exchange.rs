//! What the last request of a task met: `object_store` turns answers into errors that no longer tell the
//! provider's code or how long to wait, so the HTTP client notes both beside them.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER, response::Parts};
use object_store::client::HttpErrorKind;

/// Longest text of an error that is kept, in characters.
const MESSAGE_CHARS: usize = 300;

/// The last answer, or why there was none.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    pub(super) status: Option<StatusCode>,
    /// The provider's word for what went wrong, such as `SlowDown`.
    pub(super) code: Option<String>,
    /// The provider's sentence about it.
    pub(super) message: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// The request failed before there was a whole answer.
    pub(super) broken: Option<HttpErrorKind>,
    /// TLS refused the server; that does not pass.
    pub(super) is_refused_by_tls: bool,
}

tokio::task_local! {
    static LAST: Arc<Mutex<Exchange>>;
}

/// Runs requests, and tells what the last of them met.
pub(super) async fn recorded<F: Future>(requests: F) -> (F::Output, Exchange) {
    let last = Arc::<Mutex<Exchange>>::default();
    let output = LAST.scope(Arc::clone(&last), requests).await;
    let exchange = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (output, exchange)
}

impl Exchange {
    /// A whole answer.
    pub(super) fn answered(parts: &Parts, body: &[u8]) -> Self {
        let is_error = !parts.status.is_success() || body_is_error(body);
        let text = if is_error {
            String::from_utf8_lossy(body)
        } else {
            "".into()
        };
        let header = |name: &str| parts.headers.get(name)?.to_str().ok().map(str::to_owned);
        Self {
            status: Some(parts.status),
            code: header("x-ms-error-code").or_else(|| element(&text, "Code")),
            message: element(&text, "Message"),
            retry_after: retry_after(&parts.headers),
            ..Self::default()
        }
    }

    /// Notes it for whoever called [`recorded`].
    pub(super) fn note(self) {
        // Requests for credentials may come from elsewhere; nobody waits for their notes.
        let _ = LAST.try_with(|last| {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = self;
        });
    }
}

/// Some errors of S3 come with status 200, when the answer had begun before the work was done.
fn body_is_error(body: &[u8]) -> bool {
    let head = body.get(..body.len().min(200)).unwrap_or_default();
    head.windows(7).any(|window| window == b"<Error>")
}

/// The text of the first XML element of this name.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once('<')?;
    let content: String = content.trim().chars().take(MESSAGE_CHARS).collect();
    (!content.is_empty()).then_some(content)
}

/// Seconds only: no provider sends the other form, a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}
