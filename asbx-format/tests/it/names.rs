//! Names, numbers and the spread over writers.

use asbx_format::{BadName, FileName, Irregularity, sequences, writer_of};

#[test]
fn names_are_taken_apart_from_both_ends() {
    let check = |text: &str, worker, namespace, number| {
        let name = FileName {
            worker,
            namespace,
            number,
        };
        assert_eq!(FileName::parse(text), Ok(name), "{text}");
        assert_eq!(name.to_string(), text);
    };
    check("0_test_1.asbx", 0, "test", 1);
    check("12_a_b_c_345.asbx", 12, "a_b_c", 345);
    check("0___1.asbx", 0, "_", 1);
    for bad in [
        "backup.asbx",
        "0_test_1.asb",
        "0_test_1.ASBX",
        "0_1.asbx",
        "0__1.asbx",
        "x_test_1.asbx",
        "0_test_+1.asbx",
        "+0_test_1.asbx",
        "-1_test_1.asbx",
        "0_test_.asbx",
        "_test_1.asbx",
        "4294967296_test_1.asbx",
        "0_test_18446744073709551616.asbx",
    ] {
        assert_eq!(FileName::parse(bad), Err(BadName), "{bad}");
    }
    assert!(FileName::is_asbx("backup.asbx") && !FileName::is_asbx("metadata_test_1.asb"));
}

#[test]
fn ten_comes_after_nine() {
    let name = |number| FileName {
        worker: 0,
        namespace: "test",
        number,
    };
    let sorted = sequences([(name(10), 'b'), (name(9), 'a'), (name(11), 'c')]);
    assert_eq!(sorted[0].files, [(9, 'a'), (10, 'b'), (11, 'c')]);
}

#[test]
fn gaps_and_repetitions_are_told() {
    use Irregularity::{Gap, Twice};
    assert_eq!(Irregularity::find([3, 1, 2]), []);
    assert_eq!(Irregularity::find([]), []);
    assert_eq!(
        Irregularity::find([2, 6, 2, 2]),
        [Gap(1, 1), Twice(2), Gap(3, 5)]
    );
}

#[test]
fn a_writer_is_there_for_every_partition() {
    for writers in 0..=1024 {
        let mut last = 0;
        for partition in 0..4096 {
            let writer = writer_of(partition, writers);
            assert!(writer >= last && writer < writers.max(1), "{writers}");
            last = writer;
        }
        assert_eq!(
            last,
            writers.max(1) - 1,
            "{writers}: some writer gets nothing"
        );
    }
    // Where the established tool does not fail, its choice.
    assert_eq!(writer_of(1365, 3), 1);
    assert_eq!(writer_of(4095, 3), 2);
    assert_eq!(writer_of(2047, 4), 1);
}
