//! From flags to an estimate (`cli.md` §8, §19).

use super::{Error, exclusive, problems::Problems};
use crate::app::cli::BackupArgs;
use backup_core::backup::{BackupConfig, BackupTarget, EstimateConfig};

const ESTIMATE: &str = "--estimate (-e)";

/// The estimate that was asked for.
pub(crate) fn estimate(args: &BackupArgs) -> Result<EstimateConfig, Error> {
    let backup = super::backup(args)?;
    Ok(with_samples(args, backup))
}

/// The dry run of a backup that was asked for.
pub(crate) fn dry_run(args: &BackupArgs) -> Result<EstimateConfig, Error> {
    Ok(with_samples(args, super::backup(args)?))
}

fn with_samples(args: &BackupArgs, backup: BackupConfig) -> EstimateConfig {
    EstimateConfig {
        samples: args.estimate.estimate_samples.unwrap_or_default(),
        ..EstimateConfig::new(backup)
    }
}

/// The estimate before a backup to a file, which only another program asks for (`--machine`,
/// `behaviour.md` §8.4).
pub(crate) fn estimate_first(args: &BackupArgs, config: &BackupConfig) -> Option<EstimateConfig> {
    let is_single = matches!(config.target, BackupTarget::Single(_));
    let is_wanted = args.logging.machine.is_some() && is_single;
    let is_new = config.resume.is_none() && !config.no_records;
    (is_wanted && is_new).then(|| with_samples(args, config.clone()))
}

/// Finds flags that make no sense with an estimate, or without one.
pub(super) fn check(args: &BackupArgs, problems: &mut Problems) -> Result<(), Error> {
    if !args.estimate.estimate {
        let has_effect = args.rehearsal.dry_run
            || args.logging.machine.is_some() && args.target.output_file.is_some();
        if args.estimate.estimate_samples.is_some() && !has_effect {
            tracing::warn!("--estimate-samples has no effect without {ESTIMATE}");
        }
        return Ok(());
    }
    let excluded = [
        (args.target.directory.is_some(), "--directory (-d)"),
        (args.target.output_file.is_some(), "--output-file (-o)"),
        (args.target.remove_files, "--remove-files (-r)"),
        (args.target.remove_artifacts, "--remove-artifacts"),
        (args.resume.resume.is_some(), "--continue (-c)"),
        (args.resume.state_file_dst.is_some(), "--state-file-dst"),
        (args.selection.no_records, "--no-records (-R)"),
        (args.rehearsal.dry_run, "--dry-run"),
    ];
    for (_, flag) in excluded.iter().filter(|(is_given, _)| *is_given) {
        problems.note::<()>(Err(exclusive(ESTIMATE, flag)))?;
    }
    Ok(())
}

/// A target that is not touched: the backup would go to a directory.
pub(super) fn no_target() -> BackupTarget {
    let EstimateConfig { backup, .. } = EstimateConfig::of_namespace("");
    let BackupConfig { target, .. } = backup;
    target
}
