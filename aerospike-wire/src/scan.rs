//! Primary-index scans (`wire-scan.md`): the request, and what may come back.

use crate::{
    digest::{DIGEST_SIZE, Digest, PartitionId},
    error::{Error, ErrorKind},
    field::code,
    message::{Message, MessageBuilder, MessageHeader, flags},
    op::{self, Ops},
    result_code::ResultCode,
};
use alloc::vec::Vec;

/// A partition scan of one node. `namespace` and at least one partition or digest are needed;
/// the node refuses a partition that is named twice.
#[derive(Debug, Clone, Copy)]
pub struct ScanRequest<'a> {
    /// Namespace to scan.
    pub namespace: &'a [u8],
    /// Only this set; `None` = all.
    pub set: Option<&'a [u8]>,
    /// Partitions to read from their start, 0 to 4095.
    pub partitions: &'a [u16],
    /// Partitions to resume: records with a digest strictly less than this one follow.
    pub digests: &'a [Digest],
    /// Only these bins; empty = all. Records that have none of them are left out.
    pub bins: &'a [&'a [u8]],
    /// Metadata only.
    pub no_bins: bool,
    /// Filter expression in msgpack; empty = none.
    pub filter: &'a [u8],
    /// Most records, counted after the filter; 0 = all.
    pub max_records: u64,
    /// Records per second; 0 = no limit.
    pub records_per_second: u32,
    /// Milliseconds that the node waits for us to read before it gives the scan up;
    /// 0 = for ever.
    pub socket_timeout_ms: u32,
    /// Id of the scan; must differ from every scan that still runs on the node.
    pub query_id: u64,
}

impl<'a> ScanRequest<'a> {
    /// A request without restriction that waits for slow readers for ever.
    #[must_use]
    pub const fn new(namespace: &'a [u8], query_id: u64) -> Self {
        Self {
            namespace,
            set: None,
            partitions: &[],
            digests: &[],
            bins: &[],
            no_bins: false,
            filter: &[],
            max_records: 0,
            records_per_second: 0,
            socket_timeout_ms: 0,
            query_id,
        }
    }

    /// Appends the framed request.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let info1 = if self.no_bins {
            flags::READ | flags::NO_BINS
        } else {
            flags::READ
        };
        let header = MessageHeader {
            info1,
            info3: flags::PARTITION_DONE,
            ..MessageHeader::default()
        };
        let mut message = MessageBuilder::new(out, &header);
        message.field(code::NAMESPACE, self.namespace);
        if let Some(set) = self.set {
            message.field(code::SET, set);
        }
        self.encode_partitions(&mut message);
        if !self.filter.is_empty() {
            message.field(code::FILTER_EXP, self.filter);
        }
        if self.max_records > 0 {
            message.field(code::MAX_RECORDS, &self.max_records.to_be_bytes());
        }
        if self.records_per_second > 0 {
            message.field(
                code::RECORDS_PER_SECOND,
                &self.records_per_second.to_be_bytes(),
            );
        }
        message.field(code::SOCKET_TIMEOUT, &self.socket_timeout_ms.to_be_bytes());
        message.field(code::QUERY_ID, &self.query_id.to_be_bytes());
        for bin in self.bins {
            message.op(op::code::READ, 0, bin, &[]);
        }
        message.finish();
    }

    fn encode_partitions(&self, message: &mut MessageBuilder<'_>) {
        if !self.partitions.is_empty() {
            let len = self.partitions.len().saturating_mul(2);
            message.field_with(code::PID_ARRAY, len, |out| {
                self.partitions
                    .iter()
                    .for_each(|id| out.extend_from_slice(&id.to_le_bytes()));
            });
        }
        if !self.digests.is_empty() {
            let len = self.digests.len().saturating_mul(DIGEST_SIZE);
            message.field_with(code::DIGEST_ARRAY, len, |out| {
                self.digests
                    .iter()
                    .for_each(|digest| out.extend_from_slice(&digest.0));
            });
        }
    }
}

/// One message of a scan reply.
#[derive(Debug, Clone, Copy)]
pub enum ScanItem<'a> {
    /// A record.
    Record(ScanRecord<'a>),
    /// The node reports on a partition: result 0 = done (servers before 6.0), anything else =
    /// it cannot serve it.
    Partition {
        /// The partition.
        id: PartitionId,
        /// Usually 11, unavailable.
        result: ResultCode,
    },
    /// The end; not 0 when the scan was abandoned.
    Last(ResultCode),
    /// The node did not accept the request: nothing else follows, not even [`Self::Last`].
    Refused(ResultCode),
}

/// A record, borrowed from the frame it arrived in.
#[derive(Debug, Clone, Copy)]
pub struct ScanRecord<'a> {
    /// Its namespace.
    pub namespace: &'a [u8],
    /// Its digest.
    pub digest: Digest,
    /// Its set, if it has one; never empty.
    pub set: Option<&'a [u8]>,
    /// Particle type byte and value of the user key, if the server stored it.
    pub key: Option<&'a [u8]>,
    /// Generation, 1 to 65535.
    pub generation: u16,
    /// Seconds since 2010-01-01 UTC at which it expires, 0 = never.
    pub void_time: u32,
    /// Number of bins.
    pub bin_count: u16,
    message: Message<'a>,
}

impl<'a> ScanRecord<'a> {
    /// The bins in the order of the server; `code` is always READ.
    #[must_use]
    pub const fn bins(&self) -> Ops<'a> {
        self.message.ops()
    }

    /// The record in a message that holds one, its TTL taken for a void time: so scans say it. Any
    /// other message has it set by whoever knows what its TTL counts from.
    ///
    /// # Errors
    /// No namespace, no digest of 20 bytes, a generation over 65535.
    pub fn from_message(message: Message<'a>) -> Result<Self, Error> {
        let mut namespace = None;
        let mut digest = None;
        let mut set = None;
        let mut key = None;
        for field in message.fields() {
            // The first of a kind counts, as in `Message::field`.
            let slot = match field.kind {
                code::NAMESPACE => &mut namespace,
                code::DIGEST => &mut digest,
                code::SET => &mut set,
                code::KEY => &mut key,
                _ => continue, // unknown fields are to be skipped (§3.3)
            };
            slot.get_or_insert(field.data);
        }
        let missing = |what| Error::new(ErrorKind::MissingField { what }, 0);
        let generation = message.header.generation;
        Ok(Self {
            namespace: namespace.ok_or_else(|| missing("namespace"))?,
            digest: digest
                .and_then(Digest::from_slice)
                .ok_or_else(|| missing("digest"))?,
            set: set.filter(|name| !name.is_empty()),
            key: key.filter(|bytes| !bytes.is_empty()),
            generation: u16::try_from(generation).map_err(|_| {
                let found = u64::from(generation);
                Error::new(
                    ErrorKind::Size {
                        what: "generation",
                        found,
                    },
                    6,
                )
            })?,
            void_time: message.header.record_ttl,
            bin_count: message.header.n_ops,
            message,
        })
    }
}

/// Reads a message of a scan reply, in the order of precedence of `wire-protocol.md` §10.
///
/// # Errors
/// A record without namespace or without a digest of 20 bytes, a generation over 65535, a status
/// of a partition that does not exist. Offsets count from the start of the message.
pub fn item(message: Message<'_>) -> Result<ScanItem<'_>, Error> {
    let header = &message.header;
    if message.is_last() {
        return Ok(ScanItem::Last(header.result));
    }
    if header.info3 & flags::PARTITION_DONE != 0 {
        let id = u16::try_from(header.generation)
            .ok()
            .and_then(PartitionId::new);
        let found = u64::from(header.generation);
        let id = id.ok_or_else(|| {
            Error::new(
                ErrorKind::Size {
                    what: "partition id",
                    found,
                },
                6,
            )
        })?;
        return Ok(ScanItem::Partition {
            id,
            result: header.result,
        });
    }
    if !header.result.is_ok() {
        return Ok(ScanItem::Refused(header.result));
    }
    ScanRecord::from_message(message).map(ScanItem::Record)
}
