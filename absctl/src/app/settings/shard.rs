//! From flags to the part of a run that this process does (`cli.md` §18, §19).

use super::{exclusive, problems::Problems};
use crate::app::{
    cli::{BackupArgs, RestoreArgs},
    error::Error,
};
use backup_core::backup::ShardedRun;

const SHARD: &str = "--shard";
const RUN_ID: &str = "--run-id";

/// The part of a backup that was asked for. What is wrong with it goes to `problems`.
pub(super) fn of_backup(
    args: &BackupArgs,
    problems: &mut Problems,
) -> Result<Option<ShardedRun>, Error> {
    let (shard, run) = match (args.part.shard, checked_id(args.part.run_id.as_deref())) {
        (None, Ok(None)) => return Ok(None),
        (Some(shard), Ok(Some(run))) => (shard, run),
        (_, Err(error)) => return problems.note(Err(error)),
        (Some(_), Ok(None)) => return problems.note(Err(needs(SHARD, RUN_ID))),
        (None, Ok(Some(_))) => return problems.note(Err(needs(RUN_ID, SHARD))),
    };
    let target = &args.target;
    let others = [
        (target.output_file.is_some(), "--output-file (-o)"),
        (target.remove_files, "--remove-files (-r)"),
        (target.no_manifest, "--no-manifest"),
        (args.records.max_records > 0, "--max-records (-M)"),
        (args.resume.state_file_dst.is_some(), "--state-file-dst"),
    ];
    for (_, other) in others.iter().filter(|(is_given, _)| *is_given) {
        problems.note(Err::<(), _>(excluded(other)))?;
    }
    Ok(Some(ShardedRun { shard, run }))
}

/// What a restore in parts cannot be told.
pub(super) fn check_restore(args: &RestoreArgs) -> Result<Option<String>, Error> {
    let run = checked_id(args.part.run_id.as_deref())?;
    let is_part = args.part.shard.is_some();
    if is_part && args.source.input_file.is_some() {
        return Err(exclusive(SHARD, "--input-file (-i)"));
    }
    if args.source.validate && is_part {
        return Err(exclusive(SHARD, "--validate"));
    }
    if args.source.validate && run.is_some() {
        return Err(exclusive(RUN_ID, "--validate"));
    }
    if args.source.ignore_manifest && run.is_some() {
        let error = exclusive(RUN_ID, "--ignore-manifest");
        return Err(error.with_hint("only the manifest says which run made a backup"));
    }
    Ok(run)
}

/// What cannot be told to clear a target.
pub(super) fn check_clear(args: &BackupArgs) -> Result<(), Error> {
    if args.part.shard.is_some() {
        let error = exclusive(SHARD, "--remove-artifacts");
        return Err(error.with_hint("the parts of all processes go together"));
    }
    Ok(())
}

fn excluded(other: &str) -> Error {
    let error = exclusive(SHARD, other);
    match other {
        "--remove-files (-r)" => error.with_hint("clear the directory with --remove-artifacts"),
        "--state-file-dst" => error.with_hint(
            "a part always keeps its state, beside the data, and finds it when it is started again",
        ),
        "--max-records (-M)" => error.with_hint("no part knows how many records the others find"),
        _ => error,
    }
}

fn needs(one: &str, other: &str) -> Error {
    Error::usage(format!("{one} needs {other}"))
}

fn checked_id(typed: Option<&str>) -> Result<Option<String>, Error> {
    match typed {
        Some(id) if !ShardedRun::is_run_id(id) => Err(Error::usage(format!(
            "{RUN_ID} {id:?}: 1 to 64 of A-Z a-z 0-9 . _ - are needed"
        ))),
        typed => Ok(typed.map(str::to_owned)),
    }
}
