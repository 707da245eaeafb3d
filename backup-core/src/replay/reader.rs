//! The reader thread of a sequence: its files one after the other, as runs of messages.

use super::{
    file::OpenFile,
    input::{File, Input},
};
use crate::{error::Error, stats::RestoreStats};
use aerospike_wire::digest::Digest;
use asbx_format::payload::WritePolicy;
use std::{ops::Range, sync::Arc, thread};
use tokio::sync::{mpsc, oneshot};

/// Most messages of a run.
pub(super) const RUN_MESSAGES: usize = 512;

/// Bytes of a run, about.
const RUN_BYTES: usize = 256 << 10;

/// Runs that may wait.
const QUEUE: usize = 2;

/// Messages in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) bytes: Vec<u8>,
    pub(super) messages: Vec<Message>,
    pub(super) file: Arc<str>,
}

/// A message of a run.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) digest: Digest,
    /// Its bytes in the run.
    pub(super) range: Range<usize>,
    /// Where its token begins in the content of the file.
    pub(super) offset: u64,
}

/// What a sequence is read for.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) input: Arc<Input>,
    pub(super) namespace: String,
    pub(super) policy: WritePolicy,
    /// Messages of a run at most.
    pub(super) run_messages: usize,
    pub(super) stats: Arc<RestoreStats>,
}

/// What a reader sends; nothing follows an error.
pub(super) type Runs = mpsc::Receiver<Result<Run, Error>>;

/// Ends when the reader has, and has counted everything.
pub(super) type Ended = oneshot::Receiver<()>;

impl Reader {
    fn open<'a>(&self, file: &'a File) -> Result<OpenFile<'a>, Error> {
        OpenFile::open(&self.input, file, &self.namespace)
    }

    /// Starts to read a sequence on a thread of its own, which ends when nobody listens any more.
    pub(super) fn start(self, sequence: usize) -> Result<(Runs, Ended), Error> {
        let (sender, runs) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        thread::Builder::new()
            .name(format!("read-{sequence}"))
            .spawn(move || {
                if let Err(Some(error)) = self.read(sequence, &sender) {
                    // Without a listener the run has failed for another reason.
                    let _told = sender.blocking_send(Err(error));
                }
                drop(sender);
                let _waited = end.send(());
            })
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        Ok((runs, ended))
    }

    /// `Err(None)`: nobody listens.
    fn read(
        &self,
        sequence: usize,
        sender: &mpsc::Sender<Result<Run, Error>>,
    ) -> Result<(), Option<Error>> {
        let files = self.input.sequences.get(sequence);
        for file in files.into_iter().flatten() {
            let mut open = self.open(file).map_err(Some)?;
            let mut fetched = 0;
            loop {
                let run = self.run(&mut open, file).map_err(Some)?;
                self.stats.bytes_fetched.add(open.fetched() - fetched);
                fetched = open.fetched();
                if run.messages.is_empty() {
                    break;
                }
                self.stats.records_read.add(run.messages.len() as u64);
                self.stats.bytes_read.add(run.bytes.len() as u64);
                let unheard = run.messages.len() as u64;
                if sender.blocking_send(Ok(run)).is_err() {
                    self.stats.not_sent.add(unheard);
                    return Err(None);
                }
            }
        }
        Ok(())
    }

    /// The next messages; none at the end of the file.
    fn run(&self, open: &mut OpenFile<'_>, file: &File) -> Result<Run, Error> {
        let mut run = Run {
            file: Arc::clone(&file.shown),
            ..Run::default()
        };
        while run.messages.len() < self.run_messages && run.bytes.len() < RUN_BYTES {
            let Some(place) = open.token()? else {
                break;
            };
            let start = run.bytes.len();
            run.bytes.extend_from_slice(place.token.payload);
            let range = start..run.bytes.len();
            if let Some(message) = run.bytes.get_mut(range.clone()) {
                self.policy.apply(message);
            }
            run.messages.push(Message {
                digest: Digest(*place.token.digest),
                range,
                offset: place.offset,
            });
        }
        Ok(run)
    }
}
