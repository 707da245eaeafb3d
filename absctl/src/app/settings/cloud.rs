//! From flags to a bucket (`cli.md` §11, §19).

use super::{Secrets, exclusive, problems::Problems};
use crate::app::{
    cli::{
        BackupArgs, RestoreArgs, XdrArgs,
        cloud::{Cloud, CloudRead, CloudWrite},
    },
    error::Error,
};
use backup_core::{
    cluster::net_tls::secret::Secret,
    storage::{
        Store,
        object::{
            AzureAccess, AzureOptions, Bucket, Connection, GcsOptions, Keys, LEAST_PART_BYTES,
            ObjectOptions, PartSize, Retry, S3Encryption, S3Options, STORAGE_CLASSES, Thaw,
        },
    },
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::runtime::Handle;

const DIRECTORY: &str = "--directory (-d)";
const LIST: &str = "--directory-list";
/// In front of a path that names a bucket.
const SCHEME: &str = "s3://";

/// Where a backup goes to or comes from, when that is a bucket.
#[derive(Debug)]
pub(super) struct Place<'a> {
    provider: Provider,
    /// Bucket out of the path.
    bucket: Option<String>,
    path: PlacePath,
    flags: &'a Cloud,
    write: Option<&'a CloudWrite>,
    read: Option<&'a CloudRead>,
    options: ObjectOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    S3,
    Gcp,
    Azure,
}

#[derive(Debug)]
enum PlacePath {
    Directory(String),
    Directories(Vec<String>),
    File(String),
}

/// The stores of both commands.
#[derive(Debug)]
pub(super) enum Found {
    Directory(Arc<dyn Store>),
    Several(Vec<Arc<dyn Store>>),
    Single(Arc<dyn Store>),
}

/// The bucket that a backup goes to; `None` when the flags name none.
pub(super) fn of_backup<'a>(
    args: &'a BackupArgs,
    problems: &mut Problems,
) -> Result<Option<Place<'a>>, Error> {
    let paths = Paths {
        directory: args.target.directory.as_deref(),
        file: args.target.output_file.as_deref(),
        list: None,
        parent: None,
        file_flag: "--output-file (-o)",
        by_path: args.is_old,
    };
    let Some(mut place) = paths.place(&args.cloud, problems)? else {
        return Ok(None);
    };
    if args.target.file_mode.is_some() {
        problems.add("--file-mode: objects in a bucket have no permission bits".to_owned());
    }
    place.write = Some(&args.cloud_write);
    let limit = args.target.file_limit.checked_mul(1 << 20);
    let is_cut = matches!(place.path, PlacePath::Directory(_));
    place.write_options(limit.filter(|limit| is_cut && *limit > 0), problems);
    Ok(Some(place))
}

/// Whether the path of a backup names a bucket.
pub(super) fn names_bucket(args: &BackupArgs) -> bool {
    let paths = [&args.target.directory, &args.target.output_file];
    let mut paths = paths.into_iter().flatten();
    paths.any(|path| bucket_path(path).is_some())
}

/// The bucket that a backup by XDR goes to; `None` when the flags name none.
pub(super) fn of_xdr<'a>(
    args: &'a XdrArgs,
    problems: &mut Problems,
) -> Result<Option<Place<'a>>, Error> {
    let paths = Paths {
        directory: args.target.directory.as_deref(),
        file: None,
        list: None,
        parent: None,
        file_flag: "a path s3://BUCKET/KEY",
        by_path: false,
    };
    let Some(mut place) = paths.place(&args.cloud, problems)? else {
        return Ok(None);
    };
    place.write = Some(&args.cloud_write);
    let limit = args.target.file_limit.checked_mul(1 << 20);
    place.write_options(limit.filter(|limit| *limit > 0), problems);
    Ok(Some(place))
}

/// The bucket that a restore reads from; `None` when the flags name none.
pub(super) fn of_restore<'a>(
    args: &'a RestoreArgs,
    problems: &mut Problems,
) -> Result<Option<Place<'a>>, Error> {
    let paths = Paths {
        directory: args.source.directory.as_deref(),
        file: args.source.input_file.as_deref(),
        list: args.source.directory_list.as_deref(),
        parent: args.source.parent_directory.as_deref(),
        file_flag: "--input-file (-i)",
        by_path: args.is_old,
    };
    let Some(mut place) = paths.place(&args.cloud, problems)? else {
        return Ok(None);
    };
    if args.source.parent_directory.is_some() && args.source.directory_list.is_none() {
        problems.add(format!("--parent-directory needs {LIST}"));
    }
    place.read = Some(&args.cloud_read);
    place.read_options(&args.cloud_read, problems);
    Ok(Some(place))
}

/// The paths of a command.
struct Paths<'a> {
    directory: Option<&'a Path>,
    file: Option<&'a Path>,
    /// Several directories with commas between, below `parent`.
    list: Option<&'a str>,
    parent: Option<&'a Path>,
    file_flag: &'static str,
    /// Whether only paths choose a bucket: the old tools have their flags set for backups on local
    /// disk, too (`storage.md` §1).
    by_path: bool,
}

impl<'a> Paths<'a> {
    /// One provider at most, one path, and a bucket.
    fn place(&self, flags: &'a Cloud, problems: &mut Problems) -> Result<Option<Place<'a>>, Error> {
        let named = self.named(problems)?;
        let by_flags = [
            (Provider::S3, flags.s3.is_configured()),
            (Provider::Gcp, flags.gcp.is_configured()),
            (Provider::Azure, flags.azure.is_configured()),
        ];
        let by_path = |provider| provider == Provider::S3 && named.is_some();
        let configured: Vec<_> = by_flags
            .into_iter()
            .filter(|(provider, is_given)| by_path(*provider) || *is_given && !self.by_path)
            .map(|(provider, _)| provider)
            .collect();
        let [provider] = configured[..] else {
            if !configured.is_empty() {
                problems.add("flags of several clouds: a backup is in one of them".to_owned());
            }
            return Ok(None);
        };
        let path = match (self.directory, self.file, self.list) {
            (Some(_), Some(_), _) => Err(exclusive(DIRECTORY, self.file_flag)),
            (Some(_), _, Some(_)) => Err(exclusive(DIRECTORY, LIST)),
            (_, Some(_), Some(_)) => Err(exclusive(self.file_flag, LIST)),
            (None, None, None) => Err(super::missing(DIRECTORY, self.file_flag)),
            (Some(path), ..) => text(DIRECTORY, path).map(PlacePath::Directory),
            (_, Some(path), _) => text(self.file_flag, path).map(PlacePath::File),
            (.., Some(list)) => self.directories(list).map(PlacePath::Directories),
        };
        let Some(path) = problems.note(path)? else {
            return Ok(None);
        };
        let (bucket, path) = match named {
            None => (None, path),
            Some((bucket, keys)) => {
                let first = || keys.first().cloned().unwrap_or_default();
                let path = match path {
                    PlacePath::File(_) => PlacePath::File(first()),
                    PlacePath::Directory(_) => PlacePath::Directory(first()),
                    PlacePath::Directories(_) => PlacePath::Directories(keys),
                };
                (Some(bucket), path)
            }
        };
        if matches!(&path, PlacePath::File(key) if key == "-") {
            problems.add(format!("{} -: a stream is in no bucket", self.file_flag));
        }
        let given = flags.bucket(provider);
        match (&bucket, given) {
            (Some(one), Some(other)) if one != other => {
                problems.add(format!("--s3-bucket-name {other}: the path names {one}"));
            }
            (None, None) => problems.add(format!("{} is needed", provider.bucket_flag())),
            _ => {}
        }
        let options = flags.options(provider);
        let place = Place {
            provider,
            bucket: bucket.or_else(|| given.map(str::to_owned)),
            path,
            flags,
            write: None,
            read: None,
            options,
        };
        place.check(problems);
        Ok(Some(place))
    }
}

impl Paths<'_> {
    /// The bucket that paths name, and the keys in it.
    fn named(&self, problems: &mut Problems) -> Result<Option<(String, Vec<String>)>, Error> {
        if let Some(path) = self.directory.or(self.file) {
            return Ok(bucket_path(path).map(|(bucket, key)| (bucket, vec![key])));
        }
        let list = self
            .list
            .map_or(Ok(Vec::new()), |list| self.directories(list))?;
        let found: Vec<_> = list
            .iter()
            .map(|name| bucket_path(Path::new(name)))
            .collect();
        let (buckets, keys): (Vec<_>, Vec<_>) = found.iter().flatten().cloned().unzip();
        let Some(bucket) = buckets.first() else {
            return Ok(None);
        };
        if keys.len() < list.len() || buckets.iter().any(|other| other != bucket) {
            problems.add(format!("{LIST}: all directories have to be in one bucket"));
        }
        Ok(Some((bucket.clone(), keys)))
    }

    fn directories(&self, list: &str) -> Result<Vec<String>, Error> {
        let parent = self
            .parent
            .map(|parent| text("--parent-directory", parent))
            .transpose()?;
        let below = |name: &str| match parent.as_deref() {
            Some(parent) => format!("{}/{name}", parent.trim_end_matches('/')),
            None => name.to_owned(),
        };
        Ok(list.split(',').map(below).collect())
    }
}

/// Bucket and key of `s3://BUCKET/KEY`.
fn bucket_path(path: &Path) -> Option<(String, String)> {
    let rest = path.to_str()?.strip_prefix(SCHEME)?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    Some((bucket.to_owned(), key.to_owned()))
}

fn text(flag: &str, path: &Path) -> Result<String, Error> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::usage(format!("{flag}: names in a bucket are UTF-8")))
}

impl Provider {
    const fn bucket_flag(self) -> &'static str {
        match self {
            Self::S3 => "--s3-bucket-name",
            Self::Gcp => "--gcp-bucket-name",
            Self::Azure => "--azure-container-name",
        }
    }
}

impl Cloud {
    fn bucket(&self, provider: Provider) -> Option<&str> {
        match provider {
            Provider::S3 => self.s3.s3_bucket_name.as_deref(),
            Provider::Gcp => self.gcp.gcp_bucket_name.as_deref(),
            Provider::Azure => self.azure.azure_container_name.as_deref(),
        }
    }

    fn options(&self, provider: Provider) -> ObjectOptions {
        let (s3, gcp, azure) = (&self.s3, &self.gcp, &self.azure);
        let connection = |most: usize, request: u64| Connection {
            most: (most > 0).then_some(most),
            request_timeout: (request > 0).then(|| ms(request)),
            ..Connection::default()
        };
        let (connection, retry) = match provider {
            Provider::S3 => (
                Connection {
                    connect_timeout: ms(s3.s3_connect_timeout),
                    ca_file: s3.s3_ca_file.clone(),
                    ..connection(s3.s3_max_conns_per_host, s3.s3_request_timeout)
                },
                Retry {
                    attempts: s3.s3_retry_max_attempts,
                    longest_pause: ms(s3.s3_retry_max_backoff),
                    ..Retry::S3
                },
            ),
            Provider::Gcp => (
                connection(gcp.gcp_max_conns_per_host, gcp.gcp_request_timeout),
                Retry {
                    attempts: gcp.gcp_retry_max_attempts,
                    first_pause: ms(gcp.gcp_retry_init_backoff),
                    multiplier: gcp.gcp_retry_backoff_multiplier,
                    longest_pause: ms(gcp.gcp_retry_max_backoff),
                },
            ),
            Provider::Azure => (
                connection(azure.azure_max_conns_per_host, azure.azure_request_timeout),
                Retry {
                    attempts: azure.azure_retry_max_attempts,
                    first_pause: ms(azure.azure_retry_delay),
                    longest_pause: ms(azure.azure_retry_max_delay),
                    ..Retry::SLOW
                },
            ),
        };
        ObjectOptions {
            connection,
            retry: Some(retry),
            ..ObjectOptions::default()
        }
    }
}

const fn ms(typed: u64) -> Duration {
    Duration::from_millis(typed)
}

impl Place<'_> {
    /// What belongs together, and addresses.
    fn check(&self, problems: &mut Problems) {
        let (s3, azure) = (&self.flags.s3, &self.flags.azure);
        if s3.s3_access_key_id.is_some() != s3.s3_secret_access_key.is_some() {
            let pair = "--s3-access-key-id and --s3-secret-access-key need each other";
            problems.add(pair.to_owned());
        }
        if s3.s3_session_token.is_some() && s3.s3_access_key_id.is_none() {
            problems.add("--s3-session-token needs --s3-access-key-id".to_owned());
        }
        let ids = [
            azure.azure_tenant_id.is_some(),
            azure.azure_client_id.is_some(),
            azure.azure_client_secret.is_some(),
        ];
        let given = ids.iter().filter(|is_given| **is_given).count();
        if !matches!(given, 0 | 3) {
            let all =
                "--azure-tenant-id, --azure-client-id and --azure-client-secret need each other";
            problems.add(all.to_owned());
        }
        let ways = [
            azure.azure_account_key.is_some(),
            given > 0,
            azure.azure_sas_token.is_some(),
        ];
        if ways.iter().filter(|is_given| **is_given).count() > 1 {
            let ways = "an account key, an application and --azure-sas-token exclude each other";
            problems.add(ways.to_owned());
        }
        if self.provider == Provider::Azure && azure.azure_endpoint.is_none() {
            problems.add("--azure-endpoint is needed".to_owned());
        }
        let gcp = &self.flags.gcp;
        let endpoints = [
            ("--s3-endpoint-override", s3.s3_endpoint_override.as_deref()),
            (
                "--gcp-endpoint-override",
                gcp.gcp_endpoint_override.as_deref(),
            ),
            (
                "--azure-endpoint",
                azure.azure_endpoint.as_ref().map(Secret::expose),
            ),
        ];
        for (flag, url) in endpoints {
            let Some(url) = url else {
                continue;
            };
            // A query may be a token.
            let shown = url.split('?').next().unwrap_or_default();
            if !is_url(shown) {
                problems.add(format!(
                    "{flag} {shown:?}: http://HOST or https://HOST is needed"
                ));
            }
        }
    }

    fn write_options(&mut self, file_limit: Option<u64>, problems: &mut Problems) {
        let Some(write) = self.write else {
            return;
        };
        let (s3, gcp, azure) = (&write.s3, &write.gcp, &write.azure);
        let (flag, size, least) = match self.provider {
            Provider::S3 => ("--s3-chunk-size", s3.s3_chunk_size, LEAST_PART_BYTES),
            Provider::Gcp => ("--gcp-chunk-size", gcp.gcp_chunk_size, LEAST_PART_BYTES),
            Provider::Azure => ("--azure-block-size", azure.azure_block_size, 1 << 20),
        };
        let bytes = |mib: u64| mib.saturating_mul(1 << 20);
        let least_given = s3.s3_min_part_size.map_or(0, bytes);
        self.options.part_size = match size.map(bytes) {
            Some(given) if given < least || given > 4 << 30 => {
                problems.add(format!(
                    "{flag}: {} MiB to 4096 MiB are possible",
                    least >> 20
                ));
                return;
            }
            Some(given) => PartSize::Fixed(given),
            None => PartSize::Automatic {
                file_limit,
                least: least_given.min(4 << 30),
            },
        };
        if let Some(limit) = file_limit
            && self.options.part_size.check(limit).is_err()
        {
            let limit = limit >> 20;
            problems.add(format!(
                "{flag}: a file of {limit} MiB (--file-limit) would have 10000 parts or more"
            ));
        }
        if self.provider == Provider::S3 {
            self.options.uploads_per_file = s3.s3_upload_concurrency;
            self.options.uploads = s3.s3_max_async_uploads;
        }
        if self.provider == Provider::Azure {
            self.options.uploads_per_file = azure.azure_upload_concurrency;
        }
        let class = s3.s3_storage_class.as_deref().map(str::to_ascii_uppercase);
        if let Some(class) = class.filter(|class| !STORAGE_CLASSES.contains(&class.as_str())) {
            let known = STORAGE_CLASSES.join(", ");
            problems.add(format!(
                "--s3-storage-class {class}: one of {known} is needed"
            ));
        }
        if s3.s3_sse_kms_key_id.is_some() && s3.s3_sse.as_deref() != Some("aws:kms") {
            problems.add("--s3-sse-kms-key-id needs --s3-sse aws:kms".to_owned());
        }
    }

    fn read_options(&mut self, read: &CloudRead, problems: &mut Problems) {
        let (s3, gcp, azure) = (&read.s3, &read.gcp, &read.azure);
        let retry = |attempts, backoff, multiplier| Retry {
            attempts,
            first_pause: ms(backoff),
            multiplier,
            ..Retry::READ
        };
        let (read_retry, tier, poll) = match self.provider {
            Provider::S3 => (
                retry(
                    s3.s3_retry_read_max_attempts,
                    s3.s3_retry_read_backoff,
                    s3.s3_retry_read_multiplier,
                ),
                s3.s3_tier.as_ref(),
                s3.s3_restore_poll_duration,
            ),
            Provider::Gcp => (
                retry(
                    gcp.gcp_retry_read_max_attempts,
                    gcp.gcp_retry_read_backoff,
                    gcp.gcp_retry_read_multiplier,
                ),
                None,
                1,
            ),
            Provider::Azure => (
                retry(
                    azure.azure_retry_read_max_attempts,
                    azure.azure_retry_read_backoff,
                    azure.azure_retry_read_multiplier,
                ),
                self.flags.azure.azure_access_tier.as_ref(),
                azure.azure_rehydrate_poll_duration,
            ),
        };
        if self.provider == Provider::Azure && tier.is_some_and(|tier| tier == "Archive") {
            problems.add("--azure-access-tier Archive: nothing can be read from there".to_owned());
        }
        self.options.read_retry = read_retry;
        self.options.downloads = s3
            .s3_max_async_downloads
            .filter(|_| self.provider == Provider::S3);
        self.options.thaw = tier.map(|tier| Thaw {
            tier: tier.clone(),
            poll: ms(poll),
            deadline: Duration::from_secs(read.storage_restore_timeout.saturating_mul(3600)),
        });
    }

    /// Opens the bucket. Nothing is asked of it yet; `secrets` may be.
    pub(super) fn open(self, secrets: &Secrets) -> Result<Found, Error> {
        let options = self.options.clone();
        let runtime = Handle::try_current().map_err(|error| Error::System {
            action: "find the runtime",
            source: std::io::Error::other(error),
        })?;
        self.log_memory();
        let bucket = match self.provider {
            Provider::S3 => self.s3(secrets)?.open(options, &runtime),
            Provider::Gcp => self.gcp().open(options, &runtime),
            Provider::Azure => self.azure(secrets)?.open(options, &runtime),
        }?;
        self.store(&bucket)
    }

    fn store(&self, bucket: &Bucket) -> Result<Found, Error> {
        Ok(match &self.path {
            PlacePath::Directory(prefix) => Found::Directory(Arc::new(bucket.directory(prefix)?)),
            PlacePath::Directories(prefixes) => {
                let mut stores: Vec<Arc<dyn Store>> = Vec::new();
                for prefix in prefixes {
                    stores.push(Arc::new(bucket.directory(prefix)?));
                }
                Found::Several(stores)
            }
            PlacePath::File(key) => Found::Single(Arc::new(bucket.file(key)?)),
        })
    }

    fn log_memory(&self) {
        let (what, bytes) = match self.write {
            Some(_) => ("written", self.options.memory_per_upload()),
            None => ("read", self.options.memory_per_download()),
        };
        tracing::info!(
            "each file that is {what} takes up to {} MiB of memory",
            bytes >> 20
        );
    }

    fn s3(&self, secrets: &Secrets) -> Result<S3Options, Error> {
        let flags = &self.flags.s3;
        let id = secrets.text("--s3-access-key-id", flags.s3_access_key_id.as_deref())?;
        let secret = secret_of(
            secrets,
            "--s3-secret-access-key",
            flags.s3_secret_access_key.as_ref(),
        )?;
        let session_token = secret_of(
            secrets,
            "--s3-session-token",
            flags.s3_session_token.as_ref(),
        )?;
        let write = self.write.map(|write| &write.s3);
        let encryption = write.and_then(|write| match write.s3_sse.as_deref() {
            None => None,
            Some("AES256") => Some(S3Encryption::S3),
            Some(_) => Some(S3Encryption::Kms(write.s3_sse_kms_key_id.clone())),
        });
        Ok(S3Options {
            bucket: self.bucket.clone().unwrap_or_default(),
            region: flags.s3_region.clone(),
            profile: flags.s3_profile.clone(),
            keys: id.zip(secret).map(|(id, secret)| Keys {
                id,
                secret,
                session_token,
            }),
            endpoint: flags.s3_endpoint_override.clone(),
            virtual_host: flags.s3_virtual_host,
            storage_class: write.and_then(|write| write.s3_storage_class.clone()),
            encryption,
            checksum: write.is_some_and(|write| write.s3_calculate_checksum),
        })
    }

    fn gcp(&self) -> GcsOptions {
        let write = self.write.map(|write| &write.gcp);
        GcsOptions {
            bucket: self.bucket.clone().unwrap_or_default(),
            key_file: self.flags.gcp.gcp_key_path.clone(),
            endpoint: self.flags.gcp.gcp_endpoint_override.clone(),
            storage_class: write.and_then(|write| write.gcp_storage_class.clone()),
            checksum: write.is_some_and(|write| write.gcp_calculate_checksum),
        }
    }

    fn azure(&self, secrets: &Secrets) -> Result<AzureOptions, Error> {
        let flags = &self.flags.azure;
        let key = secret_of(
            secrets,
            "--azure-account-key",
            flags.azure_account_key.as_ref(),
        )?;
        let sas = secret_of(secrets, "--azure-sas-token", flags.azure_sas_token.as_ref())?;
        let client = secret_of(
            secrets,
            "--azure-client-secret",
            flags.azure_client_secret.as_ref(),
        )?;
        let access = match (key, sas, client) {
            (Some(key), ..) => AzureAccess::Key(key),
            (_, Some(sas), _) => AzureAccess::Signature(sas),
            (_, _, Some(secret)) => AzureAccess::Application {
                tenant: flags.azure_tenant_id.clone().unwrap_or_default(),
                client: flags.azure_client_id.clone().unwrap_or_default(),
                secret,
            },
            _ => AzureAccess::Open,
        };
        Ok(AzureOptions {
            container: self.bucket.clone().unwrap_or_default(),
            endpoint: flags
                .azure_endpoint
                .clone()
                .unwrap_or_default()
                .expose()
                .to_owned(),
            account: flags.azure_account_name.clone(),
            access,
            tier: self.write.and_then(|_| flags.azure_access_tier.clone()),
            checksum: (self.write).is_some_and(|write| write.azure.azure_calculate_checksum),
        })
    }
}

fn secret_of(
    secrets: &Secrets,
    flag: &str,
    typed: Option<&Secret>,
) -> Result<Option<Secret>, Error> {
    let Some(typed) = typed else {
        return Ok(None);
    };
    let found = secrets.secret(flag, typed.expose())?;
    Ok(Some(found.unwrap_or_else(|| typed.clone())))
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    host.is_some_and(|host| !host.is_empty() && !host.starts_with(':') && !host.contains(' '))
}
