//! Reading ASBX files to their end, without a cluster.

use super::{
    Kinds,
    file::OpenFile,
    input::{File, Input},
    with_plain_metadata,
};
use crate::{
    error::Error,
    handle::off_runtime,
    restore::{self, FileReport, Finding, ValidateConfig, throttle::Throttle},
    stats::RestoreStats,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Files looked at, and those with a finding.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    files: u64,
    findings: u64,
}

pub(super) async fn run(
    config: ValidateConfig,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
    mut report: impl FnMut(FileReport) + Send + 'static,
) -> Result<(), Error> {
    let mut tally = Tally::default();
    let source = config.source.clone();
    let kinds = off_runtime(move || Kinds::of_source(&source)).await?;
    if kinds.asb {
        let counted = |file: FileReport| {
            tally.files += 1;
            tally.findings += u64::from(file.finding.is_some());
            report(file);
        };
        let (mut text, stats) = (config.clone(), Arc::clone(&stats));
        text.unwrap = with_plain_metadata(&config.unwrap);
        let looked = Box::pin(restore::validate::run(text, stats, cancel.clone(), counted)).await;
        match looked {
            Ok(()) | Err(Error::Invalid { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let reading = off_runtime(move || {
        read_all(&config, &stats, &cancel, &mut report, &mut tally)?;
        Ok(tally)
    });
    let Tally { files, findings } = reading.await?;
    match findings {
        0 => Ok(()),
        findings => Err(Error::Invalid { files, findings }),
    }
}

fn read_all(
    config: &ValidateConfig,
    stats: &Arc<RestoreStats>,
    cancel: &CancellationToken,
    report: &mut impl FnMut(FileReport),
    tally: &mut Tally,
) -> Result<(), Error> {
    let namespace = config.namespace.as_deref();
    let throttle = Throttle::new(config.bytes_per_second, cancel, stats);
    for store in config.source.stores() {
        let mut input = Input::list(store, &config.unwrap, config.trust, namespace)?;
        input.throttle.clone_from(&throttle);
        stats.bytes_expected.add(input.total_bytes());
        stats.add_sources(input.sources.iter().cloned());
        for file in input.sequences.iter().flatten() {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let mut records = 0;
            let read = read(&input, file, namespace, &mut records, stats);
            tally.files += 1;
            tally.findings += u64::from(read.is_err());
            report(FileReport {
                file: file.shown.to_string(),
                records,
                indexes: 0,
                udfs: 0,
                bytes: file.bytes(),
                finding: read.err().map(Finding::Error),
            });
        }
    }
    Ok(())
}

/// Reads a file to its end, and counts its messages.
fn read(
    input: &Input,
    file: &File,
    namespace: Option<&str>,
    records: &mut u64,
    stats: &RestoreStats,
) -> Result<(), Error> {
    let namespace = namespace.unwrap_or(&file.namespace);
    let mut open = OpenFile::open(input, file, namespace)?;
    let mut fetched = 0;
    while let Some(place) = open.token()? {
        stats.bytes_read.add(place.token.payload.len() as u64);
        *records += 1;
        stats.records_read.add(1);
        stats.bytes_fetched.add(open.fetched() - fetched);
        fetched = open.fetched();
    }
    Ok(())
}
