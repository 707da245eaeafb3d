//! Faults by chance: heavy rates, and the same ones again for the same seed (goal R10).
//!
//! What happens to a request follows from the seed, the request, and how often it came before; not from what
//! else is under way. So a seed narrows a failure down, however the requests of a run overlap.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use fastrand::Rng;
use http::{Method, request::Parts};

use super::rule::Fault;

/// Of a hundred requests, so many are answered with an error of the server,
const ERRORS: u32 = 25;
/// with the wish to be left alone,
const THROTTLED: u32 = 30;
/// or lose their connection somewhere on the way;
const LOST: u32 = 15;
/// and so many go wrong in another way that fits them, possibly for good.
const WRONG: u32 = 1;

/// The faults of one seed.
#[derive(Debug)]
pub(super) struct Chaos {
    seed: u64,
    /// How often each request has come.
    counts: BTreeMap<String, u64>,
}

impl Chaos {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            counts: BTreeMap::new(),
        }
    }

    /// What happens to this request.
    pub(super) fn next(&mut self, request: &Parts) -> Option<Fault> {
        let what = identity(request);
        let count = self.counts.entry(what.clone()).or_default();
        *count = count.saturating_add(1);
        let mut hasher = DefaultHasher::new();
        (self.seed, &what, *count).hash(&mut hasher);
        let mut chance = Rng::with_seed(hasher.finish());
        let query = request.uri.query().unwrap_or_default();
        let is_completion = request.method == Method::POST && query.contains("uploadId=");
        let mut dice = chance.u32(..100);
        for (rate, fault) in [
            (ERRORS, error as fn(&mut Rng, bool) -> Fault),
            (THROTTLED, throttled),
            (LOST, lost),
        ] {
            if dice < rate {
                return Some(fault(&mut chance, is_completion));
            }
            dice = dice.saturating_sub(rate);
        }
        (dice < WRONG).then(|| wrong(&mut chance, &request.method, query))
    }
}

/// The request without what differs from run to run.
fn identity(request: &Parts) -> String {
    let query = request.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !matches!(name, "uploadId" | "upload-id-marker")
    });
    let query: Vec<_> = pairs.collect();
    let range = request.headers.get(http::header::RANGE);
    let path = request.uri.path();
    format!("{} {path} {} {range:?}", request.method, query.join("&"))
}

fn error(chance: &mut Rng, is_completion: bool) -> Fault {
    match chance.u32(..4) {
        0 | 1 if is_completion => Fault::ErrorInside("InternalError"),
        0 | 1 => Fault::Answer(500, None, "InternalError"),
        2 => Fault::Answer(502, None, "BadGateway"),
        _ => Fault::Answer(503, None, "ServiceUnavailable"),
    }
}

fn throttled(chance: &mut Rng, _: bool) -> Fault {
    match chance.u32(..3) {
        0 => Fault::Answer(503, Some(0), "SlowDown"),
        1 => Fault::Answer(503, None, "SlowDown"),
        _ => Fault::Answer(429, Some(0), "TooManyRequests"),
    }
}

fn lost(chance: &mut Rng, _: bool) -> Fault {
    match chance.u32(..3) {
        0 => Fault::LoseRequest(chance.usize(..8192)),
        1 => Fault::LoseAnswer,
        _ => Fault::BreakAnswer(chance.usize(..8192)),
    }
}

fn wrong(chance: &mut Rng, method: &Method, query: &str) -> Fault {
    let is_list = query.contains("list-type");
    match chance.u32(..4) {
        0 => Fault::Answer(400, None, "ExpiredToken"),
        1 => Fault::Answer(403, None, "AccessDenied"),
        _ if is_list => Fault::Stale,
        _ if *method == Method::GET => Fault::Short(chance.usize(..4096)),
        _ if *method == Method::PUT => Fault::FlipBit,
        _ => Fault::LoseAnswer,
    }
}
