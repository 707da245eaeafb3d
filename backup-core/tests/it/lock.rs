//! Locks: one winner, expiry, take-over.

use backup_core::{
    backup::Shard,
    lock::{self, Holder, LIFETIME, Lock, LockError, LockRequest, new_run_id},
    storage::{LocalDir, Store, StoreExt},
};
use std::{
    process::{Command, Stdio},
    sync::{Arc, Barrier},
    thread,
    time::{Duration, SystemTime},
};

const NAME: &str = "test.lock";

fn request(run: &str) -> LockRequest {
    LockRequest {
        run: run.to_owned(),
        first_file: 1,
        shard: None,
    }
}

fn directory() -> (tempfile::TempDir, Arc<dyn Store>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalDir::new(directory.path()));
    (directory, store)
}

fn acquire(store: &Arc<dyn Store>, run: &str, now: SystemTime) -> Result<Lock, LockError> {
    Lock::acquire(Arc::clone(store), NAME, &request(run), now)
}

fn content(store: &Arc<dyn Store>) -> serde_json::Value {
    serde_json::from_slice(&store.read_small(NAME, 1 << 16).unwrap()).unwrap()
}

#[test]
fn a_lock_says_who_holds_it_and_goes_when_released() {
    let (_directory, store) = directory();
    let now = SystemTime::now();
    let lock = acquire(&store, "run-1", now).unwrap();
    assert!(lock.replaced().is_none());
    let found = content(&store);
    assert_eq!(found["format"], "absctl-lock");
    assert_eq!(found["pid"], std::process::id());
    assert_eq!(found["run"], "run-1");
    assert_eq!(found["first-file"], 1);
    let error = acquire(&store, "run-2", now).unwrap_err();
    assert!(error.is_held());
    let text = error.to_string();
    for part in [
        "run-1",
        NAME,
        "300 s",
        &std::process::id().to_string(),
        lock.holder().host(),
    ] {
        assert!(text.contains(part), "{text}");
    }
    lock.release().unwrap();
    assert!(!store.exists(NAME).unwrap());
    acquire(&store, "run-2", now).unwrap();
}

/// Starts as many runs at once as there are ids; tells which won.
fn contend(store: &Arc<dyn Store>, runs: &[String], now: SystemTime) -> Vec<Lock> {
    let barrier = Barrier::new(runs.len());
    let results: Vec<_> = thread::scope(|scope| {
        let start = |run: &String| {
            let run = run.clone();
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                acquire(store, &run, now)
            })
        };
        let threads: Vec<_> = runs.iter().map(start).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut won = Vec::new();
    for result in results {
        match result {
            Ok(lock) => won.push(lock),
            Err(error) => assert!(error.is_held(), "{error}"),
        }
    }
    won
}

#[test]
fn of_two_contenders_exactly_one_wins() {
    let (_directory, store) = directory();
    let mut now = SystemTime::now();
    for round in 0..100 {
        let runs = [0, 1].map(|number| format!("run-{round}-{number}"));
        let mut won = contend(&store, &runs, now);
        assert_eq!(won.len(), 1, "round {round}");
        let lock = won.pop().unwrap();
        assert_eq!(content(&store)["run"], lock.holder().run.as_str());
        // In turn: an empty place, and one with a lock that has ended.
        if round % 2 == 0 {
            lock.release().unwrap();
        } else {
            now += LIFETIME + Duration::from_secs(1);
        }
    }
}

#[test]
fn a_lock_lasts_as_long_as_it_is_refreshed() {
    let (_directory, store) = directory();
    let start = SystemTime::now();
    let mut lock = acquire(&store, "run-1", start).unwrap();
    let late = start + LIFETIME - Duration::from_secs(1);
    assert!(acquire(&store, "run-2", late).is_err());
    lock.refresh(late).unwrap();
    let later = start + LIFETIME + Duration::from_secs(1);
    assert!(acquire(&store, "run-2", later).is_err());
    lock.refresh(later).unwrap();
    let end = later + LIFETIME;
    let new = acquire(&store, "run-2", end).unwrap();
    assert_eq!(new.replaced().unwrap().run, "run-1");
    let error = lock.refresh(end).unwrap_err();
    assert!(
        matches!(&error, LockError::Lost { holder, .. } if holder.run == "run-2"),
        "{error}"
    );
    lock.release().unwrap();
    assert!(store.exists(NAME).unwrap(), "it is not ours to remove");
    new.release().unwrap();
}

#[test]
fn a_removed_lock_is_noticed() {
    let (_directory, store) = directory();
    let now = SystemTime::now();
    let mut lock = acquire(&store, "run-1", now).unwrap();
    store.delete(&[NAME]).unwrap();
    assert!(matches!(lock.refresh(now), Err(LockError::Removed { .. })));
    lock.release().unwrap();
}

/// Takes the lock over from a process that has ended.
#[test]
fn a_lock_ends_at_once_when_its_process_is_gone() {
    let (_directory, store) = directory();
    let now = SystemTime::now();
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()));
    acquire(&store, "run-1", now).unwrap();
    let mut held = content(&store);
    held["pid"] = child.id().into();
    if let Ok(stat) = stat {
        let mut fields = stat.rsplit(')').next().unwrap().split_ascii_whitespace();
        held["pid-start"] = fields.nth(19).unwrap().parse::<u64>().unwrap().into();
    }
    store.put(NAME, held.to_string().as_bytes()).unwrap();
    assert!(
        acquire(&store, "run-2", now).unwrap_err().is_held(),
        "it lives"
    );

    let mut recycled = held.clone();
    recycled["pid-start"] = 1.into();
    let holder = Holder::decode(recycled.to_string().as_bytes()).unwrap();
    if std::path::Path::new("/proc/self/stat").exists() {
        assert!(!holder.is_live(now), "another process has the number now");
    }
    for key in ["host", "pid-space"] {
        let mut elsewhere = recycled.clone();
        elsewhere[key] = "elsewhere".into();
        let holder = Holder::decode(elsewhere.to_string().as_bytes()).unwrap();
        assert!(holder.is_live(now), "nobody can know about {key}");
        assert!(!holder.is_live(now + LIFETIME + Duration::from_secs(1)));
    }

    child.kill().unwrap();
    child.wait().unwrap();
    let lock = acquire(&store, "run-2", now).unwrap();
    assert_eq!(lock.replaced().unwrap().run, "run-1");
}

#[test]
fn what_is_no_lock_is_left_alone() {
    let (_directory, store) = directory();
    let now = SystemTime::now();
    let newer = br#"{"format":"absctl-lock","version":2,"run":"x","host":"h","pid":1,
        "started-ms":0,"expires-ms":0,"first-file":1}"#;
    for content in [&b"notes"[..], b"{}", newer] {
        store.put(NAME, content).unwrap();
        let error = acquire(&store, "run-1", now).unwrap_err();
        assert!(matches!(error, LockError::Foreign { .. }), "{error}");
        assert_eq!(store.read_small(NAME, 1 << 16).unwrap(), content);
        assert_eq!(lock::locks(&*store).unwrap(), []);
    }
}

#[test]
fn shards_of_one_run_work_side_by_side_and_others_do_not() {
    let (_directory, store) = directory();
    let now = SystemTime::now();
    let shard = |run: &str, number: u16| {
        let request = LockRequest {
            shard: Some(Shard { number, count: 3 }),
            ..request(run)
        };
        let name = format!("test.shard{number}of3.lock");
        Lock::acquire(Arc::clone(&store), &name, &request, now).unwrap()
    };
    let (first, second) = (shard("run-1", 1), shard("run-1", 2));
    first.check_alone(now).unwrap();
    second.check_alone(now).unwrap();
    let third = shard("run-2", 3);
    let error = third.check_alone(now).unwrap_err();
    assert!(error.is_held());
    assert!(error.to_string().contains("shard 1 of 3"), "{error}");
    third.release().unwrap();
    second.check_alone(now).unwrap();
    let later = now + LIFETIME + Duration::from_secs(1);
    shard("run-3", 3).check_alone(later).unwrap();
}

#[test]
fn run_ids_differ() {
    let (one, two) = (new_run_id(), new_run_id());
    assert_ne!(one, two);
    assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
}
