//! What the threads of a conversion do: count, find the last message of each record, make text of
//! it.

use super::{
    latest::{ALL, Counts, Gathered, Latest, Round},
    source::Source,
};
use crate::{
    backup::scan_stage::ChunkSink,
    convert::asbx_to_asb::{Left, Unconvertible, left_by},
    error::Error,
    replay::{file::Place, input::File},
};
use aerospike_wire::digest::Digest;
use backup_cluster::scan::RecordSink as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;

/// Bytes of messages after which a chunk is looked at: it may be full.
const LOOK_BYTES: usize = 64 << 10;

/// The sequences, each of which one thread takes.
#[derive(Debug)]
pub(super) struct Turns {
    next: AtomicUsize,
    count: usize,
}

impl Turns {
    /// So many sequences.
    pub(super) const fn new(count: usize) -> Self {
        Self {
            next: AtomicUsize::new(0),
            count,
        }
    }

    /// The number of a sequence that nobody has taken.
    pub(super) fn take(&self) -> Option<usize> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        (next < self.count).then_some(next)
    }
}

/// What the first reading of a sequence has found.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) counts: Counts,
    /// The last messages of all records, if all digests had room.
    latest: Option<Latest>,
}

/// Reads a sequence for the first time. At most `limit` digests are gathered.
pub(super) fn survey(source: &Source, sequence: usize, limit: u64) -> Result<Survey, Error> {
    let mut counts = Counts::default();
    let mut gathered = Some(Gathered::default());
    source.read(sequence, |_, place| {
        let digest = Digest(*place.token.digest);
        counts.add(digest.partition());
        match gathered.take() {
            Some(mut known) if known.len() < limit => {
                known.add(&digest);
                gathered = Some(known);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(Survey {
        counts,
        latest: gathered.map(Gathered::latest),
    })
}

impl Survey {
    /// How often the sequence has to be read again, with room for `limit` digests.
    pub(super) fn readings(&self, limit: u64) -> u64 {
        match self.latest {
            Some(_) => 1,
            None => 2 * self.counts.rounds(limit).len() as u64,
        }
    }
}

/// Turns sequences into text.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub(super) source: &'a Source,
    pub(super) sink: ChunkSink,
    pub(super) runtime: Handle,
    /// Digests that may be gathered.
    pub(super) limit: u64,
    /// Bytes of messages since the chunk was looked at.
    pub(super) fresh: usize,
}

impl Worker<'_> {
    /// Converts a sequence.
    pub(super) fn convert(&mut self, sequence: usize, survey: &Survey) -> Result<(), Error> {
        if let Some(latest) = &survey.latest {
            return self.write(sequence, &ALL, latest);
        }
        for round in survey.counts.rounds(self.limit) {
            let mut gathered = Gathered::with_room(survey.counts.of(&round));
            self.source.read(sequence, |_, place| {
                let digest = Digest(*place.token.digest);
                if round.contains(&digest.partition().get()) {
                    gathered.add(&digest);
                }
                Ok(())
            })?;
            self.write(sequence, &round, &gathered.latest())?;
        }
        Ok(())
    }

    /// Hands over what is left, and says that nothing more comes.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.runtime.block_on(self.sink.finish())
    }

    /// Writes the records that the last messages of a round leave.
    fn write(&mut self, sequence: usize, round: &Round, latest: &Latest) -> Result<(), Error> {
        let (source, mut number) = (self.source, 0);
        source.read(sequence, |file, place| {
            let partition = Digest(*place.token.digest).partition().get();
            if !round.contains(&partition) {
                return Ok(());
            }
            let is_last = latest.contains(number);
            number += 1;
            source.stats.messages_read.add(1);
            if is_last {
                return self.take(place).map_err(|error| at(error, file, place));
            }
            source.stats.superseded.add(1);
            Ok(())
        })
    }

    fn take(&mut self, place: &Place<'_>) -> Result<(), Refused> {
        let stats = &self.source.stats;
        match left_by(place.token.payload, &self.source.origin())? {
            Left::Nothing if self.source.rewind_s().is_some() => {
                return Err(Unconvertible::Deleted.into());
            }
            Left::Nothing => stats.deleted.add(1),
            Left::Record(record) if !self.sink.wants(&record) => stats.left_out.add(1),
            Left::Record(record) => self.sink.record(&record)?,
        }
        self.fresh = self.fresh.saturating_add(place.token.payload.len());
        if self.fresh >= LOOK_BYTES {
            self.fresh = 0;
            self.runtime.block_on(self.sink.ready())?;
        }
        Ok(())
    }
}

/// Why a message was not taken.
enum Refused {
    Message(Unconvertible),
    Other(Error),
}

impl From<Unconvertible> for Refused {
    fn from(why: Unconvertible) -> Self {
        Self::Message(why)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Unrepresentable { reason, .. } => Self::Message(Unconvertible::Value(reason)),
            error => Self::Other(error),
        }
    }
}

fn at(refused: Refused, file: &File, place: &Place<'_>) -> Error {
    match refused {
        Refused::Other(error) => error,
        Refused::Message(source) => Error::NotConvertible {
            file: file.shown.to_string(),
            offset: place.offset,
            digest: Digest(*place.token.digest),
            source,
        },
    }
}
