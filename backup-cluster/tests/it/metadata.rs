//! Versions, indexes and modules.

use crate::support::*;
use backup_cluster::{
    client::{AerospikeView, ConnectOptions, TEND_INTERVAL},
    error::Error,
    metadata::{BinType, Build, IndexDefinition, IndexSource, IndexType, Metadata, UdfModule},
    view::{ClusterView, Host},
};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn index(name: &str, bin: &str) -> IndexDefinition {
    IndexDefinition::Values {
        namespace: NAMESPACE.to_owned(),
        set: Some("s".to_owned()),
        name: name.to_owned(),
        index_type: IndexType::MapKeys,
        bin_type: BinType::String,
        source: IndexSource::Bin {
            bin: bin.to_owned(),
            context: None,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_created_is_listed() {
    let cluster = cluster(3);
    let view = view(&cluster).await;
    let metadata = Metadata::new(&*view);
    let build = metadata.build().await.unwrap();
    assert_eq!(build, Build::new(8, 1, 2, 0));
    let set_index = IndexDefinition::Set {
        namespace: NAMESPACE.to_owned(),
        set: "t".to_owned(),
        name: "members".to_owned(),
    };
    for definition in [index("i", "b"), set_index.clone()] {
        metadata.create_index(&definition, build).await.unwrap();
    }
    let listed = metadata.indexes(NAMESPACE, build).await.unwrap();
    assert_eq!(listed.known, [index("i", "b"), set_index]);
    let refused = metadata
        .create_index(&index("i", "other"), build)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::Info { refusal, .. } if refusal.code == 200),
        "{refused}"
    );
    metadata
        .drop_index(NAMESPACE, "i", build, PATIENCE)
        .await
        .unwrap();
    metadata
        .drop_index(NAMESPACE, "i", build, PATIENCE)
        .await
        .unwrap();
    assert_eq!(
        metadata
            .indexes(NAMESPACE, build)
            .await
            .unwrap()
            .known
            .len(),
        1
    );

    let content = "function one()\n  return 1\nend\n".as_bytes().to_vec();
    let module = UdfModule {
        name: "one.lua".to_owned(),
        content,
    };
    metadata.put_udf(&module, PATIENCE).await.unwrap();
    assert_eq!(metadata.udfs().await.unwrap(), [module]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_and_counts() {
    let cluster = cluster(3);
    fill(&cluster, 100);
    let view = view(&cluster).await;
    let metadata = Metadata::new(&*view);
    metadata.check_namespace(NAMESPACE).await.unwrap();
    assert_eq!(metadata.record_count(NAMESPACE).await.unwrap(), 100);
    let missing = metadata.check_namespace("prod").await.unwrap_err();
    assert!(matches!(missing, Error::NoNamespace { .. }), "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ConnectOptions {
        seeds: vec![Host::from(listener.local_addr().unwrap())],
        connect_timeout: Duration::from_millis(300),
        ..ConnectOptions::default()
    };
    let started = Instant::now();
    let error = AerospikeView::connect(&options).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_is_dropped_stops_tending() {
    let cluster = cluster(1);
    let view = view(&cluster).await;
    view.info(&view.nodes()[0].name, &["build"]).await.unwrap();
    let weak = std::sync::Arc::downgrade(&view);
    drop(view);
    assert!(weak.upgrade().is_none());
    let quiet = async {
        loop {
            let before = cluster.counters().info_commands;
            tokio::time::sleep(TEND_INTERVAL * 4).await;
            if cluster.counters().info_commands == before {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, quiet)
        .await
        .expect("somebody still tends");
}
