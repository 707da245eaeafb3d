//! The wrapper: it passes the suite of what it wraps, and asks before each call.

use std::{
    io::Read,
    sync::{Arc, Mutex},
};

use backup_storage::{
    Call, Capabilities, Error, ErrorKind, Hooked, Hooks, LocalDir, Operation, Result, Store,
    Stored, conformance::run,
};

#[test]
fn it_passes_the_suite_of_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let mut used = 0;
    run(|| {
        used += 1;
        let inner = LocalDir::new(folder.path().join(used.to_string()));
        let nothing = |_: Call<'_>| Ok(());
        Arc::new(Hooked::new(Arc::new(inner), Arc::new(nothing)))
    });
}

/// Notes the first word of each call, and refuses one.
#[derive(Default)]
struct Watch {
    calls: Mutex<Vec<String>>,
    refused: Mutex<Option<&'static str>>,
}

impl Watch {
    fn note(&self, what: &str) {
        self.calls.lock().unwrap().push(what.to_owned());
    }
}

impl Hooks for Watch {
    fn before(&self, call: Call<'_>) -> Result<()> {
        let text = format!("{call:?}");
        let word = text.split('(').next().unwrap();
        self.note(word);
        match *self.refused.lock().unwrap() {
            Some(refused) if refused == word => {
                let kind = ErrorKind::Unavailable;
                Err(Error::new(kind, Operation::Check, "the hook"))
            }
            _ => Ok(()),
        }
    }

    fn finished(&self, name: &str, stored: Stored) {
        self.note(&format!("{name} has {} bytes", stored.bytes));
    }

    fn capabilities(&self, _real: Capabilities) -> Capabilities {
        Capabilities::OBJECTS
    }

    fn available_bytes(&self, _: &dyn Store) -> Result<Option<u64>> {
        Ok(Some(17))
    }
}

fn watched() -> (tempfile::TempDir, Arc<Watch>, Hooked) {
    let folder = tempfile::tempdir().unwrap();
    let (inner, watch) = (LocalDir::new(folder.path()), Arc::<Watch>::default());
    let store = Hooked::new(Arc::new(inner), Arc::<Watch>::clone(&watch));
    (folder, watch, store)
}

/// Every method that can fail, once.
fn use_all(store: &dyn Store) -> Vec<Result<()>> {
    let ok = |result: Result<()>| result;
    vec![
        ok(store.check_writable()),
        store.create("a.asb").and_then(|mut upload| {
            upload.write_all(b"text")?;
            upload.durable_point()?;
            upload.finish().map(drop)
        }),
        store.list().map(drop),
        store.stat("a.asb").map(drop),
        store.open("a.asb", 0).and_then(|mut file| {
            let read = file.read_to_end(&mut Vec::new());
            read.map(drop).map_err(Error::from_read)
        }),
        store.make_readable(&["a.asb"]),
        store.create_new("lock", b"1"),
        store.put("state", b"1"),
        store.replace("lock", b"1", b"2"),
        store.withdraw("a.asb"),
        store
            .reopen("a.asb", 2)
            .and_then(|file| file.finish_unpublished().map(drop)),
        store.publish(&["a.asb"]),
        store.create("b.asb").and_then(|file| file.abort()),
        store.unfinished().map(drop),
        store.discard("b.asb"),
        store.delete(&["a.asb"]),
    ]
}

const CALLS: [&str; 21] = [
    "CheckWritable",
    "Create",
    "Write",
    "DurablePoint",
    "Finish",
    "List",
    "Stat",
    "Open",
    "Read",
    "MakeReadable",
    "CreateNew",
    "Put",
    "Replace",
    "Withdraw",
    "Reopen",
    "Publish",
    "Abort",
    "Unfinished",
    "Discard",
    "Delete",
    "a.asb has 4 bytes",
];

#[test]
fn every_call_is_asked_for() {
    let (_folder, watch, store) = watched();
    for result in use_all(&store) {
        result.unwrap();
    }
    let calls = watch.calls.lock().unwrap().clone();
    for call in CALLS {
        assert!(calls.iter().any(|found| found == call), "{call}: {calls:?}");
    }
    assert!(!store.capabilities().resumable);
    assert_eq!(store.available_bytes().unwrap(), Some(17));
}

#[test]
fn any_call_can_be_refused() {
    for call in CALLS.into_iter().filter(|call| !call.contains(' ')) {
        let (_folder, watch, store) = watched();
        *watch.refused.lock().unwrap() = Some(call);
        let failed = use_all(&store).into_iter().filter_map(Result::err);
        let kinds: Vec<_> = failed.map(|error| error.kind()).collect();
        assert!(kinds.contains(&ErrorKind::Unavailable), "{call}: {kinds:?}");
    }
}
