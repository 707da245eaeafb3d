//! A conversion, from its flags.

use super::{
    Problems, Secrets, checked_namespace, envelope, exclusive, mebibytes, missing, parallel,
    place::{local_dir, single},
    time::{self, Bound},
};
use crate::app::{
    cli::{
        ConvertArgs, InputEnvelope,
        envelope::{Encrypt, Envelope},
    },
    error::Error,
};
use backup_core::{
    backup::BackupTarget,
    conversion::ConvertConfig,
    restore::Trust,
    storage::{LocalOptions, Store, Stream},
};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Buffer of standard output in MiB.
const STDOUT_MIB: u16 = 4;

/// The conversion that was asked for.
pub(crate) fn convert(args: &ConvertArgs) -> Result<ConvertConfig, Error> {
    let mut problems = Problems::default();
    let source = problems.note(source(args))?;
    let target = problems.note(target(args))?;
    problems.note(check_places(args))?;
    problems.note(check_plain(args))?;
    let namespace = args.source.namespace.as_deref().map(checked_namespace);
    let namespace = problems.note(namespace.transpose())?.flatten();
    let shipped_at = args.source.shipped_at.as_deref().map(shipped_at);
    let shipped_at = problems.note(shipped_at.transpose())?.flatten();
    let file_limit = mebibytes("--file-limit (-F)", args.target.file_limit);
    let file_limit = problems.note(file_limit)?;
    let secrets = problems.note(Secrets::new(&args.agent))?;
    let (Some(source), Some(target), Some(secrets), true) =
        (source, target, secrets, problems.is_empty())
    else {
        return Err(problems.into_error());
    };
    let mut config = ConvertConfig::new(source, target);
    config.unwrap = envelope::unwrap(&of_input(&args.input), &args.window, &secrets)
        .map_err(named_for_input)?;
    config.wrap = envelope::wrap(&args.envelope, &args.level, &secrets)?;
    config.trust = Trust {
        allow_incomplete: args.source.allow_incomplete,
        ignore_manifest: args.source.ignore_manifest,
    };
    config.namespace = namespace.map(str::to_owned);
    config.shipped_at = shipped_at;
    config.remove_files = args.target.remove_files;
    config.manifest = !args.target.no_manifest;
    config.compact = args.target.compact;
    config.file_limit = file_limit.unwrap_or(config.file_limit);
    config.parallel = parallel(args.tuning.parallel);
    config.index_bytes = usize::try_from(u64::from(args.index_memory) << 20).unwrap_or(usize::MAX);
    Ok(config)
}

fn source(args: &ConvertArgs) -> Result<Arc<dyn Store>, Error> {
    const DIRECTORY: &str = "--directory (-d)";
    const FILE: &str = "--input-file (-i)";
    let options = LocalOptions::default();
    match (&args.source.directory, &args.source.input_file) {
        (Some(_), Some(_)) => Err(exclusive(DIRECTORY, FILE)),
        (None, None) => Err(missing(DIRECTORY, FILE)),
        (Some(directory), None) => Ok(local_dir(directory, options)),
        (None, Some(file)) if file == Path::new("-") => Err(Error::usage(format!(
            "{FILE} -: a stream can be read only once, and a conversion reads its files more often"
        ))),
        (None, Some(file)) => single(file, options, Stream::stdin, 0),
    }
}

fn target(args: &ConvertArgs) -> Result<BackupTarget, Error> {
    const DIRECTORY: &str = "--output-directory";
    const FILE: &str = "--output-file (-o)";
    let mode = args.target.file_mode;
    let options = LocalOptions::default();
    let options = mode.map_or(options, |mode| options.file_mode(mode));
    match (&args.target.output_directory, &args.target.output_file) {
        (Some(_), Some(_)) => Err(exclusive(DIRECTORY, FILE)),
        (None, None) => Err(missing(DIRECTORY, FILE)),
        (Some(directory), None) => Ok(BackupTarget::Directory(local_dir(directory, options))),
        (None, Some(file)) => {
            let store = single(file, options, Stream::stdout, STDOUT_MIB)?;
            let is_stream = !store.capabilities().named;
            for (flag, is_given) in [
                ("--remove-files (-r)", args.target.remove_files),
                ("--file-mode", mode.is_some()),
            ] {
                if is_stream && is_given {
                    let place = store.location();
                    return Err(Error::usage(format!("{flag}: {place} is a stream")));
                }
            }
            Ok(BackupTarget::Single(store))
        }
    }
}

/// With `--remove-files`, a conversion into its own source would remove that.
fn check_places(args: &ConvertArgs) -> Result<(), Error> {
    let (Some(source), Some(target)) = (&args.source.directory, &args.target.output_directory)
    else {
        return Ok(());
    };
    // What does not exist is not the other.
    let same = fs::canonicalize(source)
        .is_ok_and(|source| fs::canonicalize(target).is_ok_and(|target| source == target));
    match same {
        true => Err(Error::usage(
            "--directory (-d) and --output-directory are the same",
        )),
        false => Ok(()),
    }
}

/// What was encrypted is not written in the clear unasked.
fn check_plain(args: &ConvertArgs) -> Result<(), Error> {
    match (args.input.input_encrypt, args.envelope.encrypt) {
        (Some(Encrypt::Aes128 | Encrypt::Aes256), None) => Err(Error::usage(
            "--input-encrypt without --encrypt: what is encrypted would be written in the clear",
        )
        .with_hint("--encrypt NONE says that this is what you want")),
        _ => Ok(()),
    }
}

/// The moment in the words of the time flags of a backup.
fn shipped_at(typed: &str) -> Result<SystemTime, Error> {
    let wrong = |why: String| Error::usage(format!("--shipped-at: {why}"));
    let now = time::now().map_err(wrong)?;
    let moment = time::parse(typed, Bound::Before, &now).map_err(wrong)?;
    let since = u64::try_from(moment.nanoseconds);
    let since = since.map_err(|_| wrong(format!("{typed} is before 1970")))?;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_nanos(since))
}

/// The flags of the input as those of a restore are read.
fn of_input(flags: &InputEnvelope) -> Envelope {
    Envelope {
        compress: None,
        encrypt: flags.input_encrypt,
        encryption_key_file: flags.input_encryption_key_file.clone(),
        encryption_key_env: flags.input_encryption_key_env.clone(),
        encryption_key_secret: flags.input_encryption_key_secret.clone(),
        encryption_key_raw: flags.input_encryption_key_raw,
    }
}

/// A refusal of such flags under the names that they have here.
fn named_for_input(error: Error) -> Error {
    match error {
        Error::Usage { message, hint } => Error::Usage {
            message: message.replace("--encrypt", "--input-encrypt"),
            hint,
        },
        error => error,
    }
}
