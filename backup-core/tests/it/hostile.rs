//! A store where most requests go wrong (goal R10): a backup is the identical set or a clean failure, and what
//! failed can be finished.

use crate::support::*;
use asnode::Cluster;
use backup_core::{
    backup::{BackupConfig, BackupTarget, StateFile},
    restore::{self, RestoreConfig, RestoreSource, ValidateConfig},
};
use backup_storage::{
    Store,
    object::{ObjectOptions, PartSize, Retry},
    testing::{ObjectServer, Seen},
};
use std::{fs, sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// In one run of the tests. More with `ABSCTL_HOSTILE_SEEDS`.
const SEEDS: u64 = 50;

/// Enough that seven failures of ten seldom come one after the other.
const ATTEMPTS: u32 = 20;

const STATE: &str = "test.asb.state";
const RECORDS: u32 = 90;

fn store(server: &ObjectServer) -> Arc<dyn Store> {
    let pause = Duration::from_micros(100);
    let retry = Retry::new(ATTEMPTS, pause, 1.0, pause);
    let options = ObjectOptions {
        part_size: PartSize::Fixed(12 << 10),
        range_bytes: 12 << 10,
        ranges_per_file: 2,
        retry: Some(retry),
        read_retry: retry,
        ..ObjectOptions::default()
    };
    let mut s3 = server.s3_options();
    s3.checksum = true;
    let bucket = s3.open(options, &Handle::current()).unwrap();
    Arc::new(bucket.directory("set").unwrap())
}

fn config(source: &Cluster, store: Arc<dyn Store>) -> BackupConfig {
    BackupConfig {
        parallel: Some(1),
        file_limit: 24 << 10,
        chunk_bytes: Some(4 << 10),
        ..backup_config(source, BackupTarget::Directory(store))
    }
}

/// What a run must not have done, whether it succeeded or not.
fn check_manners(server: &ObjectServer, before: usize, seed: u64) {
    let seen = server.seen().split_off(before);
    let same = |a: &Seen, b: &Seen| {
        let range = |seen: &Seen| seen.headers.get("range").cloned();
        (&a.method, &a.path, &a.query) == (&b.method, &b.path, &b.query) && range(a) == range(b)
    };
    let of_data = |seen: &&Seen| seen.path.ends_with(".asb") && seen.query.contains("partNumber");
    for (index, last) in seen.iter().enumerate().filter(|(_, seen)| of_data(seen)) {
        if last.fault.as_ref().is_some_and(|fault| fault.is_final()) {
            let again = seen[index + 1..].iter().find(|later| same(last, later));
            assert!(again.is_none(), "seed {seed}: {last:?} was made again");
        }
    }
    let is_cleaning = |seen: &&Seen| {
        seen.method == "DELETE" && seen.query.contains("uploadId")
            || seen.query.starts_with("uploads=&prefix")
    };
    let is_hindered = seen.iter().filter(is_cleaning).any(|one| {
        let all = seen.iter().filter(|other| same(one, other));
        let is_final = one.fault.as_ref().is_some_and(|fault| fault.is_final());
        is_final || all.filter(|other| other.fault.is_some()).count() >= ATTEMPTS as usize
    });
    if !is_hindered {
        assert_eq!(server.open_uploads(), [""; 0], "seed {seed}");
    }
}

/// Everything that has a final name is whole.
async fn check_whole(server: &ObjectServer, seed: u64) {
    let folder = server.path("set");
    for name in data_names(&folder) {
        let file = restore::validate(validation(from_path(&folder.join(&name))), |_| {});
        let result = file.wait().await.result;
        assert!(result.is_ok(), "seed {seed}: {name}: {result:?}");
    }
}

/// Stands for the end of the process that held the lock.
fn forget_lock(server: &ObjectServer) {
    let _ = fs::remove_file(server.path("set/test.lock"));
}

/// Goes on where the last run stopped, or begins anew; whether the set is complete then.
async fn attempt(server: &ObjectServer, source: &Cluster, seed: u64) -> bool {
    let before = server.seen().len();
    let mut config = config(source, store(server));
    let has_state = server.path("set").join(STATE).exists();
    config.resume = has_state.then(|| StateFile::Beside(STATE.to_owned()));
    config.remove_files = !has_state;
    let result = run_backup(config).await.result;
    check_manners(server, before, seed);
    check_whole(server, seed).await;
    forget_lock(server);
    result.is_ok()
}

fn from(server: &ObjectServer, copy: &Cluster) -> RestoreConfig {
    RestoreConfig {
        connect: connect(copy),
        retry: RETRY,
        ..RestoreConfig::new(NAMESPACE, RestoreSource::Directory(store(server)))
    }
}

fn validation(source: RestoreSource) -> ValidateConfig {
    ValidateConfig {
        source,
        unwrap: restore::Unwrap::default(),
        trust: restore::Trust::default(),
        namespace: None,
        parallel: Some(1),
        bytes_per_second: 0,
    }
}

/// What became of the runs of one seed.
#[derive(Debug, Default)]
struct Tally {
    complete: u32,
    continued: u32,
    read: u32,
    /// Runs that ended in an error.
    failed: u32,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.complete += other.complete;
        self.continued += other.continued;
        self.read += other.read;
        self.failed += other.failed;
    }
}

async fn run_seed(seed: u64, source: &Cluster) -> Tally {
    let (server, mut tally) = (ObjectServer::s3(), Tally::default());
    server.set_chaos(Some(seed));
    let mut is_complete = false;
    for number in 0..3 {
        is_complete = attempt(&server, source, seed).await;
        if is_complete {
            (tally.complete, tally.continued) = (1, u32::from(number > 0));
            break;
        }
        tally.failed += 1;
    }
    if !is_complete {
        server.set_chaos(None);
        assert!(attempt(&server, source, seed).await, "seed {seed}");
        server.set_chaos(Some(seed));
    }
    let copy = cluster(1);
    let read = if seed.is_multiple_of(2) {
        let config = validation(RestoreSource::Directory(store(&server)));
        restore::validate(config, |_| {}).wait().await.result
    } else {
        run_restore(from(&server, &copy)).await.result
    };
    tally.read = u32::from(read.is_ok());
    tally.failed += u32::from(read.is_err());
    server.set_chaos(None);
    restore_ok(from(&server, &copy)).await;
    assert_same(source, &copy);
    assert_eq!(server.open_uploads(), [""; 0], "seed {seed}");
    tally
}

/// Runs every third seed, so that waits overlap.
async fn run_third(first: u64, seeds: u64, source: Arc<Cluster>) -> Tally {
    let mut all = Tally::default();
    for seed in (first..seeds).step_by(3) {
        all.add(run_seed(seed, &source).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_store_does_no_harm() {
    let source = Arc::new(cluster(1));
    fill(&source, RECORDS);
    let seeds = std::env::var("ABSCTL_HOSTILE_SEEDS");
    let seeds = seeds.ok().and_then(|seeds| seeds.parse().ok());
    let thirds = (0..3).map(|third| {
        let source = Arc::clone(&source);
        tokio::spawn(run_third(third, seeds.unwrap_or(SEEDS), source))
    });
    let mut all = Tally::default();
    for third in thirds.collect::<Vec<_>>() {
        all.add(third.await.unwrap());
    }
    // All of it must happen, or the rates prove nothing.
    let has_all = all.complete > 5 && all.continued > 1 && all.read > 5 && all.failed > 5;
    assert!(has_all, "{all:?}");
}
