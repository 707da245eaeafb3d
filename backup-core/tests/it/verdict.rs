//! How a reader treats what it finds: row by row the second table of `files-and-state.md` §5.2.

use crate::manifest::{entry, sample};
use aerospike_wire::digest::PartitionId;
use backup_core::{
    backup::Shard,
    fingerprint::{Fingerprint, PartitionTable},
    lock::{LIFETIME, Lock, LockRequest},
    manifest::{
        Authenticity, Manifest, ManifestError, Note, ReadOptions, SetError, SetKey, Status,
        Verdict, WholeSet, judge,
    },
    names::SetNames,
    storage::{LocalDir, LocalOptions, Store, Stream, single_file},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Three records in two files, and their manifest.
const FILES: [(&str, &[u8], u64); 3] = [
    ("0_test_2.asb", b"two records", 2),
    ("1_test_3.asb", b"one", 1),
    ("metadata_test_1.asb", b"meta", 0),
];

struct Set {
    directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    now: SystemTime,
}

fn set() -> Set {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalDir::new(directory.path()));
    Set {
        store,
        directory,
        now: SystemTime::now(),
    }
}

/// A set with its data and manifest.
fn complete() -> Set {
    let set = set();
    FILES
        .iter()
        .for_each(|(name, content, _)| set.put(name, content));
    set.put("test.manifest.json", &manifest().encode(None).unwrap());
    set
}

fn manifest() -> Manifest {
    let mut partitions = PartitionTable::new();
    let partition = PartitionId::new(1).unwrap();
    (0..3).for_each(|number| partitions.add(partition, Fingerprint(number)));
    let file = |(name, content, records): &(&str, &[u8], u64)| entry(name, content, *records);
    Manifest {
        files: FILES.iter().map(file).collect(),
        partitions,
        ..sample()
    }
}

impl Set {
    fn put(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path().join(name), content).unwrap();
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path().join(from), self.path().join(to)).unwrap();
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path().join(name)).unwrap();
    }

    fn options(&self) -> ReadOptions {
        ReadOptions {
            key: None,
            ignore_manifest: false,
            now: self.now,
        }
    }

    fn judge(&self) -> Result<Verdict, SetError> {
        judge(&*self.store, &self.options())
    }

    fn whole(&self) -> WholeSet {
        match self.judge().unwrap() {
            Verdict::Whole(set) => set,
            other => panic!("{other:?}"),
        }
    }

    fn lock(&self, run: &str, first_file: u64) -> Lock {
        let request = LockRequest {
            run: run.to_owned(),
            first_file,
            shard: None,
        };
        Lock::acquire(Arc::clone(&self.store), "test.lock", &request, self.now).unwrap()
    }

    /// Lets every lock end.
    fn wait(&mut self) {
        self.now += LIFETIME + Duration::from_secs(1);
    }

    fn check_unfinished(&self, expected: &[&str], closed: usize) {
        let Verdict::Unfinished {
            found,
            closed: files,
            ..
        } = self.judge().unwrap()
        else {
            panic!("not unfinished")
        };
        assert_eq!(
            (found, files.len()),
            (
                expected.iter().map(|&name| name.to_owned()).collect(),
                closed
            )
        );
    }
}

fn stored(set: &WholeSet) -> Vec<&str> {
    set.files.iter().map(|file| file.stored.as_str()).collect()
}

#[test]
fn what_a_manifest_lists_is_a_whole_set() {
    let set = complete();
    set.put("notes.txt", b"of no concern");
    let found = set.whole();
    assert_eq!(
        stored(&found),
        ["0_test_2.asb", "1_test_3.asb", "metadata_test_1.asb"]
    );
    assert_eq!(found.notes, []);
    assert_eq!(found.manifests[0].1, Authenticity::NoCode);
    let entry = found.entry(&found.files[1]).unwrap();
    assert_eq!((entry.name.as_str(), entry.bytes), ("1_test_3.asb", 3));
}

#[test]
fn missing_resized_and_unlisted_files_are_refused() {
    let set = complete();
    set.remove("1_test_3.asb");
    let error = set.judge().unwrap_err();
    assert!(error.is_missing());
    assert!(
        matches!(&error, SetError::Missing { file, .. } if file == "1_test_3.asb"),
        "{error}"
    );
    set.put("1_test_3.asb", b"longer");
    let error = set.judge().unwrap_err();
    assert!(!error.is_missing());
    assert!(
        matches!(
            &error,
            SetError::Resized {
                expected: 3,
                found: 6,
                ..
            }
        ),
        "{error}"
    );
    for name in ["4_test_9.asb", "x.asbx"] {
        let set = complete();
        set.put(name, b"more");
        let error = set.judge().unwrap_err();
        assert!(
            matches!(&error, SetError::Unlisted { file } if file == name),
            "{error}"
        );
    }
}

#[test]
fn swapped_files_of_different_sizes_are_noticed() {
    let set = complete();
    set.rename("0_test_2.asb", "x");
    set.rename("1_test_3.asb", "0_test_2.asb");
    set.rename("x", "1_test_3.asb");
    assert!(matches!(set.judge(), Err(SetError::Resized { .. })));
}

#[test]
fn a_damaged_manifest_is_refused_unless_ignored() {
    let set = complete();
    set.put("test.manifest.json", b"{}");
    let error = set.judge().unwrap_err();
    assert!(
        matches!(
            &error,
            SetError::Manifest {
                source: ManifestError::Checksum,
                ..
            }
        ),
        "{error}"
    );
    let ignored = ReadOptions {
        ignore_manifest: true,
        ..set.options()
    };
    let verdict = judge(&*set.store, &ignored).unwrap();
    assert_eq!(verdict, Verdict::Foreign { notes: Vec::new() });
}

#[test]
fn a_key_must_fit() {
    let set = complete();
    let key = SetKey::derive(b"key");
    let with = |key: &SetKey| ReadOptions {
        key: Some(key.clone()),
        ..set.options()
    };
    let error = judge(&*set.store, &with(&key)).unwrap_err();
    assert!(
        matches!(
            &error,
            SetError::Manifest {
                source: ManifestError::NotAuthenticated,
                ..
            }
        ),
        "{error}"
    );
    set.put(
        "test.manifest.json",
        &manifest().encode(Some(&key)).unwrap(),
    );
    let Verdict::Whole(found) = judge(&*set.store, &with(&key)).unwrap() else {
        panic!("not whole")
    };
    assert_eq!(found.manifests[0].1, Authenticity::Proved);
    assert_eq!(set.whole().manifests[0].1, Authenticity::NotChecked);
    let error = judge(&*set.store, &with(&SetKey::derive(b"other"))).unwrap_err();
    assert!(matches!(
        error,
        SetError::Manifest {
            source: ManifestError::WrongKey,
            ..
        }
    ));
}

#[test]
fn a_manifest_that_speaks_of_other_files_is_stale() {
    let set = complete();
    FILES
        .iter()
        .for_each(|(name, ..)| set.put(name, b"written by another tool"));
    let stale = Note::Stale {
        manifest: "test.manifest.json".to_owned(),
    };
    assert_eq!(
        set.judge().unwrap(),
        Verdict::Foreign { notes: vec![stale] }
    );
    FILES.iter().for_each(|(name, ..)| set.remove(name));
    set.put("test_00000.asb", b"asbackup");
    assert!(matches!(set.judge().unwrap(), Verdict::Foreign { .. }));
}

#[test]
fn files_without_any_sign_of_ours_are_foreign() {
    let set = set();
    assert_eq!(set.judge().unwrap(), Verdict::Foreign { notes: Vec::new() });
    set.put("test_00000.asb", b"asbackup");
    set.put("test.asb.state", b"\x62\xff\x83 a state of the Go tool");
    assert_eq!(set.judge().unwrap(), Verdict::Foreign { notes: Vec::new() });
    let missing = LocalDir::new(set.path().join("missing"));
    assert!(matches!(
        judge(&missing, &set.options()),
        Err(SetError::Storage(_))
    ));
    let stream = Stream::stdin();
    assert_eq!(
        judge(&stream, &set.options()).unwrap(),
        Verdict::Foreign { notes: Vec::new() }
    );
}

#[test]
fn parts_states_and_locks_show_an_unfinished_set() {
    let mut set = set();
    set.put("0_test_1.asb", b"closed");
    set.put("0_test_2.asb.part", b"open");
    set.check_unfinished(&["0_test_2.asb.part"], 1);
    set.remove("0_test_2.asb.part");
    set.put(
        "test.asb.state",
        br#"{"format": "absctl-state", "next_number": 2}"#,
    );
    set.check_unfinished(&["test.asb.state"], 1);
    set.remove("test.asb.state");
    set.lock("run", 1);
    let Verdict::Unfinished { holder, .. } = set.judge().unwrap() else {
        panic!("not unfinished")
    };
    assert_eq!(holder.unwrap().run, "run");
    set.wait();
    set.check_unfinished(&["test.lock"], 1);
}

#[test]
fn a_live_run_makes_even_a_whole_set_unfinished_unless_it_is_its_own() {
    let set = complete();
    let lock = set.lock("another run", 4);
    assert!(matches!(
        set.judge().unwrap(),
        Verdict::Unfinished {
            holder: Some(_),
            ..
        }
    ));
    lock.release().unwrap();
    set.lock(&manifest().run, 1);
    assert!(matches!(&set.whole().notes[..], [Note::EndedLock { .. }]));
}

#[test]
fn what_a_killed_replacement_left_is_ignored() {
    let mut set = complete();
    set.put("0_test_4.asb", b"new");
    set.put("0_test_5.asb.part", b"new");
    assert!(
        matches!(set.judge(), Err(SetError::Unlisted { .. })),
        "nobody says whose it is"
    );
    set.lock("killed", 4);
    set.wait();
    let found = set.whole();
    assert_eq!(found.files.len(), 3);
    let left = |file: &str| Note::LeftOver {
        file: file.to_owned(),
    };
    assert_eq!(
        found.notes[..2],
        [left("0_test_4.asb"), left("0_test_5.asb.part")]
    );
    set.put("0_test_0.asb", b"below the first number");
    assert!(matches!(set.judge(), Err(SetError::Unlisted { file }) if file == "0_test_0.asb"));
    set.remove("0_test_0.asb");
    set.remove("test.lock");
    let state = br#"{"format": "absctl-state", "next_number": 9, "files": [{"number": 4}]}"#;
    set.put("test.asb.state", state);
    assert_eq!(set.whole().files.len(), 3);
}

/// The moments of a replacement after its manifest was made durable.
#[test]
fn a_finished_manifest_makes_a_set_whole_before_it_is_renamed() {
    let set = set();
    let part = |name: &str| format!("{name}.part");
    for (name, ..) in FILES {
        set.put(name, b"of the old set");
    }
    set.put("9_test_9.asb", b"of the old set");
    let mut old = manifest();
    old.run = "old".to_owned();
    old.files
        .iter_mut()
        .for_each(|file| *file = entry(&file.name, b"of the old set", file.records));
    old.files.push(entry("9_test_9.asb", b"of the old set", 0));
    set.put("test.manifest.json", &old.encode(None).unwrap());
    assert_eq!(set.whole().files.len(), 4);
    for (name, content, _) in FILES {
        set.put(&part(name), content);
    }
    assert_eq!(set.whole().files.len(), 4, "the old set is whole");
    set.put("test.manifest.json.part", b"{ half a manifest");
    assert_eq!(set.whole().files.len(), 4, "still");
    set.put("test.manifest.json.part", &manifest().encode(None).unwrap());

    let check = |expected: [&str; 3]| {
        let found = set.whole();
        assert_eq!(stored(&found), expected);
        assert!(found.notes.contains(&Note::Unpublished));
        for file in &found.files {
            let entry = found.entry(file).unwrap();
            assert_eq!(
                set.store.stat(&file.stored).unwrap().size,
                Some(entry.bytes)
            );
        }
    };
    let parts = FILES.map(|(name, ..)| part(name));
    check([&parts[0], &parts[1], &parts[2]]);
    set.remove("0_test_2.asb");
    set.remove("test.manifest.json");
    check([&parts[0], &parts[1], &parts[2]]);
    for name in ["1_test_3.asb", "metadata_test_1.asb", "9_test_9.asb"] {
        set.remove(name);
    }
    set.rename(&parts[0], "0_test_2.asb");
    check(["0_test_2.asb", &parts[1], &parts[2]]);
    set.rename(&parts[1], "1_test_3.asb");
    set.rename(&parts[2], "metadata_test_1.asb");
    check(["0_test_2.asb", "1_test_3.asb", "metadata_test_1.asb"]);
    set.rename("test.manifest.json.part", "test.manifest.json");
    assert_eq!(set.whole().notes, []);
}

#[test]
fn a_finished_manifest_without_its_files_does_not_stand_for_the_old_set() {
    let set = complete();
    let mut other = Manifest {
        files: vec![entry("0_test_9.asb", b"gone", 3)],
        ..manifest()
    };
    set.put("test.manifest.json.part", &other.encode(None).unwrap());
    let found = set.whole();
    assert_eq!((found.files.len(), found.notes), (3, Vec::new()));
}

#[test]
fn all_shards_are_a_set_and_some_are_not() {
    let set = set();
    let shard = |number: u16| {
        let (name, content, records) = FILES[usize::from(number) - 1];
        let mut partitions = PartitionTable::new();
        let partition = PartitionId::new(number).unwrap();
        (0..records).for_each(|_| partitions.add(partition, Fingerprint(1)));
        let shard = Some(Shard { number, count: 3 });
        let file = SetNames::directory("", "test", shard).manifest();
        let mut manifest = Manifest {
            status: Status::Partial,
            shard,
            files: vec![entry(name, content, records)],
            partitions,
            ..sample()
        };
        set.put(name, content);
        set.put(&file, &manifest.encode(None).unwrap());
    };
    shard(1);
    shard(3);
    let Verdict::Unfinished { found, missing, .. } = set.judge().unwrap() else {
        panic!("not unfinished")
    };
    assert_eq!(
        found,
        [
            "test.shard1of3.manifest.json",
            "test.shard3of3.manifest.json"
        ]
    );
    assert_eq!(
        missing,
        [Shard {
            number: 2,
            count: 3
        }]
    );
    shard(2);
    let found = set.whole();
    assert_eq!(
        (found.files.len(), found.manifests[0].0.status),
        (3, Status::Complete)
    );
    set.put("test.manifest.json", &manifest().encode(None).unwrap());
    assert_eq!(
        set.whole().manifests.len(),
        1,
        "the whole manifest stands for all"
    );
}

#[test]
fn a_single_file_has_its_manifest_beside_it() {
    let set = set();
    let path = set.path().join("all.asb");
    let mut manifest = Manifest {
        files: vec![entry("all.asb", b"content", 3)],
        ..manifest()
    };
    let judge_file = || {
        let store = single_file(&path, LocalOptions::default()).unwrap();
        judge(&*store, &set.options())
    };
    set.put("all.asb", b"content");
    set.put("neighbour.asb", b"of no concern");
    set.put("neighbour.manifest.json", b"of no concern");
    assert!(matches!(judge_file().unwrap(), Verdict::Foreign { .. }));
    set.put("all.asb.manifest.json", &manifest.encode(None).unwrap());
    let Verdict::Whole(found) = judge_file().unwrap() else {
        panic!("not whole")
    };
    assert_eq!(stored(&found), ["all.asb"]);
    set.put("all.asb", b"content of another run");
    assert!(matches!(&judge_file().unwrap(), Verdict::Foreign { notes } if notes.len() == 1));
    set.put("all.asb.state", br#"{"format": "absctl-state"}"#);
    let Verdict::Unfinished { found, .. } = judge_file().unwrap() else {
        panic!("not unfinished")
    };
    assert_eq!(found, ["all.asb.state"]);
}

#[test]
fn two_sets_may_share_a_directory() {
    let set = complete();
    let mut other = Manifest {
        run: "other".to_owned(),
        namespace: "bar".to_owned(),
        files: vec![entry("0_bar_1.asb", b"bar", 3)],
        ..manifest()
    };
    set.put("0_bar_1.asb", b"bar");
    set.put("bar.manifest.json", &other.encode(None).unwrap());
    let found = set.whole();
    assert_eq!((found.manifests.len(), found.files.len()), (2, 4));
    for file in &found.files {
        assert_eq!(found.entry(file).unwrap().name, file.stored);
    }
    other.files.push(entry("1_test_3.asb", b"one", 0));
    set.put("bar.manifest.json", &other.encode(None).unwrap());
    assert!(matches!(set.judge(), Err(SetError::Twice { file }) if file == "1_test_3.asb"));
}

#[test]
fn a_limited_run_is_said_to_be_one() {
    let set = complete();
    let mut limited = Manifest {
        status: Status::Partial,
        ..manifest()
    };
    set.put("test.manifest.json", &limited.encode(None).unwrap());
    let partial = Note::Partial {
        manifest: "test.manifest.json".to_owned(),
    };
    assert_eq!(set.whole().notes, [partial]);
}
