//! Sparing a sick node: after a few failures in a row it gets one batch at a time.
//!
//! A batch that finds a probe under way waits for its result and shares it when it is bad, so
//! every batch keeps its own attempts and pauses, and a node that is down is asked once per pause
//! instead of once per batch.

use crate::view::NodeName;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OwnedMutexGuard;

/// Failures in a row after which a node counts as sick.
const LIMIT: u32 = 5;

/// What is known about the health of each node.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    nodes: Mutex<HashMap<NodeName, Arc<Breaker>>>,
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    health: Mutex<Health>,
    /// Held by the one that tries a sick node.
    probe: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    /// Probes that failed.
    bad_probes: u64,
}

/// Leave to send to a node.
#[derive(Debug)]
pub(super) struct Permit {
    breaker: Arc<Breaker>,
    probe: Option<OwnedMutexGuard<()>>,
}

impl Breakers {
    /// Waits until `node` may be sent to; `None` when it was tried meanwhile and is still sick.
    pub(super) async fn admit(&self, node: &NodeName) -> Option<Permit> {
        let breaker = self.of(node);
        let before = {
            let health = lock(&breaker.health);
            if health.failures < LIMIT {
                None
            } else {
                Some(health.bad_probes)
            }
        };
        let Some(before) = before else {
            let probe = None;
            return Some(Permit { breaker, probe });
        };
        let probe = Arc::clone(&breaker.probe).lock_owned().await;
        let (is_well, is_tried) = {
            let health = lock(&breaker.health);
            (health.failures < LIMIT, health.bad_probes != before)
        };
        match (is_well, is_tried) {
            (true, _) => Some(Permit {
                breaker,
                probe: None,
            }),
            (false, true) => None,
            (false, false) => Some(Permit {
                breaker,
                probe: Some(probe),
            }),
        }
    }

    fn of(&self, node: &NodeName) -> Arc<Breaker> {
        let mut nodes = lock(&self.nodes);
        if let Some(breaker) = nodes.get(node) {
            return Arc::clone(breaker);
        }
        Arc::clone(nodes.entry(node.clone()).or_default())
    }
}

impl Permit {
    /// Says how it went; whether this made the node sick.
    pub(super) fn report(self, is_well: bool) -> bool {
        let mut health = lock(&self.breaker.health);
        if is_well {
            health.failures = 0;
            return false;
        }
        health.failures = health.failures.saturating_add(1);
        health.bad_probes = health
            .bad_probes
            .saturating_add(u64::from(self.probe.is_some()));
        health.failures == LIMIT
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sick_node_gets_one_batch_at_a_time() {
        let (breakers, node) = (Arc::new(Breakers::default()), NodeName::new("A"));
        for _ in 0..LIMIT {
            let permit = breakers.admit(&node).await.unwrap();
            permit.report(false);
        }
        let probe = breakers.admit(&node).await.unwrap();
        let other = tokio::spawn({
            let (breakers, node) = (Arc::clone(&breakers), node.clone());
            async move { breakers.admit(&node).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!other.is_finished(), "it waits for the probe");
        probe.report(false);
        assert!(!other.await.unwrap(), "it shares the bad result");
        breakers.admit(&node).await.unwrap().report(true);
        let (one, two) = tokio::join!(breakers.admit(&node), breakers.admit(&node));
        assert!(one.is_some() && two.is_some(), "well again");
    }

    #[tokio::test]
    async fn others_are_not_concerned_and_successes_forgive() {
        let (breakers, node) = (Breakers::default(), NodeName::new("A"));
        for round in 0..3 * LIMIT {
            let permit = breakers.admit(&node).await.unwrap();
            permit.report(round % LIMIT == 0);
            assert!(breakers.admit(&NodeName::new("B")).await.is_some());
        }
    }
}
