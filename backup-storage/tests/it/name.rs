//! What a name says.

use backup_storage::name::{check, check_final, final_of, is_backup_file, part_of};

#[test]
fn backup_files_end_in_asb_after_something() {
    let yes = [
        "a.asb",
        "0_my_ns_1.asb",
        "..asb",
        ".asb.asb",
        "a.asbx",
        "\u{fc}.asb",
    ];
    let no = [
        ".asb",
        ".asbx",
        "asb",
        "a.asb.part",
        "a.ASB",
        "a.asb ",
        "a.asb.state",
        "",
    ];
    assert_eq!(yes.map(is_backup_file), [true; 6]);
    assert_eq!(no.map(is_backup_file), [false; 8]);
}

#[test]
fn part_names_lead_back_to_final_names() {
    assert_eq!(part_of("a.asb"), "a.asb.part");
    assert_eq!(final_of("a.asb.part"), Some("a.asb"));
    for name in ["a.asb", ".part", "part", "a.part.asb"] {
        assert_eq!(final_of(name), None, "{name}");
    }
}

#[test]
fn impossible_names() {
    for name in ["", ".", "..", "/", "a/b", "a\0"] {
        check(name).unwrap_err();
    }
    for name in ["...", "a b", ".part", "-", "\u{fffd}", "a\\b"] {
        check(name).unwrap();
    }
    check_final("a.asb").unwrap();
    check_final("a.asb.part").unwrap_err();
    check_final(".part").unwrap_err();
}
