//! The set that is converted.

use super::{ConvertConfig, latest::Counts};
use crate::{
    convert::asbx_to_asb::Origin,
    error::Error,
    manifest::{Manifest, Server, Window},
    replay::{
        file::{OpenFile, Place},
        input::{File, Input, Proof},
    },
    stats::ConvertStats,
};
use std::{sync::Arc, time::SystemTime};
use tokio_util::sync::CancellationToken;

/// 2010-01-01 UTC in seconds since 1970.
const EPOCH_S: u64 = 1_262_304_000;

/// Messages between two looks at the token that ends the reading.
const PATIENCE: u64 = 256;

/// The option of a backup by XDR that says how far it reaches back, as its manifest has it.
const REWIND: &str = "--rewind";

/// The files, and what is known about them.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) input: Input,
    pub(super) namespace: String,
    /// See [`Origin::shipped_at`].
    shipped_at: Option<u32>,
    pub(super) stats: Arc<ConvertStats>,
    stop: CancellationToken,
}

impl Source {
    /// Finds the files and looks at their headers.
    pub(super) fn open(
        config: &ConvertConfig,
        stats: &Arc<ConvertStats>,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        let store = &config.source;
        if !store.capabilities().named {
            return Err(Error::Unsupported(
                "a stream cannot be converted: the files are read more than once",
            ));
        }
        if config.remove_files && store.location() == config.target.store().location() {
            return Err(Error::Unsupported(
                "what is converted cannot be replaced by its own conversion",
            ));
        }
        let asked = config.namespace.as_deref();
        let input = Input::list(store, &config.unwrap, config.trust, asked)?;
        let first = input.sequences.iter().flatten().next();
        let Some(first) = first.map(|file| file.namespace.clone()) else {
            return Err(Error::InputEmpty {
                source_name: store.location().to_owned(),
            });
        };
        let mut source = Self {
            namespace: config.namespace.clone().unwrap_or(first),
            input,
            shipped_at: None,
            stats: Arc::clone(stats),
            stop: stop.clone(),
        };
        let ended = source.manifest().map(|set| set.window.scan_end_ns);
        let given = config.shipped_at.map(nanoseconds);
        source.shipped_at = given.or(ended).and_then(since_2010);
        source.input.check_headers(&source.namespace)?;
        Ok(source)
    }

    /// What is known about all messages.
    pub(super) const fn origin(&self) -> Origin<'_> {
        Origin {
            namespace: self.namespace.as_bytes(),
            shipped_at: self.shipped_at,
        }
    }

    /// The manifest, if there is one and the set is as it says.
    pub(super) const fn manifest(&self) -> Option<&Manifest> {
        match &self.input.proof {
            Proof::Manifest(manifest) => Some(manifest),
            Proof::Unknown | Proof::Unfinished => None,
        }
    }

    /// How far the set reaches back, in seconds before its start; `None` = it is about everything
    /// there was, or nobody knows.
    pub(super) fn rewind_s(&self) -> Option<u64> {
        self.rewind()?.parse().ok()
    }

    /// How far the set reaches back, in the words of the flag.
    pub(super) fn rewind(&self) -> Option<&str> {
        self.manifest()?.selection.get(REWIND).map(String::as_str)
    }

    /// Whether it is known that every record of the namespace is in it.
    pub(super) fn is_whole(&self) -> bool {
        self.rewind().is_some() && self.rewind_s().is_none()
    }

    /// Whether it is known that something is missing.
    pub(super) fn is_part(&self) -> bool {
        self.input.proof == Proof::Unfinished
    }

    /// The time that the set stands for. Where nobody knows, it begins with everything: so much is
    /// what an incremental backup that goes on from it has to take.
    pub(super) fn window(&self) -> Window {
        let Some(mut window) = self.manifest().map(|set| set.window) else {
            return Window::default();
        };
        if let Some(seconds) = self.rewind_s() {
            let back = seconds.saturating_mul(1_000_000_000);
            window.modified_after_ns = Some(window.scan_start_ns.saturating_sub(back));
        }
        window
    }

    /// The cluster that it is of.
    pub(super) fn server(&self) -> Server {
        self.manifest()
            .map_or_else(Server::default, |set| set.server.clone())
    }

    /// A name for the set: its run, or its place.
    pub(super) fn name(&self) -> &str {
        self.manifest()
            .map_or_else(|| self.input.store.location(), |set| &set.run)
    }

    /// Sequences of files.
    pub(super) const fn sequences(&self) -> usize {
        self.input.sequences.len()
    }

    /// Bytes of a sequence on the storage; 0 where a size is not known.
    pub(super) fn bytes(&self, sequence: usize) -> u64 {
        let files = self.input.sequences.get(sequence).into_iter().flatten();
        files.filter_map(File::bytes).sum()
    }

    /// Shows all tokens of a sequence, in their order.
    pub(super) fn read(
        &self,
        sequence: usize,
        mut seen: impl FnMut(&File, &Place<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut tokens = 0_u64;
        for file in self.input.sequences.get(sequence).into_iter().flatten() {
            let mut open = self.open_file(file)?;
            let mut fetched = 0;
            while let Some(place) = open.token()? {
                seen(file, &place)?;
                tokens += 1;
                if tokens.is_multiple_of(PATIENCE) {
                    self.stats.bytes_fetched.add(open.fetched() - fetched);
                    fetched = open.fetched();
                    if self.stop.is_cancelled() {
                        return Err(Error::Cancelled);
                    }
                }
            }
            self.stats.bytes_fetched.add(open.fetched() - fetched);
        }
        Ok(())
    }

    fn open_file<'a>(&self, file: &'a File) -> Result<OpenFile<'a>, Error> {
        OpenFile::open(&self.input, file, &self.namespace)
    }

    /// All messages of a record have to be in one sequence: there is no order between them.
    pub(super) fn check_order<'a>(
        &self,
        counts: impl Iterator<Item = &'a Counts>,
    ) -> Result<(), Error> {
        let mut owners = vec![None; usize::from(aerospike_wire::digest::PARTITIONS)];
        for (sequence, counts) in counts.enumerate() {
            for partition in counts.present() {
                let Some(owner) = owners.get_mut(usize::from(partition)) else {
                    continue;
                };
                if let Some(other) = owner.replace(sequence) {
                    return Err(Error::OrderUnknown {
                        one: self.shown(other),
                        other: self.shown(sequence),
                        partition,
                    });
                }
            }
        }
        Ok(())
    }

    /// A file of a sequence, for messages.
    fn shown(&self, sequence: usize) -> String {
        let files = self.input.sequences.get(sequence);
        let first = files.and_then(|files| files.first());
        first.map_or_else(String::new, |file| file.shown.to_string())
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds since 2010, rounded up: nothing expires too early.
fn since_2010(nanoseconds: u64) -> Option<u32> {
    let seconds = nanoseconds.div_ceil(1_000_000_000).checked_sub(EPOCH_S)?;
    u32::try_from(seconds).ok()
}
