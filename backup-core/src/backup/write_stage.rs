//! The write stage: one OS thread for each open file. It opens files when there is something to
//! put in, closes them at their limit, and gives buffers back.
//!
//! A file is finished only after every scan that feeds it has said that it is done. If one goes
//! away without that word, what has come is made durable where that is possible; the run decides
//! whether it is kept for a continuation or discarded.

use super::{
    files::{FileSet, OpenFile, Role},
    ledger::Ledger,
    scan_stage::Chunk,
    state::FileState,
    verify::TextCheck,
};
use crate::error::Error;
use asb_format::Version;
use flume::RecvTimeoutError;
use std::{
    collections::VecDeque,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
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
    /// Files of an earlier run that are not complete: they are continued, one after the other.
    pub(super) unfinished: VecDeque<FileState>,
    /// Time between durable points; `None` = only where files end.
    pub(super) durable_interval: Option<Duration>,
    /// Records between durable points, where there are any; 0 = any number.
    pub(super) durable_records: u64,
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
        let mut running = self.scans;
        let mut pen = Pen::new(self);
        while running > 0 {
            match receive(messages, pen.next_point()) {
                Ok(Message::Chunk(mut chunk)) => {
                    pen.write(&chunk)?;
                    chunk.clear();
                    let _ = buffers.try_send(chunk);
                }
                Ok(Message::Done) => running -= 1,
                Err(RecvTimeoutError::Timeout) => pen.durable_point()?,
                Err(RecvTimeoutError::Disconnected) => return Err(pen.suspend()),
            }
        }
        pen.finish()
    }
}

fn receive(
    messages: &flume::Receiver<Message>,
    deadline: Option<Instant>,
) -> Result<Message, RecvTimeoutError> {
    match deadline {
        Some(deadline) => messages.recv_deadline(deadline),
        None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// A writer at work: its open file, and what is not durable yet.
struct Pen {
    task: Task,
    file: Option<OpenFile>,
    /// Reads text back before it is written, if that is wanted.
    check: Option<TextCheck>,
    /// Where the partitions are with what was written since the last durable point.
    pending: Ledger,
    /// Records since the last durable point.
    records: u64,
    last_point: Instant,
}

impl Pen {
    fn new(mut task: Task) -> Self {
        Self {
            file: task.first.take(),
            check: task.files.text_check(),
            task,
            pending: Ledger::default(),
            records: 0,
            last_point: Instant::now(),
        }
    }

    fn write(&mut self, chunk: &Chunk) -> Result<(), Error> {
        if !chunk.text.is_empty() {
            let mut file = self.open()?;
            if let Some(check) = &mut self.check {
                let read = check.check(chunk);
                self.task.files.checked(&file, read)?;
            }
            self.task
                .files
                .write(&mut file, &chunk.text, chunk.records)?;
            self.file = Some(file);
        }
        chunk
            .spans
            .iter()
            .for_each(|span| self.pending.advance(span));
        chunk.done.iter().for_each(|id| self.pending.finish(*id));
        self.records = self.records.saturating_add(chunk.records);
        let limit = self.task.file_limit;
        match self.file.take() {
            Some(file) if limit > 0 && file.bytes() >= limit => {
                self.task.files.finish(file, &mut self.pending)?;
                self.count_anew();
            }
            Some(file) => {
                self.file = Some(file);
                if self.is_point_due() {
                    self.durable_point()?;
                }
            }
            None => self
                .task
                .files
                .journal()
                .commit_positions(&mut self.pending),
        }
        Ok(())
    }

    /// The file to write to: the open one, one of an earlier run, or a new one.
    fn open(&mut self) -> Result<OpenFile, Error> {
        let files = &self.task.files;
        if let Some(file) = self.file.take() {
            return Ok(file);
        }
        match self.task.unfinished.pop_front() {
            Some(state) => files.reopen(&state),
            None => files.open(Role::Data(self.task.worker), self.task.version),
        }
    }

    /// When the next durable point is due; `None` while there is nothing to make durable.
    fn next_point(&self) -> Option<Instant> {
        let every = self
            .task
            .durable_interval
            .filter(|_| !self.pending.is_empty())?;
        self.last_point.checked_add(every)
    }

    fn is_point_due(&self) -> bool {
        let limit = self.task.durable_records;
        self.next_point()
            .is_some_and(|point| point <= Instant::now() || limit > 0 && self.records >= limit)
    }

    fn durable_point(&mut self) -> Result<(), Error> {
        if let Some(file) = &mut self.file {
            self.task.files.durable_point(file, &mut self.pending)?;
        }
        self.count_anew();
        Ok(())
    }

    /// Everything written so far is durable.
    fn count_anew(&mut self) {
        self.records = 0;
        self.last_point = Instant::now();
    }

    /// Completes the open file, and those of an earlier run that nothing was added to.
    fn finish(mut self) -> Result<(), Error> {
        let files = &self.task.files;
        if let Some(file) = self.file.take() {
            files.finish(file, &mut self.pending)?;
        }
        for state in std::mem::take(&mut self.task.unfinished) {
            files.finish(files.reopen(&state)?, &mut self.pending)?;
        }
        files.journal().commit_positions(&mut self.pending);
        Ok(())
    }

    /// The scans have stopped: what has come may be worth keeping.
    fn suspend(mut self) -> Error {
        if self.task.files.is_resumable()
            && let Err(error) = self.durable_point()
        {
            return error;
        }
        Error::Cancelled
    }
}
