//! Points in time as they are typed (`cli.md` §6): three formats, in local time.

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};
use std::env;

/// Which end of a window is meant. It decides when a local time occurs twice, which happens when
/// clocks are set back: the window is then the longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// The beginning.
    After,
    /// The end.
    Before,
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Nanoseconds since 1970 UTC.
    pub(super) nanoseconds: i64,
    /// Given as a time of today that is yet to come.
    pub(super) is_later_today: bool,
}

/// The present, in the time zone of the system. Where none is configured it is UTC, as for the C
/// library.
pub(super) fn now() -> Result<Zoned, String> {
    let is_set = env::var_os("TZ").is_some_and(|name| !name.is_empty());
    let zone = match TimeZone::try_system() {
        Ok(zone) => zone,
        Err(error) if is_set => return Err(format!("the time zone in TZ is not known: {error}")),
        Err(_) => TimeZone::UTC,
    };
    Ok(Timestamp::now().to_zoned(zone))
}

/// Reads `YYYY-MM-DD_HH:MM:SS`, `YYYY-MM-DD` or `HH:MM:SS`, with `Z` or `±HH:MM` behind it or
/// not.
pub(super) fn parse(text: &str, bound: Bound, now: &Zoned) -> Result<Moment, String> {
    let unknown = || {
        format!(
            "unknown time format {text:?}: YYYY-MM-DD_HH:MM:SS, YYYY-MM-DD and HH:MM:SS are known"
        )
    };
    let (local, offset) = split_offset(text).ok_or_else(unknown)?;
    let zone = offset.map_or_else(|| now.time_zone().clone(), TimeZone::fixed);
    let today = now.with_time_zone(zone.clone()).date();
    let is_time_only = !local.contains('-');
    let at = civil(local, today).ok_or_else(unknown)?;
    let timestamp = resolve(at, bound, &zone, text)?;
    let nanoseconds = i64::try_from(timestamp.as_nanosecond())
        .map_err(|_| format!("{text}: years from 1678 to 2262 are possible"))?;
    Ok(Moment {
        nanoseconds,
        is_later_today: is_time_only && timestamp > now.timestamp(),
    })
}

fn resolve(at: DateTime, bound: Bound, zone: &TimeZone, text: &str) -> Result<Timestamp, String> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return Err(format!(
            "{text} does not exist in local time: the clocks are set forward then"
        ));
    }
    let chosen = match bound {
        Bound::After => ambiguous.earlier(),
        Bound::Before => ambiguous.later(),
    };
    chosen.map_err(|_| format!("{text} is out of range"))
}

/// Cuts `Z` or `±HH:MM` off.
fn split_offset(text: &str) -> Option<(&str, Option<Offset>)> {
    if let Some(local) = text.strip_suffix('Z') {
        return Some((local, Some(Offset::UTC)));
    }
    let Some((local, offset)) = text
        .len()
        .checked_sub(6)
        .and_then(|at| text.split_at_checked(at))
    else {
        return Some((text, None));
    };
    let sign = match offset.as_bytes() {
        [b'+', _, _, b':', ..] => 1,
        [b'-', _, _, b':', ..] => -1,
        _ => return Some((text, None)),
    };
    let [hours, minutes] = fields(&offset[1..], ':', [2, 2])?;
    let seconds = (hours * 60 + minutes) * 60;
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some((local, Some(Offset::from_seconds(sign * seconds).ok()?)))
}

fn civil(text: &str, today: Date) -> Option<DateTime> {
    match text.split_once('_') {
        Some((date, time)) => Some(date_of(date)?.to_datetime(time_of(time)?)),
        None if text.contains(':') => Some(today.to_datetime(time_of(text)?)),
        None => Some(date_of(text)?.to_datetime(Time::midnight())),
    }
}

fn date_of(text: &str) -> Option<Date> {
    let [year, month, day] = fields(text, '-', [4, 2, 2])?;
    let (year, month, day) = (
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    );
    Date::new(year, month, day).ok()
}

fn time_of(text: &str) -> Option<Time> {
    let [hour, minute, second] = fields(text, ':', [2, 2, 2])?;
    let (hour, minute) = (hour.try_into().ok()?, minute.try_into().ok()?);
    Time::new(hour, minute, second.try_into().ok()?, 0).ok()
}

/// Numbers of so many digits each.
fn fields<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i32; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = is_number.then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central Europe: an hour ahead of UTC, two from the last Sunday in March to that in
    /// October. It is 12:30 on 2026-06-15.
    fn now() -> Zoned {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("zone");
        let now: Timestamp = "2026-06-15T10:30:00Z".parse().expect("time");
        now.to_zoned(zone)
    }

    #[test]
    fn local_times() {
        let check = |text: &str, expected: &str| {
            let expected: Timestamp = expected.parse().expect("time");
            for bound in [Bound::After, Bound::Before] {
                let found = parse(text, bound, &now()).expect(text);
                let nanoseconds = i128::from(found.nanoseconds);
                assert_eq!(nanoseconds, expected.as_nanosecond(), "{text}");
            }
        };
        check("2026-01-02_03:04:05", "2026-01-02T02:04:05Z");
        check("2026-07-02_03:04:05", "2026-07-02T01:04:05Z");
        check("2026-01-02", "2026-01-01T23:00:00Z");
        check("2026-07-02", "2026-07-01T22:00:00Z");
        check("00:00:00", "2026-06-14T22:00:00Z");
        check("12:30:00", "2026-06-15T10:30:00Z");
        check("1969-12-31_23:59:59", "1969-12-31T22:59:59Z");
        check("2024-02-29", "2024-02-28T23:00:00Z");
        check("2026-01-02_03:04:05Z", "2026-01-02T03:04:05Z");
        check("2026-01-02Z", "2026-01-02T00:00:00Z");
        check("2026-01-02+05:30", "2026-01-01T18:30:00Z");
        check("2026-01-02_03:04:05-08:00", "2026-01-02T11:04:05Z");
        check("01:00:00Z", "2026-06-15T01:00:00Z");
        // It is the 16th already where clocks are 14 hours ahead.
        check("01:00:00+14:00", "2026-06-15T11:00:00Z");
    }

    #[test]
    fn a_time_that_occurs_twice_makes_the_window_longer() {
        let at = |bound| parse("2026-10-25_02:30:00", bound, &now()).expect("time");
        let hour = 3_600_000_000_000;
        let (first, second) = (at(Bound::After).nanoseconds, at(Bound::Before).nanoseconds);
        assert_eq!(second - first, hour);
        let expected: Timestamp = "2026-10-25T00:30:00Z".parse().expect("time");
        assert_eq!(i128::from(first), expected.as_nanosecond());
    }

    #[test]
    fn a_time_of_today_may_be_yet_to_come() {
        let later = |text| {
            parse(text, Bound::After, &now())
                .expect(text)
                .is_later_today
        };
        assert!(later("12:30:01") && !later("12:30:00"));
        assert!(!later("2027-01-01_00:00:00"), "said in full");
    }

    #[test]
    fn no_times() {
        let check = |text: &str, part: &str| {
            let refused = parse(text, Bound::After, &now()).expect_err(text);
            assert!(refused.contains(part), "{text}: {refused}");
        };
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-1-1",
            "26-01-01",
            "2026-01-01 10:00:00",
            "2026-01-01T10:00:00",
            "2026-01-01_10:00",
            "10:00",
            "24:00:00",
            "10:60:00",
            "10:00:60",
            "2026-01-01_",
            "_10:00:00",
            "2026-01-01_10:00:00z",
            "2026-01-01_10:00:00+5:00",
            "2026-01-01_10:00:00+25:00",
            "2026-01-01_10:00:00+01:60",
            "+2026-01-01",
            " 10:00:00",
            "1767225600",
            "Z",
            "2026-01-01é",
        ] {
            check(text, "unknown time format");
        }
        check("2026-03-29_02:30:00", "does not exist in local time");
        check("2300-01-01", "years from 1678 to 2262");
    }
}
