//! How much each user reads and writes on a node, and whether that is too much.
//!
//! Single-record commands and batch rows are counted by the second; a scan takes its records per
//! second out of the quota as long as it runs.

use super::{Security, role::Quotas};
use aerospike_wire::result_code::ResultCode;
use std::collections::HashMap;

/// What the users of a node do.
#[derive(Debug, Default)]
pub(super) struct Usage {
    by_user: HashMap<String, UserUsage>,
}

/// What a user does on a node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UserUsage {
    /// The second that the counts are of, by the cluster's clock.
    second: u64,
    pub(super) reads: Rates,
    pub(super) writes: Rates,
    pub(super) connections: u32,
}

/// Records per second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rates {
    /// Of single records.
    pub(super) single: u32,
    /// Of running scans with a limit.
    pub(super) limited: u32,
    /// Running scans without one.
    pub(super) limitless: u32,
}

/// What a request takes from a user's quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// A record.
    Single,
    /// A scan with this limit of records per second; 0 = none.
    Scan(u32),
}

impl Rates {
    const fn admit(&mut self, quota: u32, charge: Charge) -> bool {
        let used = self.single.saturating_add(self.limited);
        match charge {
            Charge::Single => {
                let fits = quota == 0 || used < quota;
                if fits {
                    self.single = self.single.saturating_add(1);
                }
                fits
            }
            Charge::Scan(0) => {
                if quota == 0 {
                    self.limitless = self.limitless.saturating_add(1);
                }
                quota == 0
            }
            Charge::Scan(rps) => {
                let fits = quota == 0 || used.saturating_add(rps) <= quota;
                if fits {
                    self.limited = self.limited.saturating_add(rps);
                }
                fits
            }
        }
    }

    const fn release(&mut self, charge: Charge) {
        match charge {
            Charge::Single => self.single = self.single.saturating_sub(1),
            Charge::Scan(0) => self.limitless = self.limitless.saturating_sub(1),
            Charge::Scan(rps) => self.limited = self.limited.saturating_sub(rps),
        }
    }
}

impl Usage {
    /// What a user does now.
    pub(super) fn of(&mut self, user: &str, now_ms: u64) -> &mut UserUsage {
        let usage = self.entry(user);
        if usage.second != now_ms / 1000 {
            usage.second = now_ms / 1000;
            (usage.reads.single, usage.writes.single) = (0, 0);
        }
        usage
    }

    pub(super) fn entry(&mut self, user: &str) -> &mut UserUsage {
        self.by_user.entry(user.to_owned()).or_default()
    }
}

/// What a request asks of a user's quotas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bill {
    pub(super) charge: Charge,
    pub(super) reads: bool,
    pub(super) writes: bool,
}

impl UserUsage {
    /// # Errors
    /// 83, and then nothing is counted.
    pub(super) fn pay(&mut self, quotas: Quotas, bill: Bill) -> Result<(), ResultCode> {
        if bill.reads && !self.reads.admit(quotas.read, bill.charge) {
            return Err(ResultCode::QUOTA_EXCEEDED);
        }
        if bill.writes && !self.writes.admit(quotas.write, bill.charge) {
            if bill.reads {
                self.reads.release(bill.charge);
            }
            return Err(ResultCode::QUOTA_EXCEEDED);
        }
        Ok(())
    }

    const fn refund(&mut self, bill: Bill) {
        if bill.reads {
            self.reads.release(bill.charge);
        }
        if bill.writes {
            self.writes.release(bill.charge);
        }
    }
}

/// Holds what a scan has taken from its user's quotas while it runs.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    pub(super) security: &'a Security,
    pub(super) node: usize,
    pub(super) user: &'a str,
    pub(super) bill: Bill,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.security.on_node(self.node, |node| {
            if let Some(usage) = node.usage.by_user.get_mut(self.user) {
                usage.refund(self.bill);
            }
        });
    }
}
