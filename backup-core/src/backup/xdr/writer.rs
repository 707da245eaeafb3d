//! A writer: an OS thread with one sequence of files.

use super::{
    super::{
        files::{FileSet, OpenFile, Role},
        ledger::Ledger,
        verify,
    },
    spread::Message,
};
use crate::error::Error;
use asb_format::Version;
use std::{sync::Arc, thread};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How a writer ended.
pub(super) type Ended = oneshot::Receiver<Result<(), Error>>;

/// What a writer works on.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) files: Arc<FileSet>,
    pub(super) worker: usize,
    /// Bytes at which a file is closed; 0 = never.
    pub(super) file_limit: u64,
    /// Stops the run when this writer fails.
    pub(super) stop: CancellationToken,
}

impl Writer {
    /// Starts the thread. It ends when it is told that everything has come, or when nobody can tell
    /// it any more.
    pub(super) fn start(self) -> Result<(flume::Sender<Message>, Ended), Error> {
        // How much may wait is limited by whoever fills it.
        let (sender, messages) = flume::unbounded();
        let (ended, result) = oneshot::channel();
        thread::Builder::new()
            .name(format!("write-{}", self.worker))
            .spawn(move || {
                let stop = self.stop.clone();
                let written = self.write(&messages);
                if written.is_err() {
                    stop.cancel();
                }
                drop(messages);
                // A run that does not listen any more has failed for another reason.
                let _told = ended.send(written);
            })
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        Ok((sender, result))
    }

    fn write(&self, messages: &flume::Receiver<Message>) -> Result<(), Error> {
        let mut open: Option<OpenFile> = None;
        while let Ok(message) = messages.recv() {
            let Message::Chunk(chunk) = message else {
                return open.map_or(Ok(()), |file| self.finish(file));
            };
            let mut file = match open.take() {
                Some(file) => file,
                None => self.files.open(Role::Xdr(self.worker), Version::V3_1)?,
            };
            if self.files.verifies() {
                let read = verify::check_tokens(&chunk.tokens, chunk.messages);
                self.files.checked(&file, read)?;
            }
            // Messages are no records: one record may have many.
            self.files.write(&mut file, &chunk.tokens, 0)?;
            if self.file_limit > 0 && file.bytes() >= self.file_limit {
                self.finish(file)?;
            } else {
                open = Some(file);
            }
        }
        Err(Error::Cancelled)
    }

    fn finish(&self, file: OpenFile) -> Result<(), Error> {
        self.files.finish(file, &mut Ledger::default())
    }
}
