//! Commands that came or went with a version, and those of one edition.

use super::Request;
use crate::build::Build;

/// Names, the first version that has them, and the first that has not any more.
const LIVES: &[(&[&str], Option<Build>, Option<Build>)] = &[
    (
        &["jobs", "scan-show", "scan-abort"],
        None,
        Some(Build::BATCH_ANY),
    ),
    (&["query-abort-all"], Some(Build::BATCH_ANY), None),
    (
        &["sindex-stat", "user-agent-set", "user-agents"],
        Some(Build::NEW_INDEX_COMMANDS),
        None,
    ),
];

/// What the Community Edition refuses.
const ENTERPRISE: &[&str] = &[
    "racks",
    "rack-ids",
    "roster",
    "roster-set",
    "quiesce",
    "quiesce-undo",
    "feature-key",
    "masking-show",
];

/// Whether the cluster's version has this command.
pub(super) fn exists(request: Request<'_>, name: &str) -> bool {
    let build = request.state.build;
    let of_this = LIVES.iter().find(|(names, ..)| names.contains(&name));
    of_this.is_none_or(|(_, since, until)| {
        since.is_none_or(|since| build >= since) && until.is_none_or(|until| build < until)
    })
}

/// Whether the cluster's edition lacks this command.
pub(super) fn is_refused(request: Request<'_>, name: &str) -> bool {
    !request.state.is_enterprise() && ENTERPRISE.contains(&name)
}
