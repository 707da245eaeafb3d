//! The one filter that a selection makes of all its conditions (`behaviour.md` §2.8).

use super::Selection;
use aerospike_wire::expression::Filter;

/// The parts in the order of the Go tool, all of which must hold: no transaction monitors, one
/// of several sets, the user's expression, the time window, no TTL. One set alone is named in
/// the request instead.
///
/// An expression that is no msgpack is left out: [`Selection::check`] refuses it.
pub(super) fn compose(selection: &Selection) -> Vec<u8> {
    let user = &selection.filter_expression;
    let parts = [
        Some(Filter::no_monitors()),
        several_sets(selection),
        Some(user)
            .filter(|bytes| !bytes.is_empty())
            .and_then(|bytes| Filter::raw(bytes)),
        window(selection),
        selection.no_ttl_only.then(Filter::never_expires),
    ];
    Filter::all(parts.into_iter().flatten()).map_or_else(Vec::new, Filter::into_bytes)
}

/// The set for the request.
pub(super) fn single_set(selection: &Selection) -> Option<Vec<u8>> {
    match selection.sets.as_slice() {
        [name] => Some(name.as_bytes().to_vec()),
        _ => None,
    }
}

fn several_sets(selection: &Selection) -> Option<Filter> {
    if selection.sets.len() < 2 {
        return None;
    }
    Filter::any_set(selection.sets.iter().map(String::as_bytes))
}

fn window(selection: &Selection) -> Option<Filter> {
    let after = selection.modified_after.map(Filter::modified_since);
    let before = selection.modified_before.map(Filter::modified_before);
    Filter::all([after, before].into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONITOR: &str = "93 02 91 46 a9 03 3c 45 52 4f 7e 4d 52 54";
    const AFTER: &str = "93 04 91 42 d3 18 86 72 51 ed fa 00 00";
    const BEFORE: &str = "93 05 91 42 d3 18 86 72 51 ed fa 00 01";
    const NEVER: &str = "93 01 91 45 ff";

    fn hex(text: &str) -> Vec<u8> {
        let bytes = text.split_whitespace();
        bytes
            .map(|byte| u8::from_str_radix(byte, 16).expect("hex"))
            .collect()
    }

    #[test]
    fn bytes_of_the_specification() {
        let check = |selection: &Selection, bytes: &str| {
            assert_eq!(compose(selection), hex(bytes), "{selection:?}");
        };
        let all = Selection::default();
        check(&all, MONITOR);
        let sets = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        check(
            &Selection {
                sets: sets(&["s1"]),
                ..all.clone()
            },
            MONITOR,
        );
        check(
            &Selection {
                sets: sets(&["s1", "s2"]),
                ..all.clone()
            },
            &format!("93 10 {MONITOR} 93 11 93 01 91 46 a3 03 73 31 93 01 91 46 a3 03 73 32"),
        );
        let at = 0x1886_7251_edfa_0000;
        let after = Selection {
            modified_after: Some(at),
            ..all
        };
        check(&after, &format!("93 10 {MONITOR} {AFTER}"));
        let both = Selection {
            modified_before: Some(at + 1),
            ..after
        };
        check(&both, &format!("93 10 {MONITOR} 93 10 {AFTER} {BEFORE}"));
        let user = Selection {
            filter_expression: hex("93 05 93 51 02 a1 6e 0a"),
            no_ttl_only: true,
            ..both
        };
        check(
            &user,
            &format!("95 10 {MONITOR} 93 05 93 51 02 a1 6e 0a 93 10 {AFTER} {BEFORE} {NEVER}"),
        );
    }
}
