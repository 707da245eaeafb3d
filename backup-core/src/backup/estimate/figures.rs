//! The arithmetic (`files-and-state.md` §9): from what was counted and read to sizes.

/// Quantile of the normal distribution for 99.9 %, one-sided.
const Z_TOTAL: f64 = 3.09;

/// The same for 99.9999 %.
const Z_RECORD: f64 = 4.75;

/// What the formulas leave out, such as the error of the compression ratio.
const MARGIN: f64 = 1.01;

/// Size of a backup, expected and at most.
///
/// Sizes of records are those of their text; those of the backup are bytes on the storage, without
/// manifest and state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Records that are selected.
    pub records: u64,
    /// Records that were read.
    pub samples: u64,
    /// Mean size of a record, in bytes; 0 without records.
    pub record_bytes: f64,
    /// Upper bound of that mean at 99.9999 %, in bytes.
    pub record_bound_bytes: f64,
    /// Compressed size divided by the size of the text; 1 without compression.
    pub compression_ratio: f64,
    /// Expected size of all files, in bytes.
    pub bytes: u64,
    /// Upper bound of that at 99.9 %, in bytes.
    pub bound_bytes: u64,
    /// Every record was read and nothing had to be guessed: as long as the data does not change,
    /// a backup takes exactly [`bytes`](Self::bytes).
    pub is_exact: bool,
}

/// A number of records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Count {
    pub(super) records: f64,
    /// Its standard error; 0 for one that is known.
    pub(super) error: f64,
}

impl Count {
    /// A number that is known.
    #[expect(
        clippy::cast_precision_loss,
        reason = "records of a cluster are far below 2^53"
    )]
    pub(super) const fn known(records: u64) -> Self {
        Self {
            records: records as f64,
            error: 0.0,
        }
    }

    /// The number in `all` partitions, after those of some of them were counted.
    ///
    /// The records lie in partitions by chance, so a count of them spreads at least as a Poisson
    /// count does; and where none were found, there may still be some (5 = 6.91² / 3.09², the
    /// bound of 99.9 % for a count of zero).
    #[expect(
        clippy::cast_precision_loss,
        reason = "there are 4096 partitions, and counts are far below 2^53"
    )]
    pub(super) fn scaled(counts: &[u64], all: usize) -> Self {
        let (some, all) = (counts.len() as f64, all as f64);
        let mut spread = Spread::default();
        counts.iter().for_each(|count| spread.add(*count as f64));
        if some >= all || counts.is_empty() {
            return Self {
                records: spread.mean * some,
                error: 0.0,
            };
        }
        let found = spread.mean * some;
        let variance = (spread.variance() * some).max(found + 5.0) * (1.0 - some / all);
        Self {
            records: found * all / some,
            error: variance.sqrt() * all / some,
        }
    }

    /// The same, if no more than so many are taken.
    pub(super) const fn at_most(self, limit: f64) -> Self {
        let upper = self.upper().min(limit);
        let records = self.records.min(limit);
        Self {
            records,
            error: (upper - records) / Z_TOTAL,
        }
    }

    /// Records in each of so many partitions.
    #[expect(clippy::cast_precision_loss, reason = "there are 4096 partitions")]
    pub(super) const fn per_partition(self, partitions: usize) -> f64 {
        self.records / partitions as f64
    }

    /// The number as one that can be counted to.
    pub(super) const fn whole(self) -> u64 {
        whole(self.records)
    }

    const fn upper(self) -> f64 {
        self.records + Z_TOTAL * self.error
    }
}

/// Mean and variance of numbers, added one by one (Welford).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Spread {
    count: u64,
    mean: f64,
    /// Sum of the squares of the distances from the mean.
    squares: f64,
}

impl Spread {
    #[expect(clippy::cast_precision_loss, reason = "samples are far below 2^53")]
    pub(super) fn add(&mut self, number: f64) {
        self.count += 1;
        let distance = number - self.mean;
        self.mean += distance / self.count as f64;
        self.squares = distance.mul_add(number - self.mean, self.squares);
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) const fn mean(&self) -> f64 {
        self.mean
    }

    #[expect(clippy::cast_precision_loss, reason = "samples are far below 2^53")]
    fn variance(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        self.squares / (self.count - 1) as f64
    }

    /// Standard error of the mean. One number says nothing about the spread: it is taken to be as
    /// large as the number.
    #[expect(clippy::cast_precision_loss, reason = "samples are far below 2^53")]
    fn error(&self) -> f64 {
        match self.count {
            0 => 0.0,
            1 => self.mean,
            count => (self.variance() / count as f64).sqrt(),
        }
    }
}

/// The files round the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Files {
    /// Indexes and modules, and what is there once.
    pub(super) metadata_bytes: u64,
    /// What each data file has beside records.
    pub(super) head_bytes: u64,
    /// How many there are, if that is known.
    pub(super) known: Option<u64>,
    /// How many there are at least, if there are records.
    pub(super) writers: u64,
    /// Bytes at which a file is closed; 0 = never.
    pub(super) limit: u64,
}

impl Files {
    /// Bytes of all files with records of so many stored bytes.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the heads of files are less than 1 % of them"
    )]
    fn with(&self, stored: f64) -> f64 {
        let guess = || match self.limit {
            _ if stored <= 0.0 => 0.0,
            0 => self.writers as f64,
            limit => (self.writers as f64).max((stored / limit as f64).ceil()),
        };
        let files = self.known.map_or_else(guess, |files| files as f64);
        files.mul_add(self.head_bytes as f64, self.metadata_bytes as f64) + stored
    }
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Sizes of the records as text.
    pub(super) sizes: Spread,
    /// Compressed size divided by the size of the text.
    pub(super) ratio: f64,
    /// Every record that is selected was read.
    pub(super) is_census: bool,
}

impl Estimate {
    /// The figures. `is_compressed`: the ratio depends on how records come together in files,
    /// which is another way each time.
    pub(super) fn new(count: Count, sample: &Sample, files: &Files, is_compressed: bool) -> Self {
        let Sample {
            sizes,
            ratio,
            is_census,
        } = *sample;
        let error = if is_census { 0.0 } else { sizes.error() };
        let is_exact = is_census && !is_compressed && files.known.is_some();
        let margin = if is_exact { 1.0 } else { MARGIN };
        let expected = count.records * sizes.mean * ratio;
        let bound = count.upper() * ratio * Z_TOTAL.mul_add(error, sizes.mean) * margin;
        Self {
            records: whole(count.records.round()),
            samples: sizes.count,
            record_bytes: sizes.mean,
            record_bound_bytes: Z_RECORD.mul_add(error, sizes.mean),
            compression_ratio: ratio,
            bytes: whole(files.with(expected).round()),
            bound_bytes: whole(files.with(bound).round()),
            is_exact,
        }
    }
}

/// A number that is known to be whole and not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests;
