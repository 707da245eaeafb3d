//! Backups of the reference tools, restored by the program.
//!
//! The files are those of `backup-core`, whose tests compare every bin; its `ORIGIN.md` tells
//! where they come from.

use crate::support::{empty, names, restore};
use std::path::{Path, PathBuf};

const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../backup-core/tests/data/golden"
);

/// Every file and directory that is a backup.
fn backups() -> Vec<PathBuf> {
    let of_tool = |tool: &str| {
        let directory = Path::new(GOLDEN).join(tool);
        let paths = names(&directory)
            .into_iter()
            .map(move |name| directory.join(name));
        paths.collect::<Vec<_>>()
    };
    ["go", "c"].into_iter().flat_map(of_tool).collect()
}

#[test]
fn every_backup_of_the_reference_tools_is_restored() {
    assert!(backups().len() > 10);
    for path in backups() {
        let target = empty(2);
        let flag = if path.is_dir() { "-d" } else { "-i" };
        let run = restore(&target, &[&flag, &path]);
        assert_eq!(run.code, Some(0), "{path:?} {run:?}");
        // Some of the records expire as the years pass; records without bins cannot be written.
        let inserted = run.reported("Inserted Records");
        let others = run.reported("Expired Records") + run.reported("Skipped Records");
        assert_eq!(inserted + others, run.reported("Records Read"), "{path:?}");
        assert_eq!(target.count("test"), inserted, "{path:?}");
        assert_eq!(target.udfs().len(), 2, "{path:?}");
        let skipped = run
            .value("sIndex Skipped")
            .map_or(0, |n| n.parse().expect("number"));
        assert_eq!(
            target.indexes().len() as u64 + skipped,
            run.reported("sIndex Read"),
            "{path:?}"
        );
    }
}
