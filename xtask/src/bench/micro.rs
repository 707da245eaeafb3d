//! Rates of the single parts, as criterion measured and stored them.
//!
//! Criterion has no interface for its results but its files: `benchmark.json` names a bench and
//! its bytes per iteration, `estimates.json` beside it the time of an iteration.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::command::ChildCommand;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Rate of one bench.
#[derive(Debug, PartialEq)]
pub(crate) struct Rate {
    /// Group, function and parameter, joined with `/`.
    pub(crate) name: String,
    /// Bytes per second, from the median time of an iteration.
    pub(crate) bytes_per_second: f64,
}

/// Runs the benches and reads their rates.
///
/// # Errors
///
/// When a bench fails, or its stored result cannot be read.
pub(crate) fn run(workspace: &Workspace) -> Result<Vec<Rate>, Failure> {
    let begin = SystemTime::now();
    ChildCommand::new("cargo bench --locked -p benches").run(workspace.root())?;
    read(&workspace.target().join("criterion"), begin)
}

/// Rates below `folder` that were stored after `since`, by name.
///
/// Results of benches that no longer exist stay in the folder; their age gives them away.
fn read(folder: &Path, since: SystemTime) -> Result<Vec<Rate>, Failure> {
    let mut rates = Vec::new();
    for new in result_folders(folder) {
        let estimates = new.join("estimates.json");
        let fresh = fs::metadata(&estimates)
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| modified >= since);
        if fresh {
            let benchmark = read_json(&new.join("benchmark.json"))?;
            rates.extend(rate(&benchmark, &read_json(&estimates)?));
        }
    }
    rates.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(rates)
}

/// All folders with the name `new`.
fn result_folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // No folder means no bench has run yet.
        let Ok(listing) = fs::read_dir(&folder) else {
            continue;
        };
        for path in listing.flatten().map(|entry| entry.path()) {
            if path.file_name().is_some_and(|name| name == "new") {
                found.push(path);
            } else if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// The rate in a pair of result files; nothing for benches without a byte count.
fn rate(benchmark: &Value, estimates: &Value) -> Option<Rate> {
    let throughput = benchmark.get("throughput")?;
    let bytes = ["Bytes", "BytesDecimal"]
        .iter()
        .find_map(|unit| throughput.get(unit)?.as_f64())?;
    let nanoseconds = estimates.pointer("/median/point_estimate")?.as_f64()?;
    Some(Rate {
        name: benchmark.get("full_id")?.as_str()?.to_owned(),
        bytes_per_second: bytes / nanoseconds * 1e9,
    })
}

/// Reads a file of criterion.
fn read_json(path: &Path) -> Result<Value, Failure> {
    let text = fs::read_to_string(path).map_err(|cause| Failure::file("read", path, &cause))?;
    serde_json::from_str(&text)
        .map_err(|cause| Failure::new(format!("cannot read {}: {cause}", path.display())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Rate, rate};

    #[test]
    fn computes_bytes_per_second() {
        let benchmark = json!({ "full_id": "asb/encode", "throughput": { "Bytes": 3000 } });
        let estimates = json!({ "median": { "point_estimate": 1500.0 } });
        assert_eq!(
            rate(&benchmark, &estimates),
            Some(Rate {
                name: "asb/encode".to_owned(),
                bytes_per_second: 2e9,
            })
        );
        let elements = json!({ "full_id": "x", "throughput": { "Elements": 3 } });
        assert_eq!(rate(&elements, &estimates), None);
        assert_eq!(rate(&json!({ "throughput": null }), &estimates), None);
    }
}
