//! The frames of one compressed file, decompressed by several threads and handed out in order.
//!
//! ```text
//! unwrap ── reads, decrypts, finds the ends of frames ──► pieces of runs of whole frames
//! inflate, two of them, each at a run of its own      ──► chunks of text
//! reader                                              ──► takes the chunks run by run
//! ```
//!
//! Stored bytes are read once and in order, so pipes and the check of blocks need nothing special.
//! A fixed number of pieces and chunks is about; the run that is being handed out always finds a
//! chunk, so those behind it cannot hold it up. Of a file with one frame only the threads are left.

mod budget;

use self::budget::Budget;
use super::content::{Failure, Source};
use backup_envelope::{
    AesCtr, Decoder, FrameScanner, HEADER_BYTES, Iv, Key, PartOptions, SCAN_BYTES, Wants, WindowLog,
};
use std::{
    collections::VecDeque,
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Bytes of a stored piece and of a chunk of text.
const PIECE_BYTES: usize = 256 << 10;

/// Stored bytes from which on a run of frames is given to the next thread. Frames of ours have
/// about ten times as many.
const RUN_BYTES: u64 = 1 << 20;

/// Threads that decompress.
const THREADS: usize = 2;

/// What a run's stored bytes or text are sent as. Whoever ends without `End` has failed.
enum Part<T> {
    Some(T),
    Failed(Failure),
    End,
}

type Pieces = flume::Receiver<Part<Vec<u8>>>;
type Texts = flume::Receiver<Part<Vec<u8>>>;

/// A run of whole frames on its way to a thread that decompresses.
struct Run {
    number: u64,
    /// Where it begins in the file.
    stored_offset: u64,
    pieces: Pieces,
    texts: flume::Sender<Part<Vec<u8>>>,
}

/// The text of a compressed file.
pub(super) struct Frames {
    runs: flume::Receiver<Part<Texts>>,
    /// Of the run that is being handed out.
    texts: Option<Texts>,
    chunk: Vec<u8>,
    taken: usize,
    budget: Arc<Budget>,
    stored: Arc<AtomicU64>,
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames")
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}

impl Frames {
    /// Begins to read. `head` are the first bytes of the file, which are taken already; those of
    /// encryption among them.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(
        source: Source,
        head: Vec<u8>,
        key: Option<&Key>,
        window_log: WindowLog,
    ) -> Result<Self, Failure> {
        let budget = Arc::new(Budget::default());
        let stored = Arc::new(AtomicU64::new(source.stored()));
        let (run_sender, runs) = flume::unbounded();
        let (work_sender, work) = flume::unbounded();
        for _ in 0..THREADS {
            let (work, budget) = (work.clone(), Arc::clone(&budget));
            spawn("inflate", move || inflate(&work, window_log, &budget))?;
        }
        let mut splitter = Splitter {
            budget: Arc::clone(&budget),
            runs: run_sender,
            work: work_sender,
            scanner: Some(FrameScanner::new()),
            ends: VecDeque::new(),
            header: 0,
            position: 0,
            open: None,
            next: 0,
        };
        let (head, decryption) = splitter.begin(head, key)?;
        let stored_so_far = Arc::clone(&stored);
        spawn("unwrap", move || {
            let ended = splitter.read(source, head, decryption, &stored_so_far);
            splitter.finish(ended);
        })?;
        Ok(Self {
            runs,
            texts: None,
            chunk: Vec::new(),
            taken: 0,
            budget,
            stored,
        })
    }

    /// Stored bytes read so far.
    pub(super) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Reads some text; 0 at its end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Failure> {
        loop {
            let rest = self.chunk.get(self.taken..).unwrap_or_default();
            if !rest.is_empty() {
                let len = rest.len().min(out.len());
                out[..len].copy_from_slice(&rest[..len]);
                self.taken += len;
                return Ok(len);
            }
            if self.chunk.capacity() > 0 {
                self.budget.return_chunk(std::mem::take(&mut self.chunk));
            }
            self.taken = 0;
            let Some(texts) = &self.texts else {
                match self.runs.recv().map_err(|_| lost())? {
                    Part::Some(texts) => self.texts = Some(texts),
                    Part::Failed(failure) => return Err(failure),
                    Part::End => return Ok(0),
                }
                continue;
            };
            match texts.recv().map_err(|_| lost())? {
                Part::Some(chunk) => self.chunk = chunk,
                Part::Failed(failure) => return Err(failure),
                Part::End => {
                    self.texts = None;
                    self.budget.next_run();
                }
            }
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.budget.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop).map_err(Failure::Thread)
}

/// A thread has ended without saying why: never the end of the file.
fn lost() -> Failure {
    Failure::Thread(io::Error::other("a thread that unwraps a file ended early"))
}

/// Cuts stored bytes into runs of whole frames.
struct Splitter {
    budget: Arc<Budget>,
    runs: flume::Sender<Part<Texts>>,
    work: flume::Sender<Run>,
    /// `None` once it has met what is no frame: what that is, the decoder says.
    scanner: Option<FrameScanner>,
    /// Ends of frames that were found and not reached yet, in bytes after the header.
    ends: VecDeque<u64>,
    /// Bytes of the encryption header.
    header: u64,
    /// Bytes after that header that were sent.
    position: u64,
    /// Where the pieces of the open run go, and where it began.
    open: Option<(flume::Sender<Part<Vec<u8>>>, u64)>,
    /// Number of the next run.
    next: u64,
}

/// What came of reading: the end, a failure, or `None` when nobody wants more.
type Ended = Result<(), Option<Failure>>;

impl Splitter {
    /// Takes the encryption header off the head, and decrypts the rest of it.
    fn begin(
        &mut self,
        mut head: Vec<u8>,
        key: Option<&Key>,
    ) -> Result<(Vec<u8>, Option<AesCtr>), Failure> {
        let Some(key) = key else {
            return Ok((head, None));
        };
        // Whoever calls has seen what it encrypts.
        let header = head.first_chunk::<HEADER_BYTES>().copied();
        let header = header.ok_or_else(lost)?;
        let mut stream = AesCtr::at(key, Iv::from_header(key, header), 0).ok_or_else(lost)?;
        self.header = HEADER_BYTES as u64;
        head.drain(..HEADER_BYTES);
        stream.apply(&mut head);
        Ok((head, Some(stream)))
    }

    /// Reads to the end of the file. `carried` is what was read before.
    fn read(
        &mut self,
        mut source: Source,
        mut carried: Vec<u8>,
        mut decryption: Option<AesCtr>,
        stored: &AtomicU64,
    ) -> Ended {
        loop {
            let mut piece = self.budget.take_piece().ok_or(None)?;
            let before = carried.len();
            piece.clear();
            piece.append(&mut carried);
            piece.resize(PIECE_BYTES, 0);
            let room = piece.get_mut(before..).unwrap_or_default();
            let read = source.fetch(room).map_err(Some)?;
            piece.truncate(before + read);
            stored.store(source.stored(), Ordering::Relaxed);
            if let (Some(stream), Some(fresh)) = (&mut decryption, piece.get_mut(before..)) {
                stream.apply(fresh);
            }
            let whole = self.scan(&piece, read == 0);
            carried.extend_from_slice(piece.get(whole..).unwrap_or_default());
            piece.truncate(whole);
            self.send(piece)?;
            if read == 0 {
                return Ok(());
            }
        }
    }

    /// Finds the frames that end in `piece`, which begins at the position. Gives how much of it
    /// can be sent: a header that is cut waits for the rest of it.
    fn scan(&mut self, piece: &[u8], at_end: bool) -> usize {
        while let Some(scanner) = &mut self.scanner {
            let at = scanner.position();
            let from = usize::try_from(at.saturating_sub(self.position)).unwrap_or(usize::MAX);
            let Some(rest) = piece.get(from..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            if rest.len() < SCAN_BYTES && !at_end {
                return from;
            }
            match scanner.advance(rest) {
                Ok(Some(frame)) => self.ends.push_back(frame.end),
                Ok(None) if scanner.position() == at => break,
                Ok(None) => {}
                Err(_) => self.scanner = None,
            }
        }
        piece.len()
    }

    /// Sends a piece to the open run, or, where a run is long enough, to two of them.
    fn send(&mut self, mut piece: Vec<u8>) -> Ended {
        while let Some(end) = self.ends.front().copied() {
            let cut = usize::try_from(end.saturating_sub(self.position)).unwrap_or(usize::MAX);
            if cut > piece.len() {
                break;
            }
            self.ends.pop_front();
            let start = self
                .open
                .as_ref()
                .map_or(self.position, |(_, start)| *start);
            if end.saturating_sub(start) < RUN_BYTES {
                continue;
            }
            let mut rest = self.budget.take_piece().ok_or(None)?;
            rest.clear();
            rest.extend_from_slice(piece.get(cut..).unwrap_or_default());
            piece.truncate(cut);
            self.give(piece)?;
            self.end_run(Part::End)?;
            piece = rest;
        }
        self.give(piece)
    }

    /// Gives a piece to the open run, or to a new one.
    fn give(&mut self, piece: Vec<u8>) -> Ended {
        if piece.is_empty() {
            self.budget.return_piece(piece);
            return Ok(());
        }
        let start = self.position;
        self.position = start.saturating_add(piece.len() as u64);
        if self.open.is_none() {
            let (sender, pieces) = flume::unbounded();
            let (text_sender, texts) = flume::unbounded();
            let run = Run {
                number: self.next,
                stored_offset: self.header.saturating_add(start),
                pieces,
                texts: text_sender,
            };
            self.next = self.next.saturating_add(1);
            self.work.send(run).map_err(|_| None)?;
            self.runs.send(Part::Some(texts)).map_err(|_| None)?;
            self.open = Some((sender, start));
        }
        let sent = self
            .open
            .as_ref()
            .map(|(run, _)| run.send(Part::Some(piece)));
        sent.map_or(Err(None), |sent| sent.map_err(|_| None))
    }

    fn end_run(&mut self, with: Part<Vec<u8>>) -> Ended {
        match self.open.take() {
            Some((run, _)) => run.send(with).map_err(|_| None),
            None => Ok(()),
        }
    }

    /// Says how it ended; a failure goes where its text would have come.
    fn finish(mut self, ended: Ended) {
        let _ = match ended {
            Ok(()) => {
                let _ = self.end_run(Part::End);
                self.runs.send(Part::End).ok()
            }
            Err(Some(failure)) if self.open.is_some() => self.end_run(Part::Failed(failure)).ok(),
            Err(Some(failure)) => self.runs.send(Part::Failed(failure)).ok(),
            Err(None) => None,
        };
    }
}

/// Decompresses one run after another.
fn inflate(work: &flume::Receiver<Run>, window_log: WindowLog, budget: &Budget) {
    while let Ok(run) = work.recv() {
        let ended = match inflate_run(&run, window_log, budget) {
            Ok(()) => Part::End,
            Err(Some(failure)) => Part::Failed(failure),
            Err(None) => return,
        };
        let _ = run.texts.send(ended);
    }
}

fn inflate_run(run: &Run, window_log: WindowLog, budget: &Budget) -> Ended {
    let envelope = |error| Some(Failure::Envelope(error));
    let mut decoder = Decoder::part(PartOptions {
        zstd: true,
        encryption: None, // the pieces are decrypted
        window_log,
        stored_offset: run.stored_offset,
    })
    .map_err(envelope)?;
    loop {
        let piece = match run.pieces.recv().map_err(|_| None)? {
            Part::Some(piece) => piece,
            Part::Failed(failure) => return Err(Some(failure)),
            Part::End => return decoder.finish().map(drop).map_err(envelope),
        };
        let (mut taken, mut wants) = (0, Wants::Room);
        while wants == Wants::Room {
            let mut chunk = budget.take_chunk(run.number).ok_or(None)?;
            let rest = piece.get(taken..).unwrap_or_default();
            let progress = decoder.read(rest, &mut chunk).map_err(envelope)?;
            taken += progress.consumed;
            wants = progress.wants;
            run.texts.send(Part::Some(chunk)).map_err(|_| None)?;
        }
        budget.return_piece(piece);
    }
}
