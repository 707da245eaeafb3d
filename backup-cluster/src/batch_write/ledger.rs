//! What is known of each row of a batch, and when it is final.

use crate::error::Error;
use aerospike_wire::result_code::{Advice, ResultCode};

/// The final outcome of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOutcome {
    /// The server's last word on it.
    Answered(ResultCode),
    /// It was sent, and nobody knows whether it was applied.
    InDoubt,
    /// It never left, or the server said that it was not applied but might be later.
    NotApplied(Option<ResultCode>),
}

/// What is known of each row of a batch.
pub(super) struct Ledger {
    pub(super) outcomes: Vec<RowOutcome>,
    pub(super) failure: Option<Error>,
    /// How often a row was sent without an answer.
    pub(super) in_doubt: u64,
    /// Whether the rows have to go one by one: the batch was refused as a whole.
    pub(super) is_split: bool,
}

impl Ledger {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            outcomes: vec![RowOutcome::NotApplied(None); rows],
            failure: None,
            in_doubt: 0,
            is_split: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.outcomes.iter().any(|outcome| is_open(*outcome))
    }

    pub(super) fn open_rows(&self) -> impl Iterator<Item = usize> {
        let rows = self.outcomes.iter().enumerate();
        rows.filter(|(_, outcome)| is_open(**outcome))
            .map(|(index, _)| index)
    }
}

/// Whether a row may be sent again. In doubt too: a repeated write changes nothing but which
/// counter it ends in.
const fn is_open(outcome: RowOutcome) -> bool {
    !matches!(outcome, RowOutcome::Answered(_))
}

/// One exchange's part of the ledger.
pub(super) struct Page<'a> {
    ledger: &'a mut Ledger,
    members: Option<&'a [usize]>,
    answered: Vec<bool>,
    pub(super) answers: usize,
    /// Rows with a final answer.
    finals: usize,
    /// Whether the request has left: until there is an answer, a row may have been applied.
    pub(super) is_sent: bool,
    /// A row's answer that the connection is no longer logged in.
    pub(super) login_needed: Option<ResultCode>,
}

impl<'a> Page<'a> {
    pub(super) fn new(rows: usize, members: Option<&'a [usize]>, ledger: &'a mut Ledger) -> Self {
        Self {
            ledger,
            members,
            answered: vec![false; rows],
            answers: 0,
            finals: 0,
            is_sent: false,
            login_needed: None,
        }
    }

    /// Whether the rows have to go one by one.
    pub(super) const fn is_split(&self) -> bool {
        self.ledger.is_split
    }

    /// Whether anything was settled, or there was nothing to settle.
    pub(super) const fn has_progress(&self) -> bool {
        self.finals > 0 || self.answered.is_empty()
    }

    /// The batch was refused as a whole: the rest is to be sent again, row by row.
    pub(super) fn split(&mut self, code: ResultCode) {
        if !self.ledger.is_split {
            self.ledger.is_split = true;
            self.answer_rest(RowOutcome::NotApplied(Some(code)));
        }
    }

    fn enter(&mut self, row: usize, outcome: RowOutcome) {
        self.finals += usize::from(matches!(outcome, RowOutcome::Answered(_)));
        self.ledger.in_doubt += u64::from(outcome == RowOutcome::InDoubt);
        let index = self
            .members
            .map_or(Some(row), |members| members.get(row).copied());
        let Some(slot) = index.and_then(|index| self.ledger.outcomes.get_mut(index)) else {
            return;
        };
        // An earlier attempt that may have been applied stays possible, whatever a later one says.
        if *slot != RowOutcome::InDoubt || matches!(outcome, RowOutcome::Answered(_)) {
            *slot = outcome;
        }
    }

    /// The answer for a row. One that was not asked for is ignored.
    pub(super) fn answer(&mut self, row: usize, code: ResultCode) {
        let Some(answered) = self.answered.get_mut(row).filter(|answered| !**answered) else {
            return;
        };
        *answered = true;
        self.answers += 1;
        if code.advice() == Advice::Login {
            self.login_needed = Some(code);
        }
        let outcome = match code.advice() {
            Advice::Retry if code == ResultCode::TIMEOUT => RowOutcome::InDoubt,
            Advice::Retry | Advice::RetryWrite | Advice::Login => {
                RowOutcome::NotApplied(Some(code))
            }
            Advice::Done | Advice::Final => RowOutcome::Answered(code),
        };
        self.enter(row, outcome);
    }

    /// Enters the same for every row that was not answered.
    pub(super) fn answer_rest(&mut self, outcome: RowOutcome) {
        for row in 0..self.answered.len() {
            if let Some(answered) = self.answered.get_mut(row).filter(|answered| !**answered) {
                *answered = true;
                self.enter(row, outcome);
            }
        }
    }

    /// The exchange is over.
    pub(super) fn close(&mut self) {
        if self.is_sent {
            self.answer_rest(RowOutcome::InDoubt);
        }
    }
}
