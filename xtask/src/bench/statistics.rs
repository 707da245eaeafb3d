//! The middle of a few runs.

use std::time::Duration;

use super::child::Usage;

/// The middle one of the values; the lower middle of an even number. Zero of none.
pub(crate) fn median(values: impl IntoIterator<Item = Duration>) -> Duration {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort();
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or_default()
}

/// Medians of the times, and the largest peak: a memory bound holds always or not at all.
pub(crate) fn median_usage(usages: &[Usage]) -> Usage {
    Usage {
        wall: median(usages.iter().map(|usage| usage.wall)),
        user: median(usages.iter().map(|usage| usage.user)),
        system: median(usages.iter().map(|usage| usage.system)),
        peak_bytes: usages
            .iter()
            .map(|usage| usage.peak_bytes)
            .max()
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::median;

    #[test]
    fn takes_the_middle() {
        let seconds = |values: &[u64]| median(values.iter().copied().map(Duration::from_secs));
        assert_eq!(seconds(&[3, 9, 1]), Duration::from_secs(3));
        assert_eq!(seconds(&[4, 2]), Duration::from_secs(2));
        assert_eq!(seconds(&[]), Duration::ZERO);
    }
}
