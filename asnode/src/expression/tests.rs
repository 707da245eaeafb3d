//! Values of expressions on one record, refusals, and what hostile bytes do: nothing.

use super::{BadFilter, Expression, Subject, parse};
use crate::build::DEFAULT_BUILD;
use crate::msgpack::hex;
use crate::record::{Bin, Draft, StoredRecord};
use proptest::prelude::*;
use std::borrow::Cow;

const DIGEST: [u8; 20] = [7; 20];

/// Last update and now, milliseconds since the CL epoch.
const LUT_MS: u64 = 1_000_000;
const NOW_MS: u64 = 1_500_000;

/// Set `s`, key 5, expires 500 s from now, one bin of each type under a name of one letter.
fn record() -> StoredRecord {
    let bins: [(&str, u8, &str); 9] = [
        ("i", 1, "00000000 0000000c"),
        ("f", 2, "3ff8000000000000"),
        ("s", 3, "61 62"),
        ("b", 4, "00 ff"),
        ("t", 17, "01"),
        ("m", 19, "82 c7 00 01 c0 01 02"),
        ("u", 19, "81 01 02"),
        ("l", 20, "93 01 a2 03 61 c0"),
        ("g", 23, "000001 0000000000000009 7b7d"),
    ];
    let bins: Vec<_> = bins
        .iter()
        .map(|(name, particle, value)| Bin {
            name: Cow::Borrowed(name.as_bytes()),
            particle: *particle,
            value: Cow::Owned(hex(value)),
        })
        .collect();
    let draft = Draft {
        set: b"s",
        key: Some(&[1, 0, 0, 0, 0, 0, 0, 0, 5]),
        generation: 1,
        void_time: 2000,
        lut_ms: LUT_MS,
        bins: &bins,
    };
    draft.build()
}

fn parse_filter(bytes: &[u8]) -> Result<Expression, BadFilter> {
    Expression::parse(bytes, DEFAULT_BUILD)
}

/// Whether the record passes; `None`: the filter is refused.
fn passes(filter: &[u8]) -> Option<bool> {
    let record = record();
    let subject = Subject {
        digest: &DIGEST,
        record: &record,
        now_ms: NOW_MS,
    };
    parse_filter(filter)
        .ok()
        .map(|filter| filter.matches(subject))
}

/// The truth of a bool expression: `Some(None)` is unknown.
fn truth(filter: &str) -> Option<Option<bool>> {
    let bytes = hex(filter);
    let is_false = [&[0x92, 18][..], &bytes].concat();
    Some(match (passes(&bytes)?, passes(&is_false)?) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    })
}

/// Expressions that are equal.
fn equal(table: &[(&str, &str)]) {
    for (left, right) in table {
        let found = truth(&format!("9301 {left} {right}"));
        assert_eq!(found, Some(Some(true)), "{left} = {right}");
    }
}

fn all_are(expected: Option<Option<bool>>, filters: &[&str]) {
    for filter in filters {
        assert_eq!(truth(filter), expected, "{filter}");
    }
}

const TRUE: Option<Option<bool>> = Some(Some(true));
const FALSE: Option<Option<bool>> = Some(Some(false));
const UNKNOWN: Option<Option<bool>> = Some(None);
const REFUSED: Option<Option<bool>> = None;

#[test]
fn logic_has_three_values() {
    let (t, f, u) = ("c3", "c2", "9100");
    let name = |text: &str| match text {
        "c3" => Some(true),
        "c2" => Some(false),
        _ => None,
    };
    for a in [t, f, u] {
        assert_eq!(truth(&format!("9212{a}")), Some(name(a).map(|v| !v)));
        for b in [t, f, u] {
            let (x, y) = (name(a), name(b));
            let and = match (x, y) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            let or = match (x, y) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
            let exclusive = x.zip(y).map(|(x, y)| x != y);
            assert_eq!(truth(&format!("9310{a}{b}")), Some(and), "and {a} {b}");
            assert_eq!(truth(&format!("9311{a}{b}")), Some(or), "or {a} {b}");
            assert_eq!(
                truth(&format!("9313{a}{b}")),
                Some(exclusive),
                "exclusive {a} {b}"
            );
            let equal = x.zip(y).map(|(x, y)| x == y);
            assert_eq!(truth(&format!("9301{a}{b}")), Some(equal), "equal {a} {b}");
        }
    }
    all_are(FALSE, &["9413c3c39100", "9413c3c3c3", "9413c2c2c2"]);
    all_are(UNKNOWN, &["9413c391 00c3", "9410c3c39100", "9411c2c29100"]);
    all_are(TRUE, &["9413c2c3c2"]);
}

#[test]
fn values_compare_within_their_type() {
    all_are(
        TRUE,
        &[
            "9305 ff 00",
            "9301 cfffffffffffffffff ff", // 2^64 - 1 wraps
            "9305 d38000000000000000 cf7fffffffffffffff",
            "9301 c0 c0",
            "9304 c0 c0",
            "9306 c0 c0",
            "9305 c2 c3",
            "9305 a303 6162 a403 616263",
            "9303 a2 04ff a3 040000",
            "9301 ca3f800000 cb3ff0000000000000",
            "9302 cb7ff8000000000000 cb7ff8000000000000", // NaN
            "9301 927e 9101 927e 9101",
            "9305 927e 9101 927e 920100",
            "9301 927e 92c7000101 927e 9101",
            "9301 82c70001c00102 82c70001c00102",
            "9302 82c70001c00102 82c70001c00103",
        ],
    );
    all_are(
        FALSE,
        &[
            "9301 cb7ff8000000000000 cb7ff8000000000000",
            "9303 cb7ff8000000000000 cb0000000000000000",
            "9303 c0 c0",
        ],
    );
    all_are(
        UNKNOWN,
        &["9301 810102 810102", "9301 80 80", "9301 927e9180 927e9180"],
    );
    all_are(
        REFUSED,
        &[
            "9301 01 ca3f800000", // int and float
            "9301 c0 00",
            "9301 00 c2",
            "9301 a20361 a20461",
            "9301 a2177b a2177b", // geojson
            "9301 a21200 a21200", // HLL
            "9301 927e90 80",
            "9301 9145 9100", // unknown is a bool
            "9401 01 01 01",
            "9201 01",
        ],
    );
}

#[test]
fn numbers() {
    equal(&[
        ("9414 01 02 03", "06"),
        ("9214 05", "05"),
        ("9314 cf7fffffffffffffff 01", "d38000000000000000"),
        ("9415 0a 01 02", "07"),
        ("9215 05", "fb"),
        ("9416 02 03 04", "18"),
        ("9417 cc64 05 02", "0a"),
        ("9317 f9 02", "fd"),
        ("9217 02", "00"),
        ("9217 cb4000000000000000", "cb3fe0000000000000"),
        ("9317 d38000000000000000 ff", "d38000000000000000"),
        (
            "9317 cb3ff0000000000000 cb0000000000000000",
            "cb7ff0000000000000",
        ),
        (
            "9318 cb4000000000000000 cb4008000000000000",
            "cb4020000000000000",
        ),
        (
            "9319 cb4020000000000000 cb4000000000000000",
            "cb4008000000000000",
        ),
        ("931a f9 03", "ff"),
        ("931a d38000000000000000 ff", "00"),
        ("921b f9", "07"),
        ("921b cbbff8000000000000", "cb3ff8000000000000"),
        ("921c cbbff8000000000000", "cbc000000000000000"),
        ("921d cbbff8000000000000", "cbbff0000000000000"),
        ("921e cbbff8000000000000", "ff"),
        ("921f fe", "cbc000000000000000"),
        ("9432 03 ff 02", "ff"),
        ("9433 03 ff 02", "03"),
        (
            "9332 cb3ff8000000000000 cb3ff0000000000000",
            "cb3ff0000000000000",
        ),
    ]);
    all_are(
        UNKNOWN,
        &[
            "9301 9317 01 00 00",
            "9301 9217 00 00",
            "9301 9417 01 00 05 00",
            "9301 931a 01 00 00",
            "9301 9314 01 9351 02a17a 00",
            "9301 9332 01 9351 02a17a 01",
        ],
    );
    all_are(
        REFUSED,
        &[
            "9301 9114 00",
            "9301 9314 01 ca3f800000 01",
            "9301 9314 c3 c3 c3",
            "9301 9318 02 03 08",
            "9301 921c 01 01",
            "9301 921e 01 01",
            "9301 921b c3 c3",
            "9301 941a 07 03 01 00",
        ],
    );
}

#[test]
fn bits() {
    equal(&[
        ("9420 0f 3c 0c", "0c"),
        ("9321 0c 03", "0f"),
        ("9322 0f 03", "0c"),
        ("9220 05", "05"),
        ("9223 00", "ff"),
        ("9324 01 3f", "d38000000000000000"),
        ("9325 ff 3f", "01"),
        ("9326 f8 01", "fc"),
        ("9227 ff", "40"),
        ("9328 01 c3", "3f"),
        ("9328 ff c2", "ff"),
        ("9328 00 c3", "ff"),
        ("9328 ff c3", "00"),
        ("9329 08 c3", "3c"),
        ("9329 07 c2", "3c"),
        ("9329 00 c3", "ff"),
    ]);
    all_are(
        REFUSED,
        &["9301 9328 01 01 3f", "9301 9120 00", "9301 9320 01 c3 01"],
    );
}

#[test]
fn metadata_key_and_bins() {
    equal(&[
        ("9142", "d3 11849bb5a3331000"),
        ("9143", "ce0007a120"), // half a million ms
        ("9145", "cd01f4"),
        ("9146", "a20373"),
        ("9147", "c3"),
        ("9148", "c2"),
        ("9149", "914a"),
        ("9141", "00"),
        ("9240 07", "9240 f9"),
        ("925002", "05"),
        ("935102a169", "0c"),
        ("935107a166", "cb3ff8000000000000"),
        ("935103a173", "a3036162"),
        ("935106a162", "a30400ff"),
        ("935101a174", "c3"),
        ("935104a16c", "927e9301a20361c0"),
        ("935105a16d", "82c70001c00102"),
        ("9252a167", "17"),
        ("9252a17a", "00"),
        ("9252a175", "9252a16d"),
    ]);
    all_are(
        UNKNOWN,
        &[
            "9301 925003 a103",           // key of another type
            "9301 935103a169 a103",       // bin of another type
            "9301 935102a17a 00",         // no such bin
            "9301 935100a169 c0",         // nothing stored is nil
            "9301 935105a175 935105a175", // unordered
        ],
    );
    all_are(
        REFUSED,
        &[
            "9301 925001 c3",
            "9301 925007 ca00000000",
            "9301 93510aa169 00",
            "9301 9351ffa169 00",
            "9302 9252b078787878787878787878787878787878 00",
            "9302 9252a26100 00", // NUL in a name
            "9301 92400000 00",
            "9301 9240cf0000000100000000 00", // 0 in 32 bits
            "9301 9240a101 00",
            "9301 924502 00",
        ],
    );
    assert_eq!(truth("9302 9252af787878787878787878787878787878 00"), FALSE);
}

#[test]
fn lists_contain_values() {
    all_are(
        TRUE,
        &[
            "930902 927e9301020 3",
            "9309c0 927e91c0",
            "9309c3 927e92c2c3",
            "9309ff 927e91cfffffffffffffffff",
            "9309cb3ff0000000000000 927e91ca3f800000",
            "9309a20361 935104a16c",
            "9309 927e9101 927e929101 02",
            "9309 935108a167 927e91a3177b7d", // text without cells
            "9309 82c70001c00102 927e9182c70001c00102",
        ],
    );
    all_are(
        FALSE,
        &[
            "930901 927e91ca3f800000",
            "9309a20361 927e91a20461",
            "930901 927e90",
            "930901 927e91c70001",
        ],
    );
    all_are(
        UNKNOWN,
        &[
            "9309 810102 927e91810102",
            "930901 935104a17a",
            "9309 935102a17a 927e9101",
        ],
    );
    all_are(
        REFUSED,
        &["930901 01", "930901 9101", "920901", "930901 927e9201"],
    );
}

#[test]
fn conditions_choose() {
    equal(&[
        ("947bc30102", "01"),
        ("947bc20102", "02"),
        ("967bc201c30203", "02"),
        ("947bc301 9100", "01"), // an unknown fits any type
        ("947bc2910002", "02"),
        ("947bc301 935102a17a", "01"), // what is not chosen is not evaluated
    ]);
    all_are(
        UNKNOWN,
        &[
            "9301 947b91000101 01",
            "9301 947bc2019100 01",
            "947bc391009100",
        ],
    );
    all_are(
        REFUSED,
        &[
            "937bc301",
            "957bc301c302",
            "9301 947bc301c2 01",
            "9301947b010101 01",
            "927b01",
        ],
    );
}

#[test]
fn variables_have_a_scope() {
    equal(&[
        ("947da178 05 927ca178", "05"),
        ("967da178 05 a179 9314 927ca178 01 927ca179", "06"),
        ("947da178 947da179 02 927ca179 927ca178", "02"), // y is free again
        ("9314 947da178 01 927ca178 947da178 02 927ca178", "03"),
        ("947da35f6131 01 927ca35f6131", "01"),
    ]);
    all_are(
        UNKNOWN,
        &[
            "947da178 9100 927ca178",
            "9301 947da178 935102a17a 927ca178 00",
        ],
    );
    assert_eq!(truth("947da178 935102a17a c3"), TRUE);
    all_are(
        REFUSED,
        &[
            "927ca178",
            "947da178 927ca178 c3",       // not visible in its own value
            "967da178 c3 a178 c3 c3",     // twice
            "947da178 c3 947da178 c3 c3", // twice, one scope in the other
            "9310 947da178 c3 927ca178 927ca178", // out of scope
            "957da178 c3 c3 c3",
            "937da178 c3",
            "947da131 c3 c3",
            "947da0 c3 c3",
            "947da1 2d c3 c3",
        ],
    );
}

#[test]
fn patterns_are_found() {
    all_are(
        TRUE,
        &[
            "940700a161 935103a173",
            "940701a35e61 62 935103a173",
            "940702a141 935103a173",
        ],
    );
    all_are(FALSE, &["940700a163 935103a173"]);
    all_are(UNKNOWN, &["940700a161 935103a17a"]);
    all_are(
        REFUSED,
        &[
            "940701a128 9146",
            "940701a161 01",
            "940701a161 a20461",
            "9407c3a161 9146",
            "94070101 9146",
            "930701a161",
        ],
    );
}

#[test]
fn malformed_filters_are_refused() {
    all_are(
        REFUSED,
        &[
            "",
            "90",
            "c0",
            "00",
            "a103",
            "a0",
            "80",
            "927e90",
            "9163",
            "9145",
            "91c3",
            "9190",
            "c300",
            "93019145",
            "9210c3",
            "9211c3",
            "9213c3",
            "9212",
            "9212c3c3",
            "92ccc8c3",
            "c1",
            "c70000",
            "920001",
            "dd7fffffff10",
            "930145a27331",
            "9301 9146 a27331",
            "928000",
            "9208",
            "936580",
            "947a0200",
            "957f02009110935104a16c",
            "9164",
        ],
    );
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [&[0x92, 18].repeat(depth)[..], &[0xc3]].concat();
    assert!(parse_filter(&nested(parse::MAX_DEPTH - 1)).is_ok());
    assert!(parse_filter(&nested(parse::MAX_DEPTH)).is_err());
    assert!(parse_filter(&nested(100_000)).is_err());
    assert!(parse_filter(&[0x91; 100_000]).is_err());
}

#[test]
fn patterns_are_counted() {
    let filter = |n: u16| {
        let head = [&[0xdc][..], &(n + 1).to_be_bytes(), &[17]].concat();
        [head, hex("940701a161 9146").repeat(usize::from(n))].concat()
    };
    let most = u16::try_from(parse::MAX_PATTERNS).unwrap();
    assert!(parse_filter(&filter(most)).is_ok());
    assert!(parse_filter(&filter(most + 1)).is_err());
}

/// A list of half a mebibyte, searched for what it has not, tens of thousands of times.
#[test]
fn work_is_bounded() {
    let zeros = 500_000u32;
    let list = [
        &[0x92, 126, 0xdd][..],
        &zeros.to_be_bytes(),
        &vec![0; 500_000],
    ]
    .concat();
    let n = 60_000u32;
    let search = hex("930901 927ca178").repeat(usize::try_from(n).unwrap());
    let or = [&[0xdd][..], &(n + 1).to_be_bytes(), &[17], &search].concat();
    let filter = [&[0x94, 125, 0xa1, b'x'][..], &list, &or].concat();
    assert!(filter.len() < 1 << 20);
    assert_eq!(passes(&filter), Some(false));
    let too_long = [&filter[..], &filter].concat();
    assert_eq!(passes(&too_long), None);
}

const SQUARE: &str = r#"{"type":"Polygon","coordinates":[
    [[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]}"#;
const FIJI: &str =
    r#"{"type":"Polygon","coordinates":[[[175,-20],[-175,-20],[-175,-10],[175,-10],[175,-20]]]}"#;
const ARCTIC: &str =
    r#"{"type":"Polygon","coordinates":[[[0,70],[90,70],[180,70],[-90,70],[0,70]]]}"#;
const ANTARCTIC: &str =
    r#"{"type":"Polygon","coordinates":[[[0,-70],[90,-70],[180,-70],[-90,-70],[0,-70]]]}"#;
const ISLANDS: &str = r#"{"type":"MultiPolygon","coordinates":[
    [[[0,0],[1,0],[1,1],[0,0]]],[[[20,0],[40,0],[40,10],[20,10],[20,0]]]]}"#;
const DISC: &str = r#"{"type":"AeroCircle","coordinates":[[179.9,0],50000]}"#;
const WRAPPED: &str = r#"{"type":"Feature","properties":{},
    "geometry":{"type":"AeroCircle","coordinates":[[0,89.9],50000]}}"#;

/// A GeoJSON literal.
fn geo(json: &str) -> String {
    let text: String = json.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("da{:04x}17{text}", json.len() + 1)
}

fn point(lng: f64, lat: f64) -> String {
    geo(&format!(
        r#"{{"type":"Point","coordinates":[{lng},{lat}]}}"#
    ))
}

#[test]
fn points_lie_in_regions() {
    let cases = [
        (SQUARE, 2.0, 5.0, true),
        (SQUARE, 5.0, 5.0, false), // in the hole
        (SQUARE, 5.0, 7.0, true),
        (SQUARE, 11.0, 5.0, false),
        (SQUARE, 5.0, 10.02, true), // the edge is a great circle
        (SQUARE, 5.0, 10.1, false),
        (SQUARE, -175.0, -5.0, false), // the antipodes
        (SQUARE, 0.0, 90.0, false),
        (FIJI, 178.0, -17.0, true),
        (FIJI, -178.0, -17.0, true),
        (FIJI, 180.0, -17.0, true),
        (FIJI, 0.0, -17.0, false),
        (FIJI, 170.0, -17.0, false),
        (ARCTIC, 45.0, 80.0, true),
        (ARCTIC, 0.0, 90.0, true),
        (ARCTIC, 45.0, 60.0, false),
        (ARCTIC, 45.0, -80.0, false),
        (ANTARCTIC, 45.0, -80.0, true),
        (ANTARCTIC, 45.0, 80.0, false),
        (ISLANDS, 0.7, 0.3, true),
        (ISLANDS, 30.0, 5.0, true),
        (ISLANDS, 10.0, 5.0, false),
        (DISC, 179.5, 0.0, true), // 44.5 km
        (DISC, -179.7, 0.0, true),
        (DISC, -179.6, 0.0, false),   // 55.6 km
        (WRAPPED, 180.0, 89.9, true), // 22 km over the pole
        (WRAPPED, 180.0, 89.0, false),
    ];
    for (region, lng, lat, expected) in cases {
        let (region, point) = (geo(region), point(lng, lat));
        for filter in [
            format!("9308{region}{point}"),
            format!("9308{point}{region}"),
        ] {
            assert_eq!(truth(&filter), Some(Some(expected)), "{lng} {lat} {filter}");
        }
    }
}

#[test]
fn places_are_compared_as_point_and_region() {
    let (a, square) = (point(2.0, 5.0), geo(SQUARE));
    let two_points = format!("9308{a}{a}");
    let two_regions = format!("9308{square}{square}");
    all_are(FALSE, &[&two_points, &two_regions]);
    let chosen = format!("9308{a} 947bc3{square}{a}");
    let named = format!("947da178{square}9308927ca178{a}");
    all_are(TRUE, &[&chosen, &named]);
    let no_place = format!("9308 935108a167 {a}"); // {}
    let no_bin = format!("9308 935108a17a {a}");
    all_are(UNKNOWN, &[&no_place, &no_bin]);
    let string = format!("9308{a} a20361");
    let string_bin = format!("9308 935103a173 {a}");
    let one = format!("9208{a}");
    let three = format!("9408{a}{a}{a}");
    all_are(REFUSED, &[&string, &string_bin, &one, &three]);
}

#[test]
fn literals_that_are_no_places_are_refused() {
    for bad in [
        "",
        "{",
        "[1,2]",
        r#"{"type":"Point"}"#,
        r#"{"type":"Point","coordinates":[1]}"#,
        r#"{"type":"Point","coordinates":["1","2"]}"#,
        r#"{"type":"Point","coordinates":[181,0]}"#,
        r#"{"type":"Point","coordinates":[0,-91]}"#,
        r#"{"type":"Point","coordinates":[1e999,0]}"#,
        r#"{"type":"Point","coordinates":[NaN,0]}"#,
        r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#,
        r#"{"type":"AeroCircle","coordinates":[[0,0],-1]}"#,
        r#"{"type":"Polygon","coordinates":[]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,0]]]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#,
        r#"{"type":"Feature","geometry":null}"#,
        &"[".repeat(10_000),
    ] {
        let filter = format!("9308{}{}", geo(bad), geo(SQUARE));
        assert_eq!(truth(&filter), REFUSED, "{bad}");
    }
}

/// A region of 8000 corners, compared ten thousand times.
#[test]
fn work_on_places_is_bounded() {
    let corners = "[1,1],".repeat(8_000);
    let region = format!(r#"{{"type":"Polygon","coordinates":[[{corners}[1,1]]]}}"#);
    let search = format!("9308 927ca178 {}", point(0.0, 0.0)).repeat(10_000);
    let any = format!("947da178{} dc271111 {search}", geo(&region));
    assert_eq!(truth(&any), UNKNOWN);
}

/// Bytes that look like expressions: codes, types and names that there are.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (0u8..=5).prop_map(|n| vec![0x90 | n]),
        (0u8..128).prop_map(|code| vec![code]),
        prop::sample::select(vec![
            "c3",
            "c2",
            "c0",
            "9100",
            "9145",
            "a20373",
            "a169",
            "a178",
            "927e9101",
            "80",
            "935102a169",
            "935108a167",
            "d92517 7b2274797065223a22506f696e74222c22636f6f7264696e61746573223a5b312c325d7d"
        ])
        .prop_map(hex),
        any::<Vec<u8>>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A well-typed expression on integers, and its value.
fn integers() -> impl Strategy<Value = (Vec<u8>, Option<i64>)> {
    let literal = any::<i64>().prop_map(|n| ([&[0xd3][..], &n.to_be_bytes()].concat(), Some(n)));
    let small = (-3i8..4).prop_map(|n| (vec![n.cast_unsigned()], Some(i64::from(n))));
    let bin = Just((hex("935102a169"), Some(12)));
    let missing = Just((hex("935102a17a"), None));
    let leaf = prop_oneof![literal, small, bin, missing];
    leaf.prop_recursive(6, 64, 2, |inner| {
        let codes = prop::sample::select(vec![20u8, 21, 22, 23, 26, 32, 33, 34, 50, 51]);
        (codes, inner.clone(), inner).prop_map(|(code, (a, x), (b, y))| {
            let bytes = [&[0x93, code][..], &a, &b].concat();
            (bytes, x.zip(y).and_then(|(x, y)| naive(code, x, y)))
        })
    })
}

fn naive(code: u8, x: i64, y: i64) -> Option<i64> {
    match code {
        20 => Some(x.wrapping_add(y)),
        21 => Some(x.wrapping_sub(y)),
        22 => Some(x.wrapping_mul(y)),
        23 if y == -1 => Some(x.wrapping_neg()),
        23 => x.checked_div(y),
        26 if y == -1 => Some(0),
        26 => x.checked_rem(y),
        32 => Some(x & y),
        33 => Some(x | y),
        34 => Some(x ^ y),
        50 => Some(x.min(y)),
        _ => Some(x.max(y)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn no_bytes_panic(bytes in prop_oneof![any::<Vec<u8>>(), fragments()]) {
        let _outcome = passes(&bytes);
    }

    #[test]
    fn integers_have_the_value_of_a_naive_evaluator((bytes, expected) in integers()) {
        let wanted = expected.unwrap_or(0).to_be_bytes();
        let filter = [&[0x93, 1][..], &bytes, &[0xd3], &wanted].concat();
        prop_assert_eq!(passes(&filter), Some(expected.is_some()));
    }
}
