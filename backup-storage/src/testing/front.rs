//! Between the socket and the S3 server.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, request::Parts,
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use s3s::service::S3Service;
use tokio::{net::TcpStream, sync::RwLock};

use super::{
    answer::{Body, Whole, broken, error, flipped, inside, lose, short, trickling, whole},
    google,
    rule::Fault,
    state::{ArchiveState, State},
};

/// Classes that `s3s-fs` takes.
const TAKEN_CLASSES: [&str; 2] = ["STANDARD", "REDUCED_REDUNDANCY"];
const CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");
const RESTORE: HeaderName = HeaderName::from_static("x-amz-restore");

/// Smallest part that the server takes, the last one apart.
const LEAST_PART: usize = 5 << 20;

/// How clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    S3,
    Google,
    /// As the server there does.
    Other(SocketAddr),
}

pub(super) struct Front {
    /// Checks signatures.
    signed: S3Service,
    /// Takes what the front has changed.
    unsigned: S3Service,
    state: Arc<State>,
    /// Folder of the objects.
    root: PathBuf,
    dialect: Dialect,
    /// `s3s-fs` writes an object in several steps.
    one_writer: RwLock<()>,
}

/// What is asked for.
struct Target {
    key: String,
    query: String,
}

impl Front {
    pub(super) fn new(
        signed: S3Service,
        unsigned: S3Service,
        state: Arc<State>,
        root: PathBuf,
        dialect: Dialect,
    ) -> Self {
        Self {
            signed,
            unsigned,
            state,
            root,
            dialect,
            one_writer: RwLock::new(()),
        }
    }

    /// Answers, or closes the connection with an error.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let (fault, _under_way) = self.state.see(&parts);
        let mut body = match &fault {
            Some(Fault::LoseRequest(bytes)) => return Err(lose(body, *bytes).await),
            Some(Fault::Answer(status, retry_after, code)) => {
                body.collect().await.map_err(io::Error::other)?;
                return Ok(whole(error(*status, code, *retry_after)));
            }
            Some(Fault::Stall) => {
                body.collect().await.map_err(io::Error::other)?;
                return std::future::pending().await;
            }
            _ => body.collect().await.map_err(io::Error::other)?.to_bytes(),
        };
        if let Some(Fault::Delay(pause)) = fault {
            tokio::time::sleep(pause).await;
        }
        let list = list_of(&parts);
        if fault == Some(Fault::FlipBit) {
            body = flipped(&body);
        }
        let answer = match self.dialect {
            Dialect::S3 => self.work(parts, body).await,
            Dialect::Google => self.google(parts, body).await,
            Dialect::Other(server) => self.pass_on(server, parts, body).await,
        };
        let earlier = list.and_then(|list| self.state.remember(&list, answer.body()));
        match fault {
            Some(Fault::Stale) => Ok(whole(earlier.map_or(answer, Response::new))),
            Some(Fault::Short(bytes)) => Ok(whole(short(answer, bytes))),
            Some(Fault::LoseAnswer) => Err(io::Error::other("lost, as a rule wants it")),
            Some(Fault::ErrorInside(code)) => Ok(whole(inside(code))),
            Some(Fault::BreakAnswer(bytes)) => Ok(broken(answer, bytes)),
            Some(Fault::Trickle(bytes, pause)) => Ok(trickling(answer, bytes, pause)),
            _ => Ok(whole(answer)),
        }
    }

    async fn google(&self, mut parts: Parts, body: Bytes) -> Whole {
        let conditions = google::to_s3(&mut parts);
        let key = Target::of(&parts).key;
        let _one = match conditions.is_some() {
            true => Some(self.one_writer.write().await),
            false => None,
        };
        if let Some(wanted) = conditions {
            let found = self
                .e_tag(&parts, &key)
                .await
                .as_deref()
                .map(google::generation);
            if found.unwrap_or_default() != wanted {
                return error(412, "PreconditionFailed", None);
            }
            let content = body.clone();
            let answer = self.forward(&self.unsigned, parts, body).await;
            return google::from_s3(answer, Some(&content));
        }
        drop(_one);
        let is_head = parts.method == Method::HEAD;
        let get = is_head.then(|| parts.clone());
        let answer = self.work(parts, body).await;
        match get {
            Some(mut get) if answer.status().is_success() => {
                get.method = Method::GET;
                let content = self
                    .forward(&self.unsigned, get, Bytes::new())
                    .await
                    .into_body();
                google::from_s3(answer, Some(&content))
            }
            _ => google::from_s3(answer, None),
        }
    }

    /// Azurite brings blobs back at once; here they may take their time.
    async fn pass_on(&self, server: SocketAddr, parts: Parts, body: Bytes) -> Whole {
        let (is_head, target) = (parts.method == Method::HEAD, Target::of(&parts));
        let tier = parts.headers.get("x-ms-access-tier").cloned();
        let mut answer = pass_on(server, parts, body).await;
        let key = target.key.clone();
        let is_thaw =
            target.value("comp") == Some("tier") && tier.is_some_and(|tier| tier != "Archive");
        if is_thaw && answer.status().is_success() {
            self.state.set_archive(&key, ArchiveState::Coming(2));
        }
        if is_head && matches!(self.state.look(&key), Some(ArchiveState::Coming(_))) {
            let headers = answer.headers_mut();
            headers.insert("x-ms-access-tier", HeaderValue::from_static("Archive"));
            let status = HeaderValue::from_static("rehydrate-pending-to-hot");
            headers.insert("x-ms-archive-status", status);
        }
        answer
    }

    /// Answers in the language of S3.
    async fn work(&self, parts: Parts, body: Bytes) -> Whole {
        let target = Target::of(&parts);
        let method = parts.method.clone();
        if method == Method::GET && target.has("uploads") {
            return self.list_uploads(&target);
        }
        if method == Method::POST && target.has("restore") {
            return self.restore(&target);
        }
        if method == Method::GET || method == Method::HEAD {
            let _reader = self.one_writer.read().await;
            return self.read(parts, &target).await;
        }
        let is_part = target.has("partNumber");
        let _writer = match is_part {
            true => None,
            false => Some(self.one_writer.write().await),
        };
        self.write(parts, body, &target).await
    }

    async fn read(&self, mut parts: Parts, target: &Target) -> Whole {
        let is_object = !target.key.is_empty();
        let wanted = parts.headers.get(http::header::IF_MATCH).cloned();
        let is_head = parts.method == Method::HEAD;
        let archive = match is_head {
            true => self.state.look(&target.key),
            false => self.state.archive(&target.key),
        };
        if !is_head
            && matches!(
                archive,
                Some(ArchiveState::Archived | ArchiveState::Coming(_))
            )
        {
            return error(403, "InvalidObjectState", None);
        }
        let service = self.service(&mut parts);
        let mut answer = match is_object && !is_head {
            true => self.content(service, parts, &target.key).await,
            false => self.forward(service, parts, Bytes::new()).await,
        };
        if answer.status().is_success() && is_object {
            let found = answer.headers().get(http::header::ETAG);
            if wanted.is_some_and(|wanted| found != Some(&wanted)) {
                return error(412, "PreconditionFailed", None);
            }
            let class = self.state.storage_class(&target.key);
            let class = class.or_else(|| archive.map(|_| "GLACIER".to_owned()));
            set(answer.headers_mut(), CLASS, class.as_deref());
            let restore = archive.and_then(|archive| match archive {
                ArchiveState::Archived => None,
                ArchiveState::Coming(_) => Some("ongoing-request=\"true\""),
                ArchiveState::Restored => {
                    Some("ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2040 00:00:00 GMT\"")
                }
            });
            set(answer.headers_mut(), RESTORE, restore);
        }
        answer
    }

    async fn write(&self, mut parts: Parts, body: Bytes, target: &Target) -> Whole {
        let method = parts.method.clone();
        let class = parts
            .headers
            .get(CLASS)
            .and_then(|class| class.to_str().ok().map(str::to_owned));
        let is_single = method == Method::PUT && target.query.is_empty();
        let is_foreign = class
            .as_deref()
            .is_some_and(|class| !TAKEN_CLASSES.contains(&class));
        if let Some(id) = target
            .value("uploadId")
            .filter(|id| !self.state.is_open(id))
        {
            // s3s-fs calls this AccessDenied.
            tracing::debug!(%id, "no such upload");
            return error(404, "NoSuchUpload", None);
        }
        if is_damaged(&parts.headers, &body) {
            return error(400, "BadDigest", None);
        }
        if let Some(whole) = self
            .state
            .small_parts(target.value("uploadId"), &method, &body)
        {
            return self.complete_small(parts, whole, target).await;
        }
        let part = self.part(target, &body);
        let service = if is_single && is_foreign {
            unsign(&mut parts.headers);
            &self.unsigned
        } else {
            self.service(&mut parts)
        };
        let answer = self.forward(service, parts, body).await;
        if !answer.status().is_success() {
            return answer;
        }
        if let Some((id, number, body)) = part {
            self.state.keep_part(id, number, body);
        }
        let is_begin = method == Method::POST && target.has("uploads");
        if let Some(class) = class.filter(|_| is_single || is_begin) {
            self.state.set_storage_class(&target.key, &class);
        }
        if is_begin {
            let text = String::from_utf8_lossy(answer.body());
            let id = text
                .split_once("<UploadId>")
                .and_then(|(_, rest)| rest.split_once('<'));
            if let Some((id, _)) = id {
                self.state.begin_upload(id, &target.key);
            }
        } else if let Some(id) = target
            .value("uploadId")
            .filter(|_| !target.has("partNumber"))
        {
            self.state.end_upload(id);
        }
        answer
    }

    /// A part that S3 would find too small, unless it is the last one.
    fn part<'a>(&self, target: &'a Target, body: &Bytes) -> Option<(&'a str, u32, Bytes)> {
        let number = target.value("partNumber")?.parse().ok()?;
        let id = target.value("uploadId")?;
        (body.len() < LEAST_PART).then(|| (id, number, body.clone()))
    }

    /// Tests with little data want parts that are smaller than the server takes; their object is put as one.
    async fn complete_small(&self, mut parts: Parts, whole: Bytes, target: &Target) -> Whole {
        parts.method = Method::PUT;
        if let Ok(uri) = parts.uri.path().parse() {
            parts.uri = uri;
        }
        let host = parts.headers.remove(http::header::HOST);
        parts.headers = HeaderMap::new();
        parts
            .headers
            .extend(host.map(|host| (http::header::HOST, host)));
        parts
            .headers
            .insert(http::header::CONTENT_LENGTH, whole.len().into());
        let answer = self.forward(&self.unsigned, parts, whole).await;
        if answer.status().is_success() {
            self.state
                .end_upload(target.value("uploadId").unwrap_or_default());
        }
        let e_tag = answer.headers().get(http::header::ETAG).cloned();
        let e_tag = e_tag
            .as_ref()
            .and_then(|e_tag| e_tag.to_str().ok())
            .unwrap_or_default();
        let text = format!(
            "<CompleteMultipartUploadResult><ETag>{e_tag}</ETag></CompleteMultipartUploadResult>"
        );
        let mut answer = answer.map(|_| Bytes::from(text));
        answer.headers_mut().remove(http::header::CONTENT_LENGTH);
        answer
    }

    /// Google's clients have no signatures.
    fn service(&self, parts: &mut Parts) -> &S3Service {
        match self.dialect {
            Dialect::S3 | Dialect::Other(_) => &self.signed,
            Dialect::Google => {
                unsign(&mut parts.headers);
                &self.unsigned
            }
        }
    }

    async fn e_tag(&self, like: &Parts, key: &str) -> Option<String> {
        let mut parts = like.clone();
        parts.method = Method::HEAD;
        parts.headers = HeaderMap::new();
        let host = like.headers.get(http::header::HOST)?.clone();
        parts.headers.insert(http::header::HOST, host);
        parts.uri = format!("/{}/{key}", super::BUCKET).parse().ok()?;
        let answer = self.forward(&self.unsigned, parts, Bytes::new()).await;
        let e_tag = answer
            .headers()
            .get(http::header::ETAG)
            .filter(|_| answer.status().is_success());
        e_tag
            .and_then(|e_tag| e_tag.to_str().ok())
            .map(str::to_owned)
    }

    /// The answer of the server with the content from disk: its own comes in pieces of 4 KiB, each by a thread
    /// of its own.
    async fn content(&self, service: &S3Service, parts: Parts, key: &str) -> Whole {
        let request = Request::from_parts(parts, s3s::Body::empty());
        let Ok(answer) = service.call(request).await else {
            return error(500, "InternalError", None);
        };
        let (parts, body) = answer.into_parts();
        if !parts.status.is_success() {
            let body = BodyExt::collect(body).await.map(|body| body.to_bytes());
            return Response::from_parts(parts, body.unwrap_or_default());
        }
        match std::fs::read(self.root.join(key)) {
            Ok(content) => {
                let content = Bytes::from(content);
                let range = range(&parts.headers).unwrap_or(0..content.len());
                Response::from_parts(parts, content.slice(range))
            }
            Err(_) => error(404, "NoSuchKey", None),
        }
    }

    async fn forward(&self, service: &S3Service, parts: Parts, body: Bytes) -> Whole {
        let request = Request::from_parts(parts, s3s::Body::from(body));
        let Ok(answer) = service.call(request).await else {
            return error(500, "InternalError", None);
        };
        let (parts, body) = answer.into_parts();
        match BodyExt::collect(body).await {
            Ok(body) => Response::from_parts(parts, body.to_bytes()),
            Err(_) => error(500, "InternalError", None),
        }
    }

    fn list_uploads(&self, target: &Target) -> Whole {
        let prefix = target.value("prefix").map(decoded).unwrap_or_default();
        let mut text = String::from("<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>");
        for (id, key) in self.state.open_uploads(&prefix) {
            text.push_str(&format!(
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>"
            ));
        }
        text.push_str("</ListMultipartUploadsResult>");
        Response::new(Bytes::from(text))
    }

    fn restore(&self, target: &Target) -> Whole {
        match self.state.archive(&target.key) {
            Some(ArchiveState::Archived) => {
                self.state.set_archive(&target.key, ArchiveState::Coming(2));
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = StatusCode::ACCEPTED;
                answer
            }
            Some(ArchiveState::Coming(_)) => error(409, "RestoreAlreadyInProgress", None),
            _ => error(403, "InvalidObjectState", None),
        }
    }
}

impl Target {
    fn of(parts: &Parts) -> Self {
        let path = parts.uri.path().trim_start_matches('/');
        let host = parts.headers.get(http::header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let key = match bucket_in_host(host) {
            Some(_) => path,
            None => path.split_once('/').unwrap_or((path, "")).1,
        };
        Self {
            key: decoded(key),
            query: parts.uri.query().unwrap_or_default().to_owned(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// Asks another server, by a connection of its own.
pub(super) async fn pass_on(server: SocketAddr, mut parts: Parts, body: Bytes) -> Whole {
    let path = parts.uri.path_and_query().map(|path| path.as_str().parse());
    if let Some(Ok(uri)) = path {
        parts.uri = uri;
    }
    let host = HeaderValue::from_str(&server.to_string()).expect("a header");
    parts.headers.entry(http::header::HOST).or_insert(host);
    let ask = async {
        let socket = TcpStream::connect(server).await?;
        let connection = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
        let (mut sender, connection) = connection.map_err(io::Error::other)?;
        tokio::spawn(connection);
        let request = Request::from_parts(parts, Full::new(body));
        let answer = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok::<_, io::Error>(Response::from_parts(parts, body))
    };
    let Ok(mut answer) = ask.await else {
        return error(502, "BadGateway", None);
    };
    answer.headers_mut().remove(http::header::TRANSFER_ENCODING);
    answer.headers_mut().remove(http::header::CONNECTION);
    answer
}

/// What follows the bucket, when a host begins with it.
pub(super) fn bucket_in_host(host: &str) -> Option<&str> {
    host.strip_prefix(super::BUCKET)?.strip_prefix('.')
}

/// What is listed, when a request asks for a list.
fn list_of(parts: &Parts) -> Option<String> {
    let query = parts.uri.query()?;
    query.contains("list-type").then(|| query.to_owned())
}

/// Undoes percent-encoding.
pub(super) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((plain, coded)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let digits = coded
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match digits {
            Some(byte) => {
                bytes.push(byte);
                rest = coded.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = coded;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(name, value);
    }
}

/// What is signed cannot be changed, so the signature goes.
fn unsign(headers: &mut HeaderMap) {
    headers.remove(http::header::AUTHORIZATION);
    let names: Vec<_> = headers.keys().cloned().collect();
    for name in names {
        if name.as_str().starts_with("x-amz-") && !name.as_str().starts_with("x-amz-checksum") {
            headers.remove(name);
        }
    }
}

/// `Content-Range: bytes 0-9/100`
fn range(headers: &HeaderMap) -> Option<std::ops::Range<usize>> {
    let range = headers.get(http::header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, _) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some(first.parse().ok()?..last.parse::<usize>().ok()?.saturating_add(1))
}

/// s3s-fs takes the checksums of parts as they are.
fn is_damaged(headers: &HeaderMap, body: &Bytes) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let Some(wanted) = headers.get("x-amz-checksum-crc64nvme") else {
        return false;
    };
    let found = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, body);
    wanted.as_bytes() != STANDARD.encode(found.to_be_bytes()).as_bytes()
}
