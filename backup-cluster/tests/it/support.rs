//! Clusters and views of them.

use aerospike_wire::scan::ScanRecord;
use asnode::{Cluster, NamespaceConfig, RawRecord, SecurityConfig};
use backup_cluster::{
    client::{AerospikeView, ConnectOptions},
    retry::RetryPolicy,
    scan::RecordSink,
    view::Host,
};
use std::{convert::Infallible, sync::Arc, time::Duration};

pub(crate) const NAMESPACE: &str = "test";

pub(crate) const RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    base: Duration::from_millis(10),
    multiplier: 2.0,
    max_pause: Duration::from_millis(100),
};

pub(crate) fn cluster(nodes: usize) -> Cluster {
    Cluster::builder()
        .nodes(nodes)
        .namespace(NamespaceConfig::new(NAMESPACE))
        .start()
        .unwrap()
}

pub(crate) fn fill(cluster: &Cluster, records: u32) {
    for number in 0..records {
        let record = RawRecord::for_key("s", 1, &i64::from(number).to_be_bytes());
        assert!(cluster.put(
            NAMESPACE,
            &record.bin(b"n", 1, &i64::from(number).to_be_bytes())
        ));
    }
}

/// A cluster that asks who is there.
pub(crate) fn secured(nodes: usize, security: SecurityConfig) -> Cluster {
    Cluster::builder()
        .nodes(nodes)
        .namespace(NamespaceConfig::new(NAMESPACE))
        .security(security)
        .start()
        .unwrap()
}

pub(crate) fn connect_options(cluster: &Cluster) -> ConnectOptions {
    let seeds = cluster.addresses().into_iter().take(1);
    ConnectOptions {
        seeds: seeds.map(Host::from).collect(),
        connect_timeout: Duration::from_secs(10),
        info_timeout: Duration::from_secs(5),
        ..ConnectOptions::default()
    }
}

pub(crate) async fn view(cluster: &Cluster) -> Arc<AerospikeView> {
    let options = connect_options(cluster);
    Arc::new(AerospikeView::connect(&options).await.unwrap())
}

/// Keeps the digests in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Digests(pub(crate) Vec<[u8; 20]>);

impl RecordSink for Digests {
    type Error = Infallible;

    fn record(&mut self, record: &ScanRecord<'_>) -> Result<(), Infallible> {
        self.0.push(record.digest.0);
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
