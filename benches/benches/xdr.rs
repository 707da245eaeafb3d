//! A backup by XDR as a whole: the embedded cluster ships records of the small shape through server,
//! queue and files. Timed is what lies between the first and the last message; starting and ending
//! are mostly pauses. The cluster's own work is in the figure.

use asnode::{
    Cluster, Edition, NamespaceConfig, Shipping,
    generate::{self, Shape},
};
use backup_core::{
    cluster::{client::ConnectOptions, view::Host},
    storage::LocalDir,
    xdr::{self, DcName, XdrConfig},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};

const RECORDS: u64 = 300_000;

/// More than anybody ships: the limit of servers is 100 000 a second.
const NO_LIMIT: u32 = 10_000_000;

fn cluster() -> Cluster {
    let cluster = Cluster::builder()
        .nodes(2)
        .namespace(NamespaceConfig::new("test"))
        .edition(Edition::Enterprise)
        .shipping(Shipping {
            connections: 2,
            ..Shipping::default()
        })
        .start()
        .expect("ports of this machine");
    generate::load(&cluster, "test", Shape::Small, RECORDS, 1);
    cluster
}

fn config(cluster: &Cluster, path: &Path) -> XdrConfig {
    let dc = DcName::new("bench").expect("a name");
    let mut config = XdrConfig::new("test", Arc::new(LocalDir::new(path)), dc);
    config.connect = ConnectOptions {
        seeds: cluster.addresses().into_iter().map(Host::from).collect(),
        ..ConnectOptions::default()
    };
    config.max_throughput = NO_LIMIT;
    config.listener.port = 0;
    config.polling = Duration::from_millis(50);
    config.settle = Duration::ZERO;
    config
}

/// One backup; the time from the first message to the last.
fn back_up(runtime: &Runtime, cluster: &Cluster) -> Duration {
    let path = std::env::temp_dir().join(format!("absctl-bench-xdr-{}", std::process::id()));
    let took = runtime.block_on(async {
        let job = xdr::start(config(cluster, &path));
        let received = || job.stats().snapshot().records_read;
        let tick = Duration::from_millis(1);
        while received() == 0 {
            tokio::time::sleep(tick).await;
        }
        let begun = Instant::now();
        while received() < RECORDS {
            tokio::time::sleep(tick).await;
        }
        let took = begun.elapsed();
        job.wait().await.result.expect("a backup");
        took
    });
    fs::remove_dir_all(&path).expect("the directory of the backup");
    took
}

fn benches(criterion: &mut Criterion) {
    let cluster = cluster();
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut group = criterion.benchmark_group("xdr");
    group.sample_size(10);
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("small records into files", |bench| {
        bench.iter_custom(|count| (0..count).map(|_| back_up(&runtime, &cluster)).sum());
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
