//! Clusters that ask who is there.

use crate::{
    metadata::index,
    support::*,
    write::{OK, batch},
};
use aerospike_wire::{
    digest::{PARTITIONS, PartitionId},
    result_code::ResultCode,
};
use asnode::{
    Cluster, Privilege, PrivilegeCode, Role, SecurityConfig,
    faults::{On, Reaction, Rule},
};
use backup_cluster::{
    auth::AuthMode,
    batch_write::{BatchWriter, Brakes, WriteOptions, Written},
    client::AerospikeView,
    error::Error,
    metadata::Metadata,
    retry::RetryPolicy,
    scan::{PartitionCursor, ScanError, ScanOptions, ScanStats, scan},
    view::ClusterView,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

pub(crate) fn users() -> SecurityConfig {
    SecurityConfig::new()
        .user("writer", "secret", &["read-write", "sindex-admin"])
        .user("reader", "secret", &["read"])
        .user("nobody", "secret", &[])
        .external_user("ldap", "secret", &["read"])
}

pub(crate) fn internal(user: &str, password: &str) -> AuthMode {
    AuthMode::Internal {
        user: user.to_owned(),
        password: password.into(),
    }
}

pub(crate) fn external(insecure: bool) -> AuthMode {
    AuthMode::External {
        user: "ldap".to_owned(),
        password: "secret".into(),
        insecure,
    }
}

async fn connect(cluster: &Cluster, auth: AuthMode) -> Result<Arc<AerospikeView>, Error> {
    let mut options = connect_options(cluster);
    options.auth = auth;
    AerospikeView::connect(&options).await.map(Arc::new)
}

pub(crate) async fn read_all(
    view: &AerospikeView,
) -> Result<(ScanStats, Digests), ScanError<std::convert::Infallible>> {
    let options = ScanOptions {
        retry: RETRY,
        ..ScanOptions::new(NAMESPACE)
    };
    let all = (0..PARTITIONS).filter_map(PartitionId::new);
    let mut cursors: Vec<_> = all.map(PartitionCursor::start).collect();
    let mut sink = Digests::default();
    let cancel = CancellationToken::new();
    let stats = scan(view, &options, &mut cursors, &mut sink, &cancel).await?;
    Ok((stats, sink))
}

pub(crate) async fn write(view: Arc<AerospikeView>, retry: RetryPolicy) -> Written {
    let options = WriteOptions {
        retry,
        ..WriteOptions::new(NAMESPACE)
    };
    let writer = BatchWriter::new(view, options).await.unwrap();
    let node = writer.map().nodes()[0].clone();
    writer
        .write(&node, batch(50), Brakes::one(&CancellationToken::new()))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_read_and_write_on_all_nodes() {
    let cluster = secured(3, users());
    fill(&cluster, 500);
    for auth in [internal("reader", "secret"), external(true)] {
        let view = connect(&cluster, auth).await.unwrap();
        assert_eq!(view.nodes().len(), 3);
        assert_eq!(read_all(&view).await.unwrap().0.records, 500);
    }
    let view = connect(&cluster, internal("writer", "secret"))
        .await
        .unwrap();
    assert_eq!(write(view, RETRY).await.outcomes, [OK; 50]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_logins_say_why() {
    let nowhere = Role::new("nowhere").allow_list("192.0.2.1");
    let config = users().role(nowhere).user("far", "secret", &["nowhere"]);
    let cluster = secured(1, config);
    let check = async |auth: AuthMode, code: ResultCode, text: &str| {
        let error = connect(&cluster, auth).await.unwrap_err();
        let Error::Login { code: found, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*found, code);
        assert!(error.is_access() && !error.is_retryable());
        assert!(error.to_string().contains(text), "{error}");
    };
    let wrong = "unknown user or wrong password";
    check(
        internal("reader", "Secret"),
        ResultCode::INVALID_CREDENTIAL,
        wrong,
    )
    .await;
    check(
        internal("stranger", "secret"),
        ResultCode::INVALID_USER,
        wrong,
    )
    .await;
    check(
        internal("far", "secret"),
        ResultCode::NOT_WHITELISTED,
        "allow list",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_wants_a_login_says_so() {
    let cluster = secured(1, users());
    let error = connect(&cluster, AuthMode::None).await.unwrap_err();
    assert!(error.is_access(), "{error:?}");
    assert!(
        error.to_string().contains("give a user and a password"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_security_lets_users_in() {
    let cluster = cluster(2);
    fill(&cluster, 100);
    let view = connect(&cluster, internal("reader", "secret"))
        .await
        .unwrap();
    assert_eq!(read_all(&view).await.unwrap().0.records, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_refused_before_anything_is_sent() {
    let cluster = secured(1, users());
    let check = async |auth: AuthMode, text: &str| {
        let before = cluster.counters().connections;
        let error = connect(&cluster, auth).await.unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(cluster.counters().connections, before);
    };
    check(external(false), "EXTERNAL_INSECURE").await;
    check(AuthMode::Pki, "client certificate").await;
    check(internal("", "secret"), "user name").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_expire_during_a_scan_are_renewed() {
    let cluster = secured(2, users().session_uses(1));
    fill(&cluster, 4000);
    let view = connect(&cluster, internal("reader", "secret"))
        .await
        .unwrap();
    let cut = Rule::new(On::Scan, Reaction::Drop).after_records(300);
    cluster.faults().add(cut.times(6));
    let first = read_all(&view).await.unwrap();
    cluster.security().unwrap().expire_sessions();
    let second = read_all(&view).await.unwrap();
    for (stats, digests) in [first, second] {
        let different: BTreeSet<_> = digests.0.iter().collect();
        assert_eq!((stats.records, different.len()), (4000, 4000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_lived_token_is_renewed_before_it_ends() {
    // The margin of a minute is longer than the token's life: every connection logs in.
    let config = users().session_ttl(Duration::from_secs(30));
    let cluster = secured(1, config);
    fill(&cluster, 10);
    let view = connect(&cluster, internal("reader", "secret"))
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(read_all(&view).await.unwrap().0.records, 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_lost_their_login_are_opened_again() {
    let cluster = secured(1, users());
    fill(&cluster, 100);
    let view = connect(&cluster, internal("writer", "secret"))
        .await
        .unwrap();
    // The first round writes 50 records.
    for (code, records) in [(80, 100), (66, 150)] {
        let lost = |on| Rule::new(on, Reaction::Result(code)).times(1);
        cluster.faults().add(lost(On::Scan));
        let (stats, _) = read_all(&view).await.unwrap();
        assert_eq!((stats.records, stats.retries), (records, 1), "{code}");
        cluster.faults().add(lost(On::BatchRow));
        let view: Arc<AerospikeView> = Arc::clone(&view);
        let written = write(view, RETRY).await;
        assert_eq!(written.outcomes, [OK; 50], "{code}");
        assert_eq!(written.retries, 1, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_privileges_are_named() {
    let cluster = secured(1, users());
    fill(&cluster, 10);
    let view = connect(&cluster, internal("nobody", "secret"))
        .await
        .unwrap();
    let error = read_all(&view).await.unwrap_err().to_string();
    assert!(error.contains("lacks the privilege read"), "{error}");
    let refused = ResultCode::ROLE_VIOLATION;
    let written = write(Arc::clone(&view), RETRY).await;
    assert_eq!(
        written.outcomes[0],
        backup_cluster::batch_write::RowOutcome::Answered(refused)
    );
    assert_eq!(written.retries, 0, "no retry can change it");

    let metadata = Metadata::new(&*view);
    let build = metadata.build().await.unwrap();
    let error = metadata
        .create_index(&index("i", "b"), build)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Privilege { .. }) && error.is_access());
    assert!(
        error
            .to_string()
            .contains("lacks the privilege sindex-admin"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_slow_a_restore_down() {
    let within = Privilege::new(PrivilegeCode::ReadWrite).within(NAMESPACE);
    let slow = Role::new("slow").privilege(within).quotas(0, 30);
    let config = users()
        .quotas()
        .role(slow)
        .user("slow", "secret", &["slow"]);
    let cluster = secured(1, config);
    let view = connect(&cluster, internal("slow", "secret")).await.unwrap();
    let patience = RetryPolicy {
        attempts: 10,
        base: Duration::from_millis(300),
        multiplier: 1.0,
        max_pause: Duration::from_secs(1),
    };
    let written = write(view, patience).await;
    assert_eq!(written.outcomes, [OK; 50]);
    assert!(written.retries > 0, "50 rows at 30 a second");
}

#[test]
fn passwords_are_not_shown() {
    let shown = format!("{:?} {:?}", internal("bob", "hush-hush"), external(true));
    assert!(
        shown.contains("bob") && !shown.contains("hush-hush"),
        "{shown}"
    );
}
