//! The port on which metrics can be asked for while a job runs.
//!
//! It answers `GET /metrics` and nothing else, a few askers at a time, each within a few seconds and
//! with a request of some kilobytes: whoever reaches it cannot hold the job up. Without TLS and
//! without a password, so that it is for a private network.

use crate::app::error::Error;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE,
    server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

/// Askers at a time; more are turned away.
const ASKERS: usize = 8;

/// Largest request in bytes.
const REQUEST_BYTES: usize = 16 << 10;

/// Time for an asker from connection to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time for the request to come.
const HEADER_PATIENCE: Duration = Duration::from_secs(5);

/// Pause after a connection could not be taken, for lack of descriptors or the like.
const PAUSE: Duration = Duration::from_millis(100);

/// What is said about the text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Makes the text that is served.
type Render = fn() -> String;

/// Opens the port and answers until the runtime ends.
pub(super) async fn start(address: &str, render: Render) -> Result<(), Error> {
    let refused = |error| Error::usage(format!("--metrics-listen {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let place = listener.local_addr().map_err(refused)?;
    tracing::info!("metrics are served at http://{place}/metrics");
    tokio::spawn(serve(listener, render));
    Ok(())
}

async fn serve(listener: TcpListener, render: Render) {
    let places = Arc::new(Semaphore::new(ASKERS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Without a place the connection is closed at once.
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            tokio::spawn(async move {
                let _ = timeout(PATIENCE, connection(stream, render)).await;
                drop(place);
            });
        }
    }
}

/// Answers one request. What goes wrong with it is the asker's matter.
async fn connection(stream: TcpStream, render: Render) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let asked = (request.method().clone(), request.uri().path().to_owned());
        Ok::<_, Infallible>(answer(&asked.0, &asked.1, render))
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(REQUEST_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn answer(method: &Method, path: &str, render: Render) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, OPEN_METRICS, render()),
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", String::new()),
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            "metrics are at /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
