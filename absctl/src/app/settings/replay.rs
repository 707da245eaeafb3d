//! Which kind of files a restore is about, and what of its flags makes sense for it
//! (`asbx-binary.md` §4).

use crate::app::{
    cli::{FileKinds, RestoreArgs},
    error::Error,
};
use backup_core::{
    replay::{Kinds, ReplayConfig},
    restore::RestoreConfig,
};

/// The restore of ASBX files, if it is to be one.
pub(super) fn replay(
    args: &RestoreArgs,
    config: &RestoreConfig,
) -> Result<Option<ReplayConfig>, Error> {
    let with_metadata = match args.mode.mode {
        FileKinds::Asb => return Ok(None),
        FileKinds::Asbx => false,
        FileKinds::Auto => {
            let kinds = Kinds::of_source(&config.source)?;
            if !kinds.asbx {
                return Ok(None);
            }
            kinds.asb
        }
    };
    check(args, config, with_metadata)?;
    Ok(Some(ReplayConfig {
        with_metadata,
        ..ReplayConfig::new(config.clone())
    }))
}

/// Whether a validation is about ASBX files, too.
pub(super) const fn is_about(args: &RestoreArgs, kinds: Kinds) -> bool {
    match args.mode.mode {
        FileKinds::Asb => false,
        FileKinds::Asbx => true,
        FileKinds::Auto => kinds.asbx,
    }
}

/// Messages are written as they are: what would change them, or look into them, is refused. Beside
/// text, some of these choose between the text and the messages.
fn check(args: &RestoreArgs, config: &RestoreConfig, with_text: bool) -> Result<(), Error> {
    let flags = [
        ("--namespace (-n) SOURCE,DEST", config.destination.is_some()),
        ("--set-list (-s)", !config.sets.is_empty()),
        ("--bin-list (-B)", !config.bins.is_empty()),
        ("--extra-ttl", config.extra_ttl > 0),
        ("--disable-batch-writes", config.single_writes),
        ("--reject-file", config.rejects.is_some()),
        ("--state-file-dst or --continue", config.state.is_some()),
        ("--shard", args.part.shard.is_some()),
        ("--no-records (-R)", config.no_records && !with_text),
        ("--no-indexes (-I)", config.no_indexes && !with_text),
        ("--no-udfs", config.no_udfs && !with_text),
    ];
    let wrong = flags.into_iter().filter(|(_, given)| *given);
    let wrong: Vec<_> = wrong.map(|(flag, _)| flag).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let flags = wrong.join(", ");
    Err(Error::usage(format!(
        "{flags}: not possible with ASBX files, whose records are written as they were shipped"
    )))
}
