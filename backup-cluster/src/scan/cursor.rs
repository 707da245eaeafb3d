//! How far a partition has been read.

use aerospike_wire::digest::{Digest, PartitionId};

/// The position of a scan in one partition. Records come in descending order of digests, so the
/// last one delivered says everything; it stays valid on any node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionCursor {
    partition: PartitionId,
    after: Option<Digest>,
    done: bool,
    /// Times that an owner could not serve it: picks the next candidate.
    pub(super) attempt: u32,
}

impl PartitionCursor {
    /// A partition that has not been started.
    #[must_use]
    pub const fn start(partition: PartitionId) -> Self {
        Self {
            partition,
            after: None,
            done: false,
            attempt: 0,
        }
    }

    /// A partition whose records with digests down to `digest` have been delivered.
    #[must_use]
    pub const fn after(digest: Digest) -> Self {
        Self {
            partition: digest.partition(),
            after: Some(digest),
            done: false,
            attempt: 0,
        }
    }

    /// The partition's number, 0 to 4095.
    #[must_use]
    pub const fn partition(&self) -> u16 {
        self.partition.get()
    }

    /// Whether every record has been delivered.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The last digest delivered.
    #[must_use]
    pub const fn last_digest(&self) -> Option<Digest> {
        self.after
    }

    pub(super) const fn id(&self) -> PartitionId {
        self.partition
    }

    /// Whether a record lies below the position. If not, it was delivered before, or the node
    /// breaks the order on which resuming rests.
    #[inline]
    pub(super) fn accepts(&self, digest: &Digest) -> bool {
        !self.done && self.after.is_none_or(|after| *digest < after)
    }

    /// Moves to a record that was delivered.
    #[inline]
    pub(super) const fn advance(&mut self, digest: Digest) {
        self.after = Some(digest);
    }

    pub(super) const fn finish(&mut self) {
        self.done = true;
    }

    pub(super) const fn fail(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
    }
}
