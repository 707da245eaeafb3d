//! The file of metrics: whole at any moment, and with a memory of the last success.

use super::{About, text::LAST_SUCCESS};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Of a longer file, this much is read; ours have some kilobytes.
const LIMIT_BYTES: u64 = 1 << 20;

/// Replaces the file by one with this content: whoever reads it meanwhile sees the old or the new
/// one. Nothing is synced: after a crash the next run writes it anew.
pub(super) fn write(path: &Path, content: &str) -> io::Result<()> {
    let fresh = beside(path);
    let written = fs::write(&fresh, content).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh); // the error says why, and it may never have been there
    }
    written
}

/// A name of our own that no collector reads: those end in `.prom`.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{}.part", std::process::id()));
    name.into()
}

/// What a file of an earlier run says of the last success of this job, in seconds since 1970.
pub(super) fn last_success(path: &Path, about: &About) -> Option<f64> {
    let (mut text, file) = (String::new(), File::open(path).ok()?);
    file.take(LIMIT_BYTES).read_to_string(&mut text).ok()?;
    let label = |name: &str, value: &str| format!("{name}=\"{}\"", escaped(value));
    let (job, namespace) = (
        label("job", about.job),
        label("namespace", &about.namespace),
    );
    text.lines().find_map(|line| {
        let (labels, value) = line.strip_prefix(LAST_SUCCESS)?.rsplit_once(' ')?;
        let is_ours = labels.contains(&job) && labels.contains(&namespace);
        value.parse().ok().filter(|_| is_ours)
    })
}

/// A value of a label as it stands in the file.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}
