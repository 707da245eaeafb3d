//! A disk that is full in the middle of a backup: what is durable stays, and the backup goes on once there
//! is room.

use crate::{support::*, troubled::troubled};
use backup_core::{
    backup::{BackupTarget, StateFile},
    error::ErrorClass,
};
use backup_storage::{Capabilities, Error, Operation};
use std::{io, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_a_backup_that_can_be_continued() {
    const RECORDS: u32 = 9000;
    // Where the files are when there is no more room: in the first chunk, and behind some more.
    for (room, wrapped) in [(1000, false), (600_000, false), (60_000, true)] {
        let source = cluster(1);
        fill(&source, RECORDS);
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("set");
        let full = move |before: u64, bytes: usize| {
            if before + bytes as u64 <= room {
                return Ok(());
            }
            let error = io::Error::from(io::ErrorKind::StorageFull);
            Err(Error::from_io(error, Operation::Write, "the-disk"))
        };
        let store = troubled(&path, Capabilities::LOCAL, full);
        let mut config = backup_config(&source, BackupTarget::Directory(store));
        config.state_file = Some(StateFile::Beside("run.state".to_owned()));
        config.durable_interval = Duration::from_millis(1);
        config.socket.read_buffer = 16 << 10;
        config.chunk_bytes = Some(32 << 10);
        config.wrap.compression = wrapped.then_some(backup_core::envelope::Level::DEFAULT);
        let wrap = config.wrap.clone();
        let error = run_backup(config).await.result.unwrap_err();
        assert_eq!(error.class(), ErrorClass::General);
        assert!(
            error.to_string().contains("cannot write the-disk"),
            "{error}"
        );
        let mut config = backup_config(&source, to_directory(&path));
        if names(&path).contains(&"run.state".to_owned()) {
            config.resume = Some(StateFile::Beside("run.state".to_owned()));
        } else {
            assert_eq!(
                names(&path),
                Vec::<String>::new(),
                "nothing without a state"
            );
        }
        config.wrap = wrap;
        backup_ok(config).await;
        let copy = cluster(1);
        let counts = restore_ok(restore_config(&copy, &path)).await;
        assert_eq!(counts.inserted, u64::from(RECORDS), "each record once");
        assert_same(&source, &copy);
    }
}
