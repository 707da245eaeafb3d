//! The course of a run, in made-up time.

use crate::cluster::{Answer, Script};
use backup_xdr::{
    choreography::{InfoRetry, Overview, Plan, run},
    cleanup,
    commands::{DcName, Rewind, Shipment},
    control::ControlPlane,
    error::Error,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

fn plan() -> Plan {
    Plan::new(Shipment {
        dc: DcName::new("dc").unwrap(),
        namespace: "test".to_owned(),
        address: "127.0.0.1:8080".to_owned(),
        tls_name: None,
        rewind: Rewind::All,
        max_throughput: 0,
        forward: false,
    })
}

/// Runs with this many records received from the start.
async fn go(script: &Arc<Script>, received: u64) -> Result<(), Error> {
    let control: Arc<dyn ControlPlane> = Arc::clone(script) as _;
    let stop = CancellationToken::new();
    run(&control, &plan(), || received, |_| {}, &stop).await
}

const START: [&str; 4] = [
    "set-config:context=xdr;dc=dc;action=create",
    "set-config:context=xdr;dc=dc;connector=true",
    "set-config:context=xdr;dc=dc;node-address-port=127.0.0.1:8080;action=add",
    "set-config:context=xdr;dc=dc;namespace=test;action=add;rewind=all",
];

const END: [&str; 3] = [
    "set-config:context=namespace;namespace=test;disable-mrt-writes=true",
    "set-config:context=namespace;namespace=test;disable-mrt-writes=false",
    "set-config:context=xdr;dc=dc;action=delete",
];

fn stats(pending: u64, lag: u64) -> Answer {
    let text = format!("lag={lag};recoveries=9;recoveries_pending={pending}");
    Answer::Text(text.leak())
}

#[tokio::test(start_paused = true)]
async fn every_node_gets_every_command_in_order() {
    let script = Arc::new(Script::new(&["A1", "A2"]));
    script.answer("A1", "get-stats", &[stats(2, 5), stats(1, 5), stats(0, 5)]);
    let begun = Instant::now();
    go(&script, 1).await.unwrap();
    for node in ["A1", "A2"] {
        assert_eq!(script.told(node), [&START[..], &END].concat(), "{node}");
    }
    script.assert_clean();
    // Three seconds until figures are believed, two looks in recovery, one second of lag.
    assert!(
        begun.elapsed() >= Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_is_done_when_the_time_of_the_block_is_shipped() {
    let script = Arc::new(Script::new(&["A1"]));
    // Always behind, as a busy namespace is: 4 s. Then everything older than 5 s is here.
    script.answer("A1", "get-stats", &vec![stats(0, 4); 100]);
    let begun = Instant::now();
    go(&script, 1).await.unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(3 + 5), "{took:?}");
    assert!(took <= Duration::from_secs(3 + 5 + 3), "{took:?}");
    script.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_start_ends_the_run_and_leaves_nothing() {
    let script = Arc::new(Script::new(&["A1", "A2"]));
    let refusals = vec![Answer::Text("ERROR:4:bad address"); 10];
    script.answer("A2", "node-address-port", &refusals);
    let error = go(&script, 0).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { node, .. } if node == "A2"),
        "{error}"
    );
    assert_eq!(script.count("A2", "node-address-port"), 3, "tried again");
    script.assert_clean();
    assert_eq!(script.told("A1").last().unwrap(), END[2]);
}

#[tokio::test(start_paused = true)]
async fn a_data_centre_of_somebody_else_stays() {
    let script = Arc::new(Script::new(&["A1", "A2"]));
    script.add_dc("A2");
    let error = go(&script, 0).await.unwrap_err();
    assert!(
        matches!(&error, Error::DcExists { node, .. } if node == "A2"),
        "{error}"
    );
    assert!(script.told("A1").is_empty() && script.told("A2").is_empty());
    // One that appears after the question is not ours either.
    let script = Arc::new(Script::new(&["A1"]));
    let exists = Answer::Text("ERROR:4:DC already exists");
    script.answer("A1", "action=create", &[exists]);
    script.add_dc("A2");
    assert!(matches!(go(&script, 0).await, Err(Error::Refused { .. })));
    assert_eq!(script.count("A1", "action=delete"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_does_no_harm() {
    let script = Arc::new(Script::new(&["A1"]));
    for part in [
        "create",
        "connector",
        "rewind",
        "mrt-writes=false",
        "delete",
    ] {
        script.answer("A1", part, &[Answer::Lost]);
    }
    go(&script, 1).await.unwrap();
    script.assert_clean();
    // A create whose answers are all lost may have been carried out.
    let script = Arc::new(Script::new(&["A1"]));
    script.answer(
        "A1",
        "create",
        &[Answer::Silence, Answer::Silence, Answer::Lost],
    );
    assert!(matches!(go(&script, 1).await, Err(Error::Control { .. })));
    script.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn nothing_for_too_long_is_an_error_unless_there_is_nothing() {
    let script = Arc::new(Script::new(&["A1"]));
    script.answer("A1", "get-stats", &vec![stats(7, 0); 100]);
    let begun = Instant::now();
    let error = go(&script, 0).await.unwrap_err();
    assert!(matches!(error, Error::StartTimeout { .. }), "{error}");
    assert!(begun.elapsed() >= Duration::from_secs(30));
    script.assert_clean();
    // An empty namespace.
    let script = Arc::new(Script::new(&["A1"]));
    go(&script, 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_data_centre_that_vanishes_is_made_again() {
    let script = Arc::new(Script::new(&["A1"]));
    let gone = Answer::Text("ERROR:4:DC not found");
    script.answer("A1", "get-stats", &[stats(3, 0), gone]);
    script.answer("A1", "connector", &[]);
    let control: Arc<dyn ControlPlane> = Arc::clone(&script) as _;
    let stop = CancellationToken::new();
    // It is still there in truth, so making it again is refused: that is the end, and clean.
    let error = run(&control, &plan(), || 1, |_| {}, &stop)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert_eq!(script.count("A1", "action=create"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_ends_the_run() {
    let script = Arc::new(Script::new(&["A1", "A2"]));
    script.answer("A1", "get-stats", &vec![stats(7, 0); 100]);
    let control: Arc<dyn ControlPlane> = Arc::clone(&script) as _;
    let stop = CancellationToken::new();
    let looks = Mutex::new(0);
    let leaving = |_: Overview| {
        let mut looks = looks.lock().unwrap();
        *looks += 1;
        if *looks == 5 {
            script.set_nodes(&["A2"]);
        }
    };
    let error = run(&control, &plan(), || 1, leaving, &stop)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NodeLeft { node } if node == "A1"),
        "{error}"
    );
    script.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_joins_takes_part() {
    let script = Arc::new(Script::new(&["A1"]));
    script.answer("A1", "get-stats", &vec![stats(7, 0); 10]);
    let control: Arc<dyn ControlPlane> = Arc::clone(&script) as _;
    let stop = CancellationToken::new();
    let seen = Mutex::new(Vec::new());
    let joining = |overview: Overview| {
        let mut seen = seen.lock().unwrap();
        seen.push(overview);
        if seen.len() == 5 {
            script.set_nodes(&["A1", "B1"]);
        }
    };
    run(&control, &plan(), || 1, joining, &stop).await.unwrap();
    assert_eq!(script.told("B1"), [&START[..], &END].concat());
    assert_eq!(
        script.count("B1", "action=create"),
        1,
        "once, not at every look"
    );
    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!((last.nodes, last.done, last.recoveries_pending), (2, 2, 0));
    script.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_takes_everything_back() {
    for looks in [1, 2, 4, 5, 6] {
        let script = Arc::new(Script::new(&["A1", "A2"]));
        script.answer(
            "A2",
            "get-stats",
            &[stats(1, 0), stats(0, 0), stats(0, 60), stats(0, 60)],
        );
        let control: Arc<dyn ControlPlane> = Arc::clone(&script) as _;
        let stop = CancellationToken::new();
        let count = Mutex::new(0);
        let stopping = |_: Overview| {
            let mut count = count.lock().unwrap();
            *count += 1;
            if *count == looks {
                stop.cancel();
            }
        };
        let error = run(&control, &plan(), || 1, stopping, &stop)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        script.assert_clean();
        for node in ["A1", "A2"] {
            let told = script.told(node);
            assert_eq!(told.last().unwrap(), END[2], "{looks}");
            let at = |text| told.iter().rposition(|t| t == text);
            assert!(
                at(END[0]) <= at(END[1]),
                "{looks}: blocked after it was permitted"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_does_not_hold_up_the_others() {
    let script = Arc::new(Script::new(&["A1", "A2"]));
    script.answer("A1", "get-stats", &vec![Answer::Text("lag=x"); 3]);
    script.answer("A1", "delete", &vec![Answer::Silence; 1000]);
    let begun = Instant::now();
    let error = go(&script, 1).await.unwrap_err();
    assert!(matches!(error, Error::Statistics { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(script.told("A2").last().unwrap(), END[2]);
}

#[tokio::test(start_paused = true)]
async fn namespaces_without_transactions_are_fine() {
    let script = Arc::new(Script::new(&["A1"]));
    let refusal = Answer::Text("ERROR:4:invalid set-config parameter");
    script.answer("A1", "mrt-writes", &vec![refusal; 10]);
    go(&script, 1).await.unwrap();
    assert_eq!(script.count("A1", "mrt-writes=true"), 1);
    script.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn clusters_that_cannot_ship_are_told_so() {
    let script = Arc::new(Script::new(&["A1"]));
    script.answer("A1", "build", &[Answer::Text("7.2.0.1")]);
    assert!(matches!(go(&script, 0).await, Err(Error::TooOld { .. })));
    for answer in ["", "ERROR:25:enterprise only"] {
        let script = Arc::new(Script::new(&["A1"]));
        script.answer("A1", "get-config", &[Answer::Text(answer)]);
        assert!(
            matches!(go(&script, 0).await, Err(Error::NoXdr { .. })),
            "{answer}"
        );
    }
    let script = Arc::new(Script::new(&[]));
    assert!(matches!(go(&script, 0).await, Err(Error::NoNodes)));
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_run_left_is_removed() {
    let script = Script::new(&["A1", "A2", "A3"]);
    script.add_dc("A1");
    script.add_dc("A3");
    script.answer(
        "A3",
        "action=delete",
        &vec![Answer::Text("ERROR:4:busy"); 3],
    );
    let dc = DcName::new("dc").unwrap();
    let retry = InfoRetry::default();
    let cleaned = cleanup::stop_xdr(&script, &dc, "test", &retry).await;
    assert_eq!(cleaned.nodes, ["A1"]);
    assert_eq!(cleaned.untouched, ["A2"]);
    assert_eq!(cleaned.failures.len(), 1);
    let cleaned = cleanup::stop_xdr(&script, &dc, "test", &retry).await;
    assert_eq!(
        (cleaned.nodes, cleaned.failures.len()),
        (vec!["A3".to_owned()], 0)
    );
    let cleaned = cleanup::unblock_transactions(&script, "test", &retry).await;
    assert_eq!(cleaned.nodes.len(), 3);
    assert_eq!(script.told("A2"), [END[1]]);
    script.assert_clean();
}
