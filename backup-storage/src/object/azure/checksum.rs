//! `x-ms-content-crc64`: Azure compares it with what has arrived of a block or a blob, and refuses what
//! differs. `object_store` does not know it, and signs requests before we see them; so with an account key
//! they are signed once more.

use std::{future::poll_fn, pin::pin};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use crc_fast::{CrcAlgorithm, Digest};
use http::{HeaderName, HeaderValue, Method, header::AUTHORIZATION};
use http_body::Body as _;
use object_store::{
    azure::{AzureAuthorizer, AzureCredential},
    client::{HttpError, HttpErrorKind, HttpRequest, HttpRequestBody},
};

use super::super::transport::Amend;

const CHECKSUM: HeaderName = HeaderName::from_static("x-ms-content-crc64");

/// Adds the checksum of data.
pub(super) struct Checksum {
    pub(super) account: String,
    /// With which requests are signed; other credentials do not cover headers.
    pub(super) key: Option<AzureCredential>,
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checksum").finish_non_exhaustive()
    }
}

#[async_trait]
impl Amend for Checksum {
    async fn amend(&self, mut request: HttpRequest) -> Result<HttpRequest, HttpError> {
        if !is_data(&request) {
            return Ok(request);
        }
        let checksum = crc64(request.body().clone()).await?;
        if let Ok(value) = HeaderValue::from_str(&STANDARD.encode(checksum.to_le_bytes())) {
            request.headers_mut().insert(CHECKSUM, value);
        }
        if let Some(key) = &self.key {
            request.headers_mut().remove(AUTHORIZATION);
            AzureAuthorizer::new(key, &self.account)
                .try_authorize(&mut request)
                .map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        }
        Ok(request)
    }
}

/// Put Block and Put Blob; not lists of blocks, tiers and the like.
fn is_data(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let operation = query.split('&').find_map(|pair| pair.strip_prefix("comp="));
    request.method() == Method::PUT && matches!(operation, None | Some("block"))
}

/// The polynomial is that of CRC-64/NVME.
async fn crc64(body: HttpRequestBody) -> Result<u64, HttpError> {
    let (mut body, mut digest) = (pin!(body), Digest::new(CrcAlgorithm::Crc64Nvme));
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            digest.update(&data);
        }
    }
    Ok(digest.finalize())
}
