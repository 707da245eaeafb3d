use super::*;

fn spread(numbers: &[f64]) -> Spread {
    let mut spread = Spread::default();
    numbers.iter().for_each(|number| spread.add(*number));
    spread
}

fn near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= expected.abs() * 1e-9,
        "{found} instead of {expected}"
    );
}

const FILES: Files = Files {
    metadata_bytes: 100,
    head_bytes: 40,
    known: None,
    writers: 4,
    limit: 0,
};

const fn sample(sizes: Spread, is_census: bool) -> Sample {
    Sample {
        sizes,
        ratio: 1.0,
        is_census,
    }
}

#[test]
fn mean_and_standard_error() {
    let numbers = spread(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
    assert_eq!(numbers.count(), 8);
    near(numbers.mean(), 5.0);
    near(numbers.variance(), 32.0 / 7.0);
    near(numbers.error(), (4.0f64 / 7.0).sqrt());
    near(spread(&[3.0]).error(), 3.0);
    near(spread(&[]).error(), 0.0);
    near(spread(&[3.0, 3.0]).error(), 0.0);
}

#[test]
fn formulas_of_the_specification() {
    let sizes = spread(&[100.0, 200.0, 300.0]);
    let error = 100.0 / 3f64.sqrt();
    let count = Count {
        records: 1000.0,
        error: 10.0,
    };
    let mut half = sample(sizes, false);
    half.ratio = 0.5;
    let found = Estimate::new(count, &half, &FILES, true);
    let heads = 100.0 + 4.0 * 40.0;
    let bound = heads + (1000.0 + 3.09 * 10.0) * 0.5 * 3.09f64.mul_add(error, 200.0) * 1.01;
    assert_eq!((found.records, found.samples), (1000, 3));
    near(found.record_bytes, 200.0);
    near(found.record_bound_bytes, 4.75f64.mul_add(error, 200.0));
    assert_eq!(found.bytes, 100_260);
    assert_eq!(found.bound_bytes, whole(bound.round()));
    assert!(!found.is_exact);
}

#[test]
fn a_census_is_exact_unless_compressed_or_in_an_unknown_number_of_files() {
    let all = sample(spread(&[100.0, 200.0]), true);
    let known = Files {
        known: Some(2),
        ..FILES
    };
    let count = Count::known(2);
    let found = Estimate::new(count, &all, &known, false);
    assert!(found.is_exact);
    assert_eq!((found.bytes, found.bound_bytes), (480, 480));
    near(found.record_bound_bytes, 150.0);
    for (files, is_compressed) in [(known, true), (FILES, false)] {
        let found = Estimate::new(count, &all, &files, is_compressed);
        assert!(!found.is_exact);
        assert!(found.bound_bytes > found.bytes);
    }
}

#[test]
fn nothing_takes_no_more_than_the_metadata() {
    let found = Estimate::new(Count::known(0), &sample(spread(&[]), true), &FILES, false);
    assert_eq!(
        (found.bytes, found.bound_bytes, found.records),
        (100, 100, 0)
    );
    near(found.record_bytes, 0.0);
}

#[test]
fn files_are_as_many_as_writers_or_as_the_limit_wants() {
    let check = |stored, limit, files: u32| {
        let found = Files { limit, ..FILES }.with(stored);
        near(found, 40f64.mul_add(f64::from(files), 100.0) + stored);
    };
    check(0.0, 1000, 0);
    check(1.0, 1000, 4);
    check(4000.0, 1000, 4);
    check(4001.0, 1000, 5);
    check(1e9, 0, 4);
}

#[test]
fn a_count_of_some_partitions_is_scaled() {
    let exact = Count::scaled(&[3, 4, 5], 3);
    near(exact.records, 12.0);
    near(exact.error, 0.0);
    let half = Count::scaled(&[10, 10, 10, 10], 8);
    near(half.records, 80.0);
    near(half.error, 2.0 * (45.0f64 / 2.0).sqrt()); // that of a Poisson count
    let wide = Count::scaled(&[0, 20, 0, 20], 8);
    near(wide.error, 2.0 * (4.0 * (400.0 / 3.0) / 2.0f64).sqrt());
    let none = Count::scaled(&[0; 64], 4096);
    near(none.records, 0.0);
    assert!(none.upper() > 300.0, "there may still be some: {none:?}");
}

#[test]
fn a_limit_of_records_ends_both_number_and_bound() {
    let count = Count {
        records: 100.0,
        error: 10.0,
    };
    near(count.at_most(1000.0).upper(), count.upper());
    let cut = count.at_most(110.0);
    near(cut.records, 100.0);
    near(cut.upper(), 110.0);
    let cut = count.at_most(50.0);
    near(cut.records, 50.0);
    near(cut.upper(), 50.0);
}
