//! Numbers with limits that clap's own ranges cannot express.

/// Largest factor: one that is larger means nothing to a pause.
const LARGEST_FACTOR: f64 = 1e6;

/// A number that is not 0.
pub(super) fn at_least_one(typed: &str) -> Result<usize, String> {
    let number = typed.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "a number from 1 on is needed".to_owned())
}

/// A factor by which pauses grow: 1 to a million.
pub(super) fn factor(typed: &str) -> Result<f64, String> {
    match typed.parse::<f64>() {
        Ok(factor) if (1.0..=LARGEST_FACTOR).contains(&factor) => Ok(factor),
        Ok(factor) if factor > LARGEST_FACTOR => Err("that is more than a million".to_owned()),
        Ok(_) => Err(format!("{typed} is less than 1, or no number")),
        Err(_) => Err(format!("{typed:?} is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors() {
        assert_eq!(factor("1"), Ok(1.0));
        assert_eq!(factor("2.5"), Ok(2.5));
        assert_eq!(factor("1e6"), Ok(1e6));
        for wrong in ["0.5", "0", "-1", "NaN", "inf", "1000001", "", "x"] {
            assert!(factor(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(at_least_one("7"), Ok(7));
        for wrong in ["0", "-1", "1.5", "", "x"] {
            assert!(at_least_one(wrong).is_err(), "{wrong}");
        }
    }
}
