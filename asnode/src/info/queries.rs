//! Running and finished scans (`info-protocol.md` §10): `query-show`, before 6.0 also `scan-show`
//! and `jobs`.

use super::{Request, Value, text};
use crate::build::Build;
use aerospike_wire::info;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    let jobs = request.state.jobs.get(request.node)?;
    let new = request
        .param("id")
        .filter(|_| request.state.build >= Build::NEW_INDEX_COMMANDS);
    let wanted = new.or_else(|| request.param("trid"));
    let id = wanted.map(info::number::<u64>);
    let kills = request.param("cmd") == Some(b"kill-job");
    let name = match name {
        "jobs" | "scan-abort" if kills || name == "scan-abort" => "query-abort",
        "jobs" | "scan-show" => "query-show",
        name => name,
    };
    Some(match (name, id) {
        ("query-show" | "query-abort", Some(None)) => text("ERROR:4:bad id"),
        ("query-show", None) => {
            let lines: Vec<_> = jobs.all().iter().map(|job| job.line()).collect();
            text(lines.join(";"))
        }
        ("query-show", Some(Some(id))) => match jobs.find(id) {
            Some(job) => text(job.line()),
            None => text("ERROR:2:job not found"),
        },
        ("query-abort", None) => text("ERROR:4:missing 'id'"),
        ("query-abort", Some(Some(id))) => text(if jobs.abort(id) {
            "ok"
        } else {
            "ERROR:2:id not active"
        }),
        ("query-abort-all", _) => text(format!("number-of-queries-killed:{}", jobs.abort_all())),
        _ => return None,
    })
}
