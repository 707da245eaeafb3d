//! Durations as Go prints them, which is how the reference tool reports them.

use std::time::Duration;

/// `duration` as `1h2m3.5s`, `1.5s`, `78.107212ms`, `3.2µs` or `0s`.
pub(super) fn go(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => with_unit(nanos, 3, "µs"),
        1_000_000..1_000_000_000 => with_unit(nanos, 6, "ms"),
        _ => long(duration),
    }
}

fn long(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    let rest = duration.saturating_sub(Duration::from_secs(minutes * 60));
    let seconds = with_unit(rest.as_nanos(), 9, "s");
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// `nanos` divided by `10^decimals`, without zeros at the end.
fn with_unit(nanos: u128, decimals: u32, unit: &str) -> String {
    let divisor = 10u128.pow(decimals);
    let width = decimals as usize;
    let number = format!("{}.{:0width$}", nanos / divisor, nanos % divisor);
    format!(
        "{}{unit}",
        number.trim_end_matches('0').trim_end_matches('.')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_in_go() {
        let check = |nanos, expected| assert_eq!(go(Duration::from_nanos(nanos)), expected);
        check(0, "0s");
        check(1, "1ns");
        check(1_100, "1.1µs");
        check(78_107_212, "78.107212ms");
        check(100_000_000, "100ms");
        check(1_500_000_000, "1.5s");
        check(10_000_000_000, "10s");
        check(13_966_177_133, "13.966177133s");
        check(60_000_000_000, "1m0s");
        check(62_500_000_000, "1m2.5s");
        check(3_600_000_000_000, "1h0m0s");
        check(90_061_000_000_001, "25h1m1.000000001s");
    }
}
