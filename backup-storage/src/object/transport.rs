//! The HTTP client under `object_store`: one for all requests to a bucket, with TLS by ring, limits, and
//! notes of what the answers said ([`exchange`](super::exchange)).

use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use net_tls::{client::ClientSettings, pem::Source};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{exchange::Exchange, options::Connection};
use crate::{Error, ErrorKind, Operation, Result};

/// Time after which an idle connection is closed.
const IDLE: Duration = Duration::from_secs(120);

/// Put into the extensions of a request whose body is to be read piece by piece. All others are read whole
/// before anybody sees the answer, so that a lost connection is one of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streamed;

/// The headers of an answer, in its extensions: `object_store` passes few of them on.
#[derive(Clone, Debug)]
pub(super) struct Headers(pub(super) HeaderMap);

/// An HTTP client for one bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: reqwest::Client,
    slots: Option<Arc<Semaphore>>,
    amend: Option<Arc<dyn Amend>>,
}

/// Changes each request before it is sent.
#[async_trait]
pub(super) trait Amend: fmt::Debug + Send + Sync {
    async fn amend(&self, request: HttpRequest) -> Result<HttpRequest, HttpError>;
}

impl Transport {
    /// Reads the authorities and builds the client; connects to nobody.
    pub(super) fn new(connection: &Connection, is_tls: bool) -> Result<Self> {
        let failed = |cause: Box<dyn StdError + Send + Sync>| {
            let cause = std::io::Error::other(cause);
            Error::caused(
                ErrorKind::Settings,
                Operation::Check,
                "the connection",
                cause,
            )
        };
        let tls = tls(connection, is_tls).map_err(|error| failed(error.into()))?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("absctl/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(connection.connect_timeout)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true);
        if let Some(timeout) = connection.request_timeout {
            builder = builder.timeout(timeout);
        }
        Ok(Self {
            client: builder.build().map_err(|error| failed(error.into()))?,
            slots: connection
                .most
                .map(|most| Arc::new(Semaphore::new(most.max(1)))),
            amend: None,
        })
    }

    /// The same, with a change to each request.
    pub(super) fn amended(self, amend: Arc<dyn Amend>) -> Self {
        Self {
            amend: Some(amend),
            ..self
        }
    }

    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        let slots = Arc::clone(self.slots.as_ref()?);
        slots.acquire_owned().await.ok()
    }
}

/// The system's authorities are read only where they are needed: a machine may have none.
fn tls(
    connection: &Connection,
    is_tls: bool,
) -> Result<rustls::ClientConfig, net_tls::error::Error> {
    if !is_tls && connection.ca_file.is_none() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider);
        if let Ok(builder) = builder.with_safe_default_protocol_versions() {
            let none = rustls::RootCertStore::empty();
            return Ok(builder.with_root_certificates(none).with_no_client_auth());
        }
    }
    let settings = ClientSettings {
        ca_file: connection.ca_file.clone().map(Source::File),
        system_roots: connection.ca_file.is_none(),
        ..ClientSettings::default()
    };
    settings.build().map(Arc::unwrap_or_clone)
}

impl HttpConnector for Transport {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_streamed = request.extensions().get::<Streamed>().is_some();
        let request = match &self.amend {
            Some(amend) => amend.amend(request).await?,
            None => request,
        };
        // Not the query: it may be a signature.
        let asked = format!("{} {}", request.method(), request.uri().path());
        let slot = self.slot().await;
        let response = self.client.call(request).await.map_err(noted)?;
        tracing::trace!(status = response.status().as_u16(), "{asked}");
        let (mut parts, body) = response.into_parts();
        parts.extensions.insert(Headers(parts.headers.clone()));
        if is_streamed && parts.status.is_success() {
            Exchange::answered(&parts, b"").note();
            let body = HttpResponseBody::new(Held { body, _slot: slot });
            return Ok(HttpResponse::from_parts(parts, body));
        }
        let body = body.bytes().await.map_err(noted)?;
        Exchange::answered(&parts, &body).note();
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

/// Notes why there was no whole answer. All of these may be repeated, so the kind that `object_store` knows
/// makes no difference.
fn noted(error: HttpError) -> HttpError {
    let mut innermost: &(dyn StdError + 'static) = &error;
    let mut is_refused_by_tls = false;
    loop {
        is_refused_by_tls |= innermost.is::<rustls::Error>();
        let wrapped = innermost.downcast_ref::<std::io::Error>();
        let wrapped = wrapped.and_then(std::io::Error::get_ref);
        is_refused_by_tls |= wrapped.is_some_and(|error| error.is::<rustls::Error>());
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    let exchange = Exchange {
        broken: Some(error.kind()),
        message: Some(innermost.to_string()),
        is_refused_by_tls,
        ..Exchange::default()
    };
    exchange.note();
    HttpError::new(
        match error.kind() {
            HttpErrorKind::Unknown => HttpErrorKind::Interrupted,
            kind => kind,
        },
        error,
    )
}

/// A body that keeps its connection's slot until it is read.
struct Held {
    body: HttpResponseBody,
    _slot: Option<OwnedSemaphorePermit>,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, HttpError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
}
