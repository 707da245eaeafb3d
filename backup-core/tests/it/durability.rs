//! Nothing is mentioned that a crash could take away: a store that records its calls shows that
//! data is durable before the state or the manifest speaks of it.

use crate::support::*;
use backup_core::backup::{BackupTarget, StateFile};
use backup_storage::{Call, Durability, Hooked, Hooks, LocalDir, Result, Stored};
use std::{
    collections::BTreeMap,
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

/// Checks every mention.
#[derive(Debug, Default)]
struct Watch(Mutex<Record>);

impl Watch {
    /// Compares what a state or manifest says with what is durable now.
    fn check(&self, name: &str, content: &[u8]) {
        let mut record = self.0.lock().unwrap();
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

impl Hooks for Watch {
    fn before(&self, call: Call<'_>) -> Result<()> {
        if let Call::CreateNew(name, content) | Call::Put(name, content) = call {
            self.check(name, content);
        }
        Ok(())
    }

    fn durable(&self, name: &str, durability: Durability) {
        if let Durability::Bytes(bytes) = durability {
            let mut record = self.0.lock().unwrap();
            record.durable.insert(name.to_owned(), bytes);
        }
    }

    fn finished(&self, name: &str, stored: Stored) {
        let mut record = self.0.lock().unwrap();
        record.complete.insert(name.to_owned(), stored.bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_state_and_manifest_mention_is_durable() {
    let source = cluster(2);
    fill(&source, 12_000);
    let temporary = tempfile::tempdir().unwrap();
    let watch = Arc::new(Watch::default());
    let directory = Arc::new(LocalDir::new(temporary.path().join("set")));
    let store = Hooked::new(directory, Arc::<Watch>::clone(&watch));
    let target = BackupTarget::Directory(Arc::new(store));
    let mut config = backup_config(&source, target);
    config.state_file = Some(StateFile::Beside("run.state".to_owned()));
    config.durable_interval = Duration::from_millis(1);
    config.file_limit = 600_000;
    config.socket.read_buffer = 16 << 10;
    config.wrap.compression = Some(backup_core::envelope::Level::DEFAULT);
    config.records_per_second = 8_000; // a second and a half: time for points on a slow disk too
    let counts = backup_ok(config).await;
    assert_eq!(counts.records_read, 12_000);
    let record = watch.0.lock().unwrap();
    assert!(record.states >= 2, "{} states", record.states);
    assert_eq!(record.manifests, 1);
    assert!(record.complete.len() >= 3, "{record:?}");
}
