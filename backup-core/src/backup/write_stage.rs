//! The write stage: one OS thread for each open file. It opens files when there is something to
//! put in, closes them at their limit, and gives buffers back.
//!
//! A file is finished only after every scan that feeds it has said that it is done. If one goes
//! away without that word, the file is left as it is, and the run discards it.

use super::{
    files::{FileSet, OpenFile, Role},
    scan_stage::Chunk,
};
use crate::error::Error;
use asb_format::Version;
use std::{sync::Arc, thread};
use tokio::sync::oneshot;

/// Chunks that may wait for the disk.
const QUEUE: usize = 2;

/// What a scan sends.
#[derive(Debug)]
enum Message {
    Chunk(Chunk),
    /// One of the scans has delivered everything.
    Done,
}

/// A scan's end of the channel.
#[derive(Debug, Clone)]
pub(super) struct Input {
    chunks: flume::Sender<Message>,
    buffers: flume::Receiver<Chunk>,
}

/// The writer has stopped; its own result says why.
#[derive(Debug)]
pub(super) struct WriterGone;

impl Input {
    /// Hands a chunk over and returns an empty one. Waits while the queue is full.
    pub(super) async fn pass_on(&self, chunk: Chunk) -> Result<Chunk, WriterGone> {
        self.chunks
            .send_async(Message::Chunk(chunk))
            .await
            .map_err(|_| WriterGone)?;
        Ok(self.buffers.try_recv().unwrap_or_default())
    }

    /// Says that this scan has delivered everything.
    pub(super) async fn finish(&self) -> Result<(), WriterGone> {
        self.chunks
            .send_async(Message::Done)
            .await
            .map_err(|_| WriterGone)
    }
}

/// A running writer.
#[derive(Debug)]
pub(super) struct Writer {
    result: oneshot::Receiver<Result<(), Error>>,
}

impl Writer {
    /// Waits until the thread has ended. All inputs must be gone or done by then.
    pub(super) async fn join(self) -> Result<(), Error> {
        self.result
            .await
            .unwrap_or_else(|_| Err(Error::Internal("a writer thread ended early".to_owned())))
    }
}

/// What a writer works on.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) files: Arc<FileSet>,
    pub(super) worker: usize,
    /// Version of the files that it opens.
    pub(super) version: Version,
    /// A file that is open already: the single file with its globals.
    pub(super) first: Option<OpenFile>,
    /// Bytes at which a file is closed; 0 = never.
    pub(super) file_limit: u64,
    /// Scans that feed it.
    pub(super) scans: usize,
}

impl Task {
    /// Starts the thread.
    pub(super) fn start(self) -> Result<(Input, Writer), Error> {
        let (chunk_sender, chunks) = flume::bounded(QUEUE);
        let (buffer_sender, buffers) = flume::bounded(QUEUE + self.scans);
        let (result_sender, result) = oneshot::channel();
        thread::Builder::new()
            .name(format!("write-{}", self.worker))
            .spawn(move || {
                let result = self.write(&chunks, &buffer_sender);
                drop(chunks); // scans that wait for room must not wait for ever
                let _ = result_sender.send(result);
            })
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        Ok((
            Input {
                chunks: chunk_sender,
                buffers,
            },
            Writer { result },
        ))
    }

    fn write(
        self,
        messages: &flume::Receiver<Message>,
        buffers: &flume::Sender<Chunk>,
    ) -> Result<(), Error> {
        let mut file = self.first;
        let mut running = self.scans;
        while running > 0 {
            let Ok(message) = messages.recv() else {
                return Err(Error::Cancelled);
            };
            let mut chunk = match message {
                Message::Chunk(chunk) => chunk,
                Message::Done => {
                    running -= 1;
                    continue;
                }
            };
            let mut open = match file.take() {
                Some(open) => open,
                None => self.files.open(Role::Data(self.worker), self.version)?,
            };
            self.files.write(&mut open, &chunk.text)?;
            if self.file_limit > 0 && open.bytes() >= self.file_limit {
                self.files.finish(open)?;
            } else {
                file = Some(open);
            }
            chunk.text.clear();
            chunk.records = 0;
            let _ = buffers.try_send(chunk);
        }
        file.map_or(Ok(()), |open| self.files.finish(open))
    }
}
