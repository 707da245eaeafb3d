//! Which records are restored, and which of their bins (`behaviour.md` §6.2, §6.3).

use super::RestoreConfig;
use crate::convert::asb_to_wire::{self, RowStyle};
use asb_format::{Name, Record};

/// TTLs from here on mean something else to the server.
const TTL_LIMIT: u64 = 0xffff_fffe;

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is written, and lives for so many seconds.
    Write(u32),
    /// It is left out on request, or has nothing to write.
    Skip,
    /// Its time is over.
    Expired,
    /// It would live longer than can be said.
    TooLong { ttl: u64 },
}

/// The selection of a restore, by plain bytes.
#[derive(Debug)]
pub(super) struct Filter {
    no_records: bool,
    sets: Vec<Vec<u8>>,
    style: RowStyle,
    extra_ttl: u32,
    /// What has expired is still news about a record that is there.
    takes_expired: bool,
}

impl Filter {
    pub(super) fn new(config: &RestoreConfig) -> Self {
        let bytes = |names: &[String]| names.iter().map(|name| name.clone().into()).collect();
        let destination = config.destination.as_ref();
        Self {
            no_records: config.no_records,
            sets: bytes(&config.sets),
            style: RowStyle {
                policy: config.policy,
                namespace: destination.map(|name| name.clone().into_bytes()),
                bins: bytes(&config.bins),
            },
            extra_ttl: config.extra_ttl,
            takes_expired: false,
        }
    }

    /// The same; what has expired is written for a second if the records are `news` about others
    /// that were written before.
    pub(super) const fn of_news(mut self, news: bool) -> Self {
        self.takes_expired = news;
        self
    }

    /// How rows are made.
    pub(super) const fn style(&self) -> &RowStyle {
        &self.style
    }

    /// What becomes of `record` at the time `now`, in seconds since 2010.
    pub(super) fn fate(&self, record: &Record<'_>, now: impl FnOnce() -> u32) -> Fate {
        if self.no_records
            || !self.has_set(record.set.as_ref())
            || !asb_to_wire::has_values(record, &self.style)
        {
            return Fate::Skip;
        }
        if record.void_time == 0 {
            return Fate::Write(asb_to_wire::NEVER);
        }
        let end = u64::from(record.void_time) + u64::from(self.extra_ttl);
        match end.saturating_sub(u64::from(now())) {
            // The shortest life there is, which takes the older form of the record along.
            0 if self.takes_expired => Fate::Write(1),
            0 => Fate::Expired,
            ttl if ttl >= TTL_LIMIT => Fate::TooLong { ttl },
            ttl => Fate::Write(u32::try_from(ttl).unwrap_or(u32::MAX)),
        }
    }

    /// Whether records of this set are restored.
    fn has_set(&self, set: Option<&Name<'_>>) -> bool {
        self.sets.is_empty() || set.is_some_and(|name| self.sets.iter().any(|set| *name == **set))
    }

    /// Whether indexes of this set are restored: those of the selected sets, and those without
    /// a set (`asb-text.md` §9.1).
    pub(super) fn has_index_of(&self, set: Option<&Name<'_>>) -> bool {
        set.is_none() || self.has_set(set)
    }
}
