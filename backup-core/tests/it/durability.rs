//! Nothing is mentioned that a crash could take away: a store that records its calls shows that
//! data is durable before the state or the manifest speaks of it.

use crate::support::*;
use backup_core::backup::{BackupTarget, StateFile};
use backup_storage::{
    Capabilities, Download, Durability, Entry, LocalDir, Result, Store, Stored, Unfinished, Upload,
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What was durable when something was put.
#[derive(Debug, Default)]
struct Record {
    /// Bytes of each file that are durable.
    durable: BTreeMap<String, u64>,
    /// Files that are complete and durable.
    complete: BTreeMap<String, u64>,
    states: u32,
    manifests: u32,
}

/// A local directory that checks every mention.
#[derive(Debug, Clone)]
struct Watched {
    inner: LocalDir,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug)]
struct WatchedUpload {
    inner: Box<dyn Upload>,
    name: String,
    record: Arc<Mutex<Record>>,
}

impl Watched {
    fn new(path: &Path) -> Self {
        Self {
            inner: LocalDir::new(path),
            record: Arc::default(),
        }
    }

    fn upload(&self, name: &str, inner: Box<dyn Upload>) -> Box<dyn Upload> {
        let record = Arc::clone(&self.record);
        Box::new(WatchedUpload {
            inner,
            name: name.to_owned(),
            record,
        })
    }

    /// Compares what a state or manifest says with what is durable now.
    fn check(&self, name: &str, content: &[u8]) {
        let mut record = self.record.lock().unwrap();
        if name.ends_with(".lock") {
            return;
        }
        let json: serde_json::Value = serde_json::from_slice(content).unwrap();
        let is_manifest = name.ends_with(".manifest.json");
        for file in json["files"].as_array().unwrap() {
            let (name, bytes) = (
                file["name"].as_str().unwrap(),
                file["bytes"].as_u64().unwrap(),
            );
            if is_manifest || file["closed"].as_bool().unwrap() {
                assert_eq!(
                    record.complete.get(name),
                    Some(&bytes),
                    "{name} is not complete"
                );
            } else {
                let durable = record.durable.get(name).copied().unwrap_or_default();
                assert!(
                    bytes <= durable,
                    "{name}: {bytes} bytes mentioned, {durable} are durable"
                );
            }
        }
        if is_manifest {
            record.manifests += 1;
        } else {
            record.states += 1;
        }
    }
}

impl Store for Watched {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    fn location(&self) -> &str {
        self.inner.location()
    }
    fn single_name(&self) -> Option<&str> {
        self.inner.single_name()
    }
    fn check_writable(&self) -> Result<()> {
        self.inner.check_writable()
    }
    fn available_bytes(&self) -> Result<Option<u64>> {
        self.inner.available_bytes()
    }
    fn list(&self) -> Result<Vec<Entry>> {
        self.inner.list()
    }
    fn stat(&self, name: &str) -> Result<Entry> {
        self.inner.stat(name)
    }
    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        self.inner.open(name, offset)
    }
    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        Ok(self.upload(name, self.inner.create(name)?))
    }
    fn create_new(&self, name: &str, content: &[u8]) -> Result<()> {
        self.check(name, content);
        self.inner.create_new(name, content)
    }
    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        self.check(name, content);
        self.inner.put(name, content)
    }
    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
        self.inner.replace(name, expected, content)
    }
    fn reopen(&self, name: &str, length: u64) -> Result<Box<dyn Upload>> {
        Ok(self.upload(name, self.inner.reopen(name, length)?))
    }
    fn publish(&self, names: &[&str]) -> Result<()> {
        self.inner.publish(names)
    }
    fn withdraw(&self, name: &str) -> Result<()> {
        self.inner.withdraw(name)
    }
    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        self.inner.unfinished()
    }
    fn discard(&self, name: &str) -> Result<()> {
        self.inner.discard(name)
    }
    fn delete(&self, names: &[&str]) -> Result<()> {
        self.inner.delete(names)
    }
}

/// Notes that the file `name` is complete and durable.
fn complete(record: &Mutex<Record>, name: String, stored: Stored) -> Stored {
    record.lock().unwrap().complete.insert(name, stored.bytes);
    stored
}

impl Upload for WatchedUpload {
    fn write_all(&mut self, data: &[u8]) -> Result<()> {
        self.inner.write_all(data)
    }
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }
    fn durable_point(&mut self) -> Result<Durability> {
        let durability = self.inner.durable_point()?;
        if let Durability::Bytes(bytes) = durability {
            let mut record = self.record.lock().unwrap();
            record.durable.insert(self.name.clone(), bytes);
        }
        Ok(durability)
    }
    fn finish(self: Box<Self>) -> Result<Stored> {
        let stored = self.inner.finish()?;
        Ok(complete(&self.record, self.name, stored))
    }
    fn finish_unpublished(self: Box<Self>) -> Result<Stored> {
        let stored = self.inner.finish_unpublished()?;
        Ok(complete(&self.record, self.name, stored))
    }
    fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_state_and_manifest_mention_is_durable() {
    let source = cluster(2);
    fill(&source, 12_000);
    let temporary = tempfile::tempdir().unwrap();
    let store = Watched::new(&temporary.path().join("set"));
    let target = BackupTarget::Directory(Arc::new(store.clone()));
    let mut config = backup_config(&source, target);
    config.state_file = Some(StateFile::Beside("run.state".to_owned()));
    config.durable_interval = Duration::from_millis(1);
    config.file_limit = 600_000;
    config.socket.read_buffer = 16 << 10;
    config.wrap.compression = Some(backup_core::envelope::Level::DEFAULT);
    config.records_per_second = 8_000; // a second and a half: time for points on a slow disk too
    let counts = backup_ok(config).await;
    assert_eq!(counts.records_read, 12_000);
    let record = store.record.lock().unwrap();
    assert!(record.states >= 2, "{} states", record.states);
    assert_eq!(record.manifests, 1);
    assert!(record.complete.len() >= 3, "{record:?}");
}
