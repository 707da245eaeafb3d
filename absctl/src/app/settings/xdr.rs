//! A backup by XDR, from its flags.

use super::{
    Problems, Secrets, cloud, connect, envelope, mebibytes, parallel,
    patience::millis,
    place::{bucket_target, local_dir},
    required_namespace, written,
};
use crate::app::{
    cli::{ListenerFlags, XdrArgs},
    error::Error,
};
use backup_core::{
    cluster::net_tls::{pem::Source, server::ServerSettings},
    storage::{LocalOptions, Store},
    xdr::{CleanUp, InfoRetry, Listener, XdrConfig},
};
use std::{path::Path, sync::Arc};

/// What `absctl backup xdr` is asked for.
#[derive(Debug)]
pub(crate) enum XdrTask {
    /// A backup.
    Backup(Box<XdrConfig>),
    /// Cleaning up after one that was killed.
    CleanUp(Box<CleanUp>),
}

/// The task that was asked for.
pub(crate) fn xdr(args: &XdrArgs) -> Result<XdrTask, Error> {
    let mut problems = Problems::default();
    let namespace = problems.note(required_namespace(args.target.namespace.as_deref()))?;
    let place = match args.clean_up.is_wanted() {
        true => None,
        false => Place::of(args, &mut problems)?,
    };
    let file_limit = mebibytes("--file-limit (-F)", args.target.file_limit);
    let file_limit = problems.note(file_limit)?;
    let listener = problems.note(listener(&args.listener))?;
    let no_manifest = args.target.no_manifest;
    let annotations = written::annotations(&args.written, no_manifest, &mut problems)?;
    let secrets = problems.note(Secrets::new(&args.agent))?;
    let (Some(namespace), Some(listener), Some(secrets), true) =
        (namespace, listener, secrets, problems.is_empty())
    else {
        return Err(problems.into_error());
    };
    let connect = connect(&args.connection, &secrets)?;
    let retry = InfoRetry {
        attempts: connect.info_retry.attempts,
        interval: connect.info_retry.base,
        multiplier: connect.info_retry.multiplier,
    };
    let Some(place) = place else {
        return Ok(XdrTask::CleanUp(Box::new(CleanUp {
            connect,
            namespace: namespace.to_owned(),
            dc: args.clean_up.stop_xdr.then(|| args.shipping.dc.clone()),
            unblock: args.clean_up.unblock_mrt,
            retry,
        })));
    };
    let (target, dc) = (place.open(&secrets)?, args.shipping.dc.clone());
    let mut config = XdrConfig::new(namespace, target, dc);
    config.connect = connect;
    config.wrap = envelope::wrap(&args.envelope, &args.level, &secrets)?;
    config.remove_files = args.target.remove_files;
    config.manifest = !args.target.no_manifest;
    config.verify_writes = args.written.verify_writes;
    config.annotations = annotations;
    config.file_limit = file_limit.unwrap_or(config.file_limit);
    config.parallel_write = parallel(args.target.parallel_write);
    config.rewind = args.shipping.rewind;
    config.max_throughput = args.shipping.max_throughput;
    config.forward = args.shipping.forward;
    config.listener = listener;
    config.polling = millis(args.watch.info_polling_period);
    config.start_timeout = millis(args.watch.start_timeout);
    config.retry = retry;
    Ok(XdrTask::Backup(Box::new(config)))
}

/// Where the backup goes.
enum Place<'a> {
    Local(&'a Path),
    Bucket(Box<cloud::Place<'a>>),
}

impl<'a> Place<'a> {
    fn of(args: &'a XdrArgs, problems: &mut Problems) -> Result<Option<Self>, Error> {
        let Some(directory) = &args.target.directory else {
            problems.add("--directory (-d) is needed".to_owned());
            return Ok(None);
        };
        let bucket = cloud::of_xdr(args, problems)?;
        let bucket = bucket.map(|place| Self::Bucket(Box::new(place)));
        Ok(Some(bucket.unwrap_or(Self::Local(directory))))
    }

    fn open(self, secrets: &Secrets) -> Result<Arc<dyn Store>, Error> {
        match self {
            Self::Local(directory) => Ok(local_dir(directory, LocalOptions::default())),
            Self::Bucket(place) => {
                let target = bucket_target(place.open(secrets)?)?;
                Ok(Arc::clone(target.store()))
            }
        }
    }
}

fn listener(flags: &ListenerFlags) -> Result<Listener, Error> {
    if flags.local_address.is_empty() {
        return Err(Error::usage("--local-address is empty"));
    }
    let size = |typed: u32| usize::try_from(typed).unwrap_or(usize::MAX);
    Ok(Listener {
        address: flags.local_address.clone(),
        port: flags.local_port,
        bind_all: flags.local_bind_all,
        max_connections: size(flags.max_connections),
        read_timeout: millis(flags.read_timeout),
        write_timeout: millis(flags.write_timeout),
        ack_queue: size(flags.ack_queue_size),
        results_queue: size(flags.results_queue_size),
        tls: tls(flags)?,
    })
}

fn tls(flags: &ListenerFlags) -> Result<Option<ServerSettings>, Error> {
    let source = |path: &std::path::PathBuf| Source::File(path.clone());
    match (&flags.xdr_tls_certfile, &flags.xdr_tls_keyfile) {
        (None, None) if flags.xdr_tls_cafile.is_some() => Err(Error::usage(
            "--xdr-tls-cafile needs --xdr-tls-certfile and --xdr-tls-keyfile",
        )),
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(ServerSettings {
            client_ca: flags.xdr_tls_cafile.as_ref().map(source),
            ..ServerSettings::new(source(certificate), source(key))
        })),
        _ => Err(Error::usage(
            "--xdr-tls-certfile and --xdr-tls-keyfile belong together",
        )),
    }
}
