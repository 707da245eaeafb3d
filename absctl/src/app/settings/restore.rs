//! From flags to a restore or a validation.

use super::{
    Secrets, connect, envelope, exclusive, mebibytes, old, parallel, place, problems::Problems,
    replay, restoring, shard, warn_of_nothing,
};
use crate::app::{cli::RestoreArgs, error::Error};
use backup_core::{
    replay::{Kinds, ReplayConfig},
    restore::{RestoreConfig, Trust, ValidateConfig},
    storage::Stream,
};

/// What `absctl restore` is asked for.
#[derive(Debug)]
pub(crate) enum RestoreTask {
    /// A restore.
    Restore(Box<RestoreConfig>),
    /// A restore of ASBX files.
    Replay(Box<ReplayConfig>),
    /// Reading only, without a cluster.
    Validate(ValidateConfig),
    /// The same with ASBX files.
    ValidateReplay(ValidateConfig),
}

/// The restore or validation that was asked for.
pub(crate) fn restore(args: &RestoreArgs) -> Result<RestoreTask, Error> {
    let run = shard::check_restore(args)?;
    if args.source.validate && args.rehearsal.dry_run {
        let error = exclusive("--dry-run", "--validate");
        return Err(error.with_hint("a validation writes nothing anyway"));
    }
    let secrets = Secrets::of(&args.agent, args.is_old)?;
    let stdin = place::stdin(args)?;
    if args.source.validate {
        return validation(args, &secrets, stdin);
    }
    warn_of_nothing(&args.selection);
    let mut problems = Problems::default();
    let source = problems.note(place::source(args, &secrets, stdin.clone()))?;
    let namespace = args.selection.namespace.as_deref();
    let found = match &source {
        Some(source) if args.is_old && namespace.is_none() => {
            problems.note(old::namespace(args, source, stdin.as_ref(), &secrets))?
        }
        _ => None,
    };
    let namespaces = restoring::namespaces(namespace.or(found.as_deref()));
    let namespaces = problems.note(namespaces)?;
    let (Some((namespace, destination)), Some(source)) = (namespaces, source) else {
        return Err(problems.into_error());
    };
    let mut config = RestoreConfig::new(namespace, source);
    restoring::apply(args, &mut config, &mut problems)?;
    if !problems.is_empty() {
        return Err(problems.into_error());
    }
    config.destination = destination.map(str::to_owned);
    config.parallel = parallel(args.tuning.parallel);
    config.apply_metadata_last = args.source.apply_metadata_last;
    config.shard = args.part.shard;
    config.run = run;
    config.no_records = args.selection.no_records;
    config.no_indexes = args.selection.no_indexes;
    config.no_udfs = args.selection.no_udfs;
    config.trust = trust(args);
    config.unwrap = envelope::unwrap(&args.envelope, &args.window, &secrets)?;
    config.connect = connect(&args.connection, &secrets)?;
    Ok(match replay::replay(args, &config)? {
        Some(replay) => RestoreTask::Replay(Box::new(replay)),
        None => RestoreTask::Restore(Box::new(config)),
    })
}

fn validation(
    args: &RestoreArgs,
    secrets: &Secrets,
    stdin: Option<Stream>,
) -> Result<RestoreTask, Error> {
    restoring::check_validation(args)?;
    let namespace = args.selection.namespace.as_deref();
    let namespaces = namespace.map(|typed| restoring::namespaces(Some(typed)));
    let config = ValidateConfig {
        namespace: namespaces.transpose()?.map(|(source, _)| source.to_owned()),
        source: place::source(args, secrets, stdin)?,
        unwrap: envelope::unwrap(&args.envelope, &args.window, secrets)?,
        trust: trust(args),
        parallel: parallel(args.tuning.parallel),
        bytes_per_second: mebibytes("--bandwidth (-N)", args.limits.bandwidth)?,
    };
    let kinds = Kinds::of_source(&config.source)?;
    Ok(match replay::is_about(args, kinds) {
        true => RestoreTask::ValidateReplay(config),
        false => RestoreTask::Validate(config),
    })
}

const fn trust(args: &RestoreArgs) -> Trust {
    Trust {
        allow_incomplete: args.source.allow_incomplete,
        ignore_manifest: args.source.ignore_manifest,
    }
}
