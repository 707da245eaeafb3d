//! However an upload is interrupted and continued, the bytes are those of one that was not.

use std::fs::{self, OpenOptions};

use backup_storage::{Durability, LocalDir, Store, Upload};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// Write so many bytes more.
    Write(usize),
    /// Make a durable point.
    Durable,
    /// Be killed and continue; of what was not durable, this share (of 255) reached the disk.
    Kill { survived: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5000_usize).prop_map(Step::Write),
        2 => Just(Step::Durable),
        1 => any::<u8>().prop_map(|survived| Step::Kill { survived }),
    ]
}

fn pattern(length: usize) -> Vec<u8> {
    (0..251).cycle().take(length).collect()
}

/// One upload, and what a state file would know of it.
struct Run<'a> {
    store: &'a LocalDir,
    upload: Box<dyn Upload>,
    durable: u64,
    content: &'a [u8],
}

impl Run<'_> {
    fn write(&mut self, length: usize) {
        let from = usize::try_from(self.upload.bytes()).unwrap();
        let to = (from + length).min(self.content.len());
        self.upload.write_all(&self.content[from..to]).unwrap();
    }

    fn durable_point(&mut self) {
        let expected = Durability::Bytes(self.upload.bytes());
        assert_eq!(self.upload.durable_point().unwrap(), expected);
        self.durable = self.upload.bytes();
    }

    fn kill(&mut self, survived: u8) {
        let lost = self.upload.bytes() - self.durable;
        let left = self.durable + lost * u64::from(survived) / 255;
        let path = format!("{}/f.asb.part", self.store.location());
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(left).unwrap();
        self.upload = self.store.reopen("f.asb", self.durable).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn interruptions_do_not_show(steps in prop::collection::vec(step(), 0..20)) {
        let root = tempfile::tempdir().unwrap();
        let store = LocalDir::new(root.path());
        let content = pattern(40_000);
        let upload = store.create("f.asb").unwrap();
        let mut run = Run { store: &store, upload, durable: 0, content: &content };
        for step in steps {
            match step {
                Step::Write(length) => run.write(length),
                Step::Durable => run.durable_point(),
                Step::Kill { survived } => run.kill(survived),
            }
        }
        run.write(content.len());
        prop_assert_eq!(run.upload.finish().unwrap().bytes, 40_000);
        prop_assert!(fs::read(root.path().join("f.asb")).unwrap() == content);
    }
}
