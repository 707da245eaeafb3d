//! Answers, and the ways in which they go wrong.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};

/// An answer with all of its body.
pub(super) type Whole = Response<Bytes>;

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(super) fn error(status: u16, code: &str, retry_after: Option<u64>) -> Whole {
    let text = format!("<Error><Code>{code}</Code><Message>as a rule wants it</Message></Error>");
    let mut answer = Response::new(Bytes::from(text));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    if let Some(seconds) = retry_after {
        answer
            .headers_mut()
            .insert(http::header::RETRY_AFTER, seconds.into());
    }
    answer
}

pub(super) fn inside(code: &str) -> Whole {
    let text = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    Response::new(Bytes::from(text))
}

pub(super) fn whole(answer: Whole) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    let body = stream::once(async move { Ok(Frame::data(body)) });
    Response::from_parts(parts, StreamBody::new(body).boxed_unsync())
}

pub(super) fn broken(answer: Whole, bytes: usize) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    parts
        .headers
        .insert(http::header::CONTENT_LENGTH, body.len().into());
    let begin = body.slice(..bytes.min(body.len()));
    let pieces = [
        Ok(Frame::data(begin)),
        Err(io::Error::other("broken, as a rule wants it")),
    ];
    let body = stream::iter(pieces).then(|piece| async move {
        // What is before the break shall leave the process first.
        tokio::task::yield_now().await;
        piece
    });
    Response::from_parts(parts, StreamBody::new(body).boxed_unsync())
}

pub(super) fn short(mut answer: Whole, bytes: usize) -> Whole {
    answer.headers_mut().remove(http::header::CONTENT_LENGTH);
    answer.map(|body| body.slice(..bytes.min(body.len())))
}

pub(super) fn trickling(answer: Whole, bytes: usize, pause: Duration) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    parts
        .headers
        .insert(http::header::CONTENT_LENGTH, body.len().into());
    let starts = (0..body.len()).step_by(bytes.max(1));
    let pieces: Vec<_> = starts
        .map(|from| body.slice(from..from.saturating_add(bytes.max(1)).min(body.len())))
        .collect();
    let body = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(Frame::data(piece))
    });
    Response::from_parts(parts, StreamBody::new(body).boxed_unsync())
}

pub(super) async fn lose(mut body: Incoming, bytes: usize) -> io::Error {
    let mut seen = 0_usize;
    while seen < bytes {
        match body.frame().await {
            Some(Ok(frame)) => {
                seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            }
            _ => break,
        }
    }
    io::Error::other("lost, as a rule wants it")
}

pub(super) fn flipped(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes.into()
}
