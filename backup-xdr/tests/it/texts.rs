//! The texts of the commands, against those that the established tool was recorded with.

use backup_xdr::{
    commands::{self, DcName, Progress, Rewind, Shipment},
    error::Error,
};

fn shipment() -> Shipment {
    Shipment {
        dc: DcName::new("dc").unwrap(),
        namespace: "test".to_owned(),
        address: "127.0.0.1:6290".to_owned(),
        tls_name: None,
        rewind: Rewind::All,
        max_throughput: 500,
        forward: true,
    }
}

#[test]
fn commands_are_those_of_the_recorded_run() {
    let recorded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../aerospike-wire/tests/data/xdr/xdr-info.req.bin"
    );
    let recorded = std::fs::read(recorded).unwrap();
    let mut found = Vec::new();
    let mut rest = &recorded[..];
    while !rest.is_empty() {
        let len = 8 + usize::from(u16::from_be_bytes([rest[6], rest[7]]));
        let (frame, behind) = rest.split_at(len);
        let text = std::str::from_utf8(&frame[8..]).unwrap();
        found.extend(
            text.lines()
                .filter(|line| line.contains("xdr") || line.contains("mrt")),
        );
        rest = behind;
    }
    let shipment = shipment();
    let mut expected = shipment.start();
    let statistics = shipment.statistics();
    expected.push(statistics.clone());
    expected.push(commands::block_transactions("test", true));
    expected.extend([statistics.clone(), statistics]);
    expected.push(commands::block_transactions("test", false));
    expected.push(commands::delete(&shipment.dc));
    assert_eq!(found, expected);
}

#[test]
fn what_is_not_asked_for_is_not_said() {
    let shipment = Shipment {
        max_throughput: 0,
        forward: false,
        rewind: Rewind::Seconds(60),
        tls_name: Some("backup".to_owned()),
        ..shipment()
    };
    let head = "set-config:context=xdr;dc=dc;";
    let commands = shipment.start();
    let tails: Vec<_> = commands
        .iter()
        .map(|c| c.strip_prefix(head).unwrap())
        .collect();
    assert_eq!(
        tails,
        [
            "action=create",
            "connector=true",
            "tls-name=backup",
            "node-address-port=127.0.0.1:6290;action=add",
            "namespace=test;action=add;rewind=60",
        ]
    );
}

#[test]
fn names_of_data_centres_are_checked() {
    assert!(DcName::new("a-b_c$9").is_some());
    assert!(DcName::new(&"n".repeat(31)).is_some());
    for bad in ["", "a b", "a;b", "ä", &"n".repeat(32)] {
        assert!(DcName::new(bad).is_none(), "{bad}");
    }
}

#[test]
fn figures_are_read_in_both_forms() {
    let progress = Progress {
        lag_s: 5,
        recoveries: 2048,
        recoveries_pending: 2,
        success: 695,
    };
    let one = "lag=5;in_queue=0;success=695;recoveries=2048;recoveries_pending=2;hot_keys=0";
    assert_eq!(Progress::parse("A1", one).unwrap(), progress);
    let other = "lag=5:success=695:recoveries=2048:recoveries_pending=2;";
    assert_eq!(Progress::parse("A1", other).unwrap(), progress);
    assert_eq!(Progress::parse("A1", "").unwrap(), Progress::default());
    let wrong = Progress::parse("A1", "lag=much").unwrap_err();
    assert!(
        matches!(wrong, Error::Statistics { key: "lag", .. }),
        "{wrong}"
    );
}

#[test]
fn lists_of_data_centres_are_read() {
    assert_eq!(commands::data_centres("dcs=;src-id=0"), Some(vec![]));
    assert_eq!(
        commands::data_centres("dcs=a,b;src-id=0"),
        Some(vec!["a", "b"])
    );
    assert_eq!(commands::data_centres(""), None);
}
