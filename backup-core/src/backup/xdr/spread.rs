//! Messages on their way from the connections to the writers: as tokens, spread by partition, so
//! that all versions of a record are in one sequence of files, in order.

use crate::stats::BackupStats;
use asbx_format::{token, writer_of};
use backup_xdr::server::{Arrived, Sink, SinkGone};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of messages that may wait for the files, in units of a permit.
const WAITING_UNITS: u32 = (16 << 20) / UNIT;

/// Bytes that one permit stands for.
const UNIT: u32 = 1 << 10;

/// Tokens for one writer.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) tokens: Vec<u8>,
    /// How many they are.
    pub(super) messages: u64,
    /// Given back when the chunk is written.
    _room: Arc<Room>,
}

/// What a writer gets.
#[derive(Debug)]
pub(super) enum Message {
    Chunk(Chunk),
    /// Everything has come.
    Finish,
}

/// Room in the queue.
#[derive(Debug)]
struct Room {
    _records: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

/// The queue between all connections and all writers.
#[derive(Debug)]
pub(super) struct Spread {
    writers: Vec<flume::Sender<Message>>,
    records: Arc<Semaphore>,
    max_records: u32,
    bytes: Arc<Semaphore>,
    stats: Arc<BackupStats>,
}

impl Spread {
    /// A queue for so many records.
    pub(super) fn new(
        writers: Vec<flume::Sender<Message>>,
        max_records: usize,
        stats: Arc<BackupStats>,
    ) -> Self {
        let max_records = u32::try_from(max_records.clamp(1, 1 << 20)).unwrap_or(1);
        Self {
            writers,
            records: Arc::new(Semaphore::new(max_records as usize)),
            max_records,
            bytes: Arc::new(Semaphore::new(WAITING_UNITS as usize)),
            stats,
        }
    }

    /// Tells all writers that everything has come.
    pub(super) async fn finish(&self) {
        for writer in &self.writers {
            // One that has gone has said why.
            let _gone = writer.send_async(Message::Finish).await;
        }
    }

    /// Waits for room. What is larger than all of it gets all of it.
    async fn room(&self, records: usize, bytes: usize) -> Result<Room, SinkGone> {
        let wanted = u32::try_from(records).unwrap_or(u32::MAX);
        let wanted = wanted.clamp(1, self.max_records);
        let units = u32::try_from(bytes / UNIT as usize).unwrap_or(u32::MAX);
        let units = units.saturating_add(1).min(WAITING_UNITS);
        let records = Arc::clone(&self.records).acquire_many_owned(wanted).await;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(units).await;
        Ok(Room {
            _records: records.map_err(|_closed| SinkGone)?,
            _bytes: bytes.map_err(|_closed| SinkGone)?,
        })
    }
}

impl Sink for Spread {
    async fn take(&self, messages: &[Arrived<'_>]) -> Result<(), SinkGone> {
        let bytes = messages.iter().map(|message| message.frame.len()).sum();
        let room = Arc::new(self.room(messages.len(), bytes).await?);
        let writers = u16::try_from(self.writers.len()).unwrap_or(u16::MAX);
        // For each writer.
        let mut parts: Vec<(Vec<u8>, u64)> = vec![Default::default(); self.writers.len()];
        for message in messages {
            let writer = writer_of(message.digest.partition().get(), writers);
            let Some((part, messages)) = parts.get_mut(usize::from(writer)) else {
                return Err(SinkGone); // there is no writer at all
            };
            *messages = messages.saturating_add(1);
            let encoded = token::encode(part, &message.digest.0, message.frame);
            if let Err(error) = encoded {
                // The server has checked what the format asks for.
                tracing::error!(%error, digest = %message.digest, "a message cannot be stored");
                return Err(SinkGone);
            }
        }
        for ((tokens, messages), writer) in parts.into_iter().zip(&self.writers) {
            if !tokens.is_empty() {
                let chunk = Chunk {
                    tokens,
                    messages,
                    _room: Arc::clone(&room),
                };
                let sent = writer.send_async(Message::Chunk(chunk)).await;
                sent.map_err(|_gone| SinkGone)?;
            }
        }
        self.stats.records_read.add(messages.len() as u64);
        Ok(())
    }
}
