//! Composed filters, pinned to the bytes that the tools of others send (`behaviour.md` §2.8,
//! `expressions.md` §6, `wire-scan.md` §7).

use crate::capture::hex;
use aerospike_wire::expression::Filter;

const MONITOR: &str = "93 02 91 46 a9 03 3c 45 52 4f 7e 4d 52 54";
const NEVER: &str = "93 01 91 45 ff";
const USER: &str = "93 05 93 51 02 a1 6e 0a";

fn window(after: i64, before: i64) -> Filter {
    let bounds = [
        Filter::modified_since(after),
        Filter::modified_before(before),
    ];
    Filter::all(bounds).unwrap()
}

#[test]
fn single_parts() {
    let check = |filter: Filter, bytes: &str| assert_eq!(filter.into_bytes(), hex(bytes));
    check(Filter::no_monitors(), MONITOR);
    check(Filter::never_expires(), NEVER);
    check(
        Filter::modified_since(0x1886_7251_edfa_0000),
        "93 04 91 42 d3 18 86 72 51 ed fa 00 00",
    );
    check(
        Filter::modified_before(-1),
        "93 05 91 42 d3 ff ff ff ff ff ff ff ff",
    );
    check(
        window(1_704_067_200_000_000_000, 1_735_689_600_000_000_000),
        "93 10 93 04 91 42 d3 17 a6 10 17 01 65 00 00 93 05 91 42 d3 18 16 68 7e c0 57 00 00",
    );
    check(Filter::raw(&hex(USER)).unwrap(), USER);
}

#[test]
fn sets() {
    let check = |names: &[&[u8]], bytes: &str| {
        let filter = Filter::any_set(names.iter().copied()).unwrap();
        assert_eq!(filter.into_bytes(), hex(bytes));
    };
    check(&[b"s1"], "93 01 91 46 a3 03 73 31");
    check(
        &[b"s1", b"s2"],
        "93 11 93 01 91 46 a3 03 73 31 93 01 91 46 a3 03 73 32",
    );
    assert_eq!(Filter::any_set([]), None);
    // str8 from 31 bytes of name on: the type byte counts.
    let head = |length: usize| {
        let name = vec![b'x'; length];
        Filter::any_set([name.as_slice()]).unwrap().into_bytes()[4..7].to_vec()
    };
    assert_eq!(head(30), hex("bf 03 78"));
    assert_eq!(head(31), hex("d9 20 03"));
    assert_eq!(head(63), hex("d9 40 03"));
}

#[test]
fn long_lists_take_the_wide_form() {
    let names: Vec<Vec<u8>> = (0..15u8).map(|n| vec![b'a' + n]).collect();
    let of = |count: usize| Filter::any_set(names.iter().take(count).map(Vec::as_slice)).unwrap();
    assert_eq!(of(14).as_bytes()[..2], hex("9f 11"));
    assert_eq!(of(15).as_bytes()[..4], hex("dc 00 10 11"));
}

#[test]
fn parts_are_joined_as_the_go_tool_does() {
    let check = |parts: Vec<Filter>, bytes: &str| {
        assert_eq!(Filter::all(parts).unwrap().into_bytes(), hex(bytes));
    };
    let monitor = Filter::no_monitors;
    check(vec![monitor()], MONITOR);
    check(
        vec![monitor(), Filter::never_expires()],
        &format!("93 10 {MONITOR} {NEVER}"),
    );
    let user = Filter::raw(&hex(USER)).unwrap();
    let (after, before) = (0x1886_7251_edfa_0000, 0x1886_7251_edfa_0001);
    check(
        vec![
            monitor(),
            user,
            window(after, before),
            Filter::never_expires(),
        ],
        &format!(
            "95 10 {MONITOR} {USER} 93 10 93 04 91 42 d3 18 86 72 51 ed fa 00 00 \
             93 05 91 42 d3 18 86 72 51 ed fa 00 01 {NEVER}"
        ),
    );
    assert_eq!(Filter::all([]), None);
}

#[test]
fn only_one_whole_value_is_taken() {
    let taken = |bytes: &str| Filter::raw(&hex(bytes)).is_some();
    for whole in [
        "c3",
        USER,
        "94 07 01 a8 5e 73 28 31 7c 33 29 24 91 46",
        "92 7e 92 a3 03 73 31 a3 03 73 33",
        "93 01 93 51 07 a1 66 cb 3f e0 00 00 00 00 00 00",
        "81 01 02",
        "dc 00 02 10 c3",
        "dd 00 00 00 01 c4 02 00 00",
        "d9 01 03",
        "c7 01 05 00",
        "d8 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        "90",
    ] {
        assert!(taken(whole), "{whole}");
        assert!(!taken(&format!("{whole} 00")), "{whole} and more");
        let bytes = hex(whole);
        for cut in 0..bytes.len() {
            assert_eq!(Filter::raw(&bytes[..cut]), None, "{whole} cut at {cut}");
        }
    }
    assert!(!taken("c1"));
    assert!(!taken("dd ff ff ff ff"));
    assert!(!taken("df ff ff ff ff c0"));
    assert!(!taken("db ff ff ff ff 00"));
}
