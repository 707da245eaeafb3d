//! The open multipart uploads of a bucket, which `object_store` does not list.

use http::Method;
use serde::Deserialize;

use super::{
    super::{cloud::OpenUpload, failure::Problem, own},
    OwnRequests,
};
use crate::ErrorKind;

/// A page of them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::object) struct Page {
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    #[serde(rename = "Upload")]
    uploads: Vec<Upload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
}

impl Page {
    /// Parses the answer to `GET ?uploads`.
    pub(in crate::object) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let text = String::from_utf8_lossy(body);
        quick_xml::de::from_str(&text).map_err(|error| {
            Problem::Own(ErrorKind::Other, format!("the list of uploads: {error}"))
        })
    }

    /// The query for the page after this one.
    pub(in crate::object) fn next(&self) -> Option<String> {
        let key = self
            .next_key_marker
            .as_deref()
            .filter(|_| self.is_truncated)?;
        let id = self.next_upload_id_marker.as_deref().unwrap_or_default();
        let (key, id) = (own::encoded(key, ""), own::encoded(id, ""));
        Some(format!("&key-marker={key}&upload-id-marker={id}"))
    }

    pub(in crate::object) fn into_uploads(self) -> impl Iterator<Item = OpenUpload> {
        self.uploads.into_iter().map(|upload| OpenUpload {
            key: upload.key,
            id: upload.upload_id,
        })
    }
}

/// All open uploads of keys that begin with `prefix`.
pub(super) async fn list(own: &OwnRequests, prefix: &str) -> Result<Vec<OpenUpload>, Problem> {
    let (mut found, mut page) = (Vec::new(), Some(String::new()));
    while let Some(from) = page {
        let query = format!("uploads=&prefix={}{from}", own::encoded(prefix, ""));
        let answer = own.send(Method::GET, None, &query, String::new()).await?;
        let listed = Page::parse(&answer.success()?)?;
        page = listed.next();
        found.extend(listed.into_uploads());
    }
    Ok(found)
}
