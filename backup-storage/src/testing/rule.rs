//! What goes wrong, and where.

use std::time::Duration;

use http::{Method, request::Parts};

use super::front::decoded;

/// Requests that go wrong. The first rule that fits and is not used up counts.
#[derive(Clone, Debug)]
pub struct Rule {
    method: Method,
    path: String,
    query: String,
    skip: u32,
    times: u32,
    fault: Fault,
}

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// This is answered instead: status, `Retry-After` in seconds, the error's code.
    Answer(u16, Option<u64>, &'static str),
    /// The connection is closed after so many bytes of the request's body.
    LoseRequest(usize),
    /// The work is done, and the connection closed instead of an answer.
    LoseAnswer,
    /// The connection is closed after so many bytes of the answer's body.
    BreakAnswer(usize),
    /// The answer's body comes in pieces of so many bytes with such pauses.
    Trickle(usize, Duration),
    /// The work is done, and an error answered with status 200.
    ErrorInside(&'static str),
    /// One bit of the request's body is another on arrival.
    FlipBit,
    /// The answer's body has so many bytes at most, as if that were all.
    Short(usize),
    /// A list is answered as it was the last time.
    Stale,
    /// The answer comes so much later.
    Delay(Duration),
    /// There is no answer, ever.
    Stall,
}

impl Fault {
    /// Whether to make the request again cannot help.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Answer(status, ..) => matches!(status, 400..=407 | 411..=417 | 507),
            Self::FlipBit => true,
            _ => false,
        }
    }
}

impl Rule {
    /// Every request of this method goes wrong, until the rule is used up.
    #[must_use]
    pub const fn new(method: Method, fault: Fault) -> Self {
        Self {
            method,
            path: String::new(),
            query: String::new(),
            skip: 0,
            times: u32::MAX,
            fault,
        }
    }

    /// Only those whose path has this in it, decoded.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        part.clone_into(&mut self.path);
        self
    }

    /// Only those whose query has this in it.
    #[must_use]
    pub fn query(mut self, part: &str) -> Self {
        part.clone_into(&mut self.query);
        self
    }

    /// Not the first so many.
    #[must_use]
    pub const fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Only so many.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// What happens to this request.
    pub(super) fn apply(&mut self, request: &Parts) -> Option<Fault> {
        let query = request.uri.query().unwrap_or_default();
        let fits = self.method == request.method
            && decoded(request.uri.path()).contains(&self.path)
            && query.contains(&self.query);
        if !fits || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(1);
            return None;
        }
        self.times = self.times.saturating_sub(1);
        Some(self.fault.clone())
    }
}
