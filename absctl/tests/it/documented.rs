//! Commands as the documentation of Go's `absctl` and of `asbackup`/`asrestore` shows them, and as
//! the specification collects them (`cli.md`, `behaviour.md`, the feature matrix): hosts, ports,
//! paths and namespaces apart, they run as they stand there.

use crate::{
    legacy::{Place, seeds},
    support::{Run, filled},
};
use asnode::Cluster;
use std::{fs, process::Stdio, sync::Mutex};

/// A backup of Go's, with the options of its pages.
const ABSCTL: &[&str] = &[
    "absctl",
    "absctl backup",
    "absctl -V",
    "absctl backup -Z",
    "absctl restore -Z",
    // The quick start, and "run absctl backup".
    "absctl backup -h {host} -n test -d {new}",
    "absctl backup --host {host} --namespace test --directory {new}",
    "absctl backup --host {host} --namespace test --directory {new} --compress zstd",
    "absctl backup --host {host} --namespace test --output-file {new}",
    "absctl backup --host {host} --namespace test --estimate",
    "absctl backup --host {host} -n test -d {used} --remove-files",
    "absctl backup --remove-artifacts -d {used}",
    "absctl backup -h {host} -n test -o - | gzip",
    "absctl backup -h {host} -n test -d {new} -s a,b",
    "absctl backup -h {host} -n test -d {new} -B name,age",
    "absctl backup -h {host} -n test -d {new} -x -C",
    "absctl backup -h {host} -n test -d {new} -R -I --no-udfs",
    "absctl backup -h {host} -n test -d {new} -M 100",
    "absctl backup -h {host} -n test -d {new} --parallel 8 -F 1",
    "absctl backup -h {host} -n test -d {new} --modified-after 2026-01-01_00:00:00",
    "absctl backup -h {host} -n test -d {new} -a 2020-01-01 -b 2030-01-01",
    "absctl backup -h {host} -n test -d {new} --no-ttl-only",
    "absctl backup -h {host} -n test -d {new} -f kwGTUQOkbmFtZaQDYm9i",
    "absctl backup -h {host} -n test -d {new} -X 361,529,10-5 -w 3",
    "absctl backup -h {host} -n test -d {new} --partition-list 0-1000",
    "absctl backup -h {host} -n test -d {new} -D EjRWeJq83vEjRRI0VniavN7xI0U=",
    "absctl backup -h {host} -n test -d {new} -l {host}",
    "absctl backup -h {host} -n test -d {new} -q p_",
    "absctl backup -h {host} -n test -d {new} -L 20000 -N 100",
    "absctl backup -h {host} -n test -d {new} -v --log-level warn",
    "absctl backup -h {host} -n test -d {new} --log-json",
    "absctl backup -h {host} -n test -d {new} --log-file {new}",
    "absctl backup -h {host} -n test -d {new} -m {new}",
    "absctl backup -h {host} -n test -d {new} --state-file-dst backup.state",
    "absctl backup -h {host} -n test -d {new} --encrypt AES128 --encryption-key-file {key}",
    "absctl backup -h {host} -n test -d {new} --services-alternate --client-timeout 5000",
    "absctl backup -h {host} -n test -o /dev/null",
    "absctl backup --config {yaml} -d {new}",
    "absctl backup --only-config-file {toml} -d {new}",
    "absctl restore --host {target} --directory {made} --namespace test",
    "absctl restore --host {target} --input-file {file} --namespace test",
    "cat {file} | absctl restore -h {target} --input-file - --namespace test",
    "absctl restore --host {target} --directory {made} --namespace test,prod",
    "absctl restore -h {target} -n test --directory-list made --parent-directory .",
    "absctl restore -h {target} -n test -d {made} -u",
    "absctl restore -h {target} -n test -d {made} --replace --no-generation",
    "absctl restore -h {target} -n test -d {made} --apply-metadata-last --batch-size 50",
    "absctl restore -h {target} -n test -d {made} --extra-ttl 3600 --ignore-record-error",
    "absctl restore --validate --directory {made}",
];

/// Those of the old tools.
const OLD: &[&str] = &[
    "asbackup -V",
    "asbackup --usage",
    "asrestore --options",
    "asbackup --host {host} --namespace test --directory {new}",
    "asbackup -d {new} -n test -h {host}",
    "asbackup -h {host} -d {new} -n test -v",
    "asbackup --host {host} --namespace test --directory {new} --compress zstd",
    "asbackup --host {host} --namespace test --directory {new} --compress zstd --compression-level 6",
    "asbackup --host {host} --namespace test --output-file {new}",
    "asbackup --host {host} --namespace test --output-file - | gzip",
    "asbackup -h {host} -n test -d {new} --encrypt aes128 --encryption-key-file {key}",
    "asbackup --host {host} --namespace test --estimate",
    "asbackup -h {host} -n test -e --estimate-samples 100",
    "asbackup -h {host} -n test -d {new} --set a,b",
    "asbackup -h {host} -n test -d {new} -u -S -F 100",
    "asbackup -h {host} -n test -d {new} --partition-list 361,529,841",
    "asbackup -h {host} -n test -d {new} -X 0-1000,1000-1000,2222 -w 3",
    "asbackup -h {host} -n test -d {new} -D EjRWeJq83vEjRRI0VniavN7xI0U=",
    "asbackup -h {host} -n test -d {new} --node-list {host}",
    "asbackup -h {host} -n test -d {new} --nice 100 --records-per-second 10000",
    "asbackup -h {host} -n test -d {new} --modified-after 2020-01-01 --modified-before 2030-01-01_00:00:00",
    "asbackup -h {host} -n test -d {new} --socket-timeout 10000 --total-timeout 0 --max-retries 5 --retry-delay 10",
    "asbackup -h {host} -n test -d {new} --state-file-dst {new}",
    "asbackup -h {host} -n test -d {new} -q nightly -r",
    "asbackup --remove-artifacts --directory {used}",
    "asbackup --only-config-file {toml} --directory {new}",
    "asbackup --no-config-file -h {host} -n test -d {new}",
    "asrestore --host {target} --directory {made}",
    "asrestore --host {target} --directory {made} --namespace test",
    "asrestore --host {target} --directory {made} --namespace test,prod",
    "asrestore --host {target} --input-file {file}",
    "cat {file} | asrestore --host {target} --input-file -",
    "asrestore -h {target} -d {made} -n test --unique",
    "asrestore -h {target} -d {made} -n test -r -g -w -t 4",
    "asrestore -h {target} -d {made} -n test -L -I -F -N 100,10000 -T 5000",
    "asrestore -h {target} -d {made} -n test --batch-size 128 --max-async-batches 16",
    "asrestore -h {target} -d {made} -n test --disable-batch-writes --set-list a,b",
    "asrestore -h {target} --directory-list made --parent-directory .",
    "asrestore --validate --directory {made}",
    "asrestore --only-config-file {toml} --directory {made}",
];

/// What commands need: clusters, backups, keys and files.
struct World {
    place: Place,
    source: Cluster,
    target: Cluster,
}

impl World {
    fn new() -> Self {
        let (place, source) = (Place::new(), filled(1, 60));
        let target = two_namespaces();
        let world = Self {
            place,
            source,
            target,
        };
        crate::envelope::write_key(&world.place.path("."));
        let (host, target) = (seeds(&world.source), seeds(&world.target));
        let port = host.rsplit_once(':').expect("port").1;
        let yaml = format!(
            "cluster: {{seeds: [{{host: 127.0.0.1, port: {port}}}]}}\nbackup: {{namespace: test}}\n"
        );
        fs::write(world.place.path("c.yaml"), yaml).expect("file");
        let toml = |host: &str| {
            format!(
                "[cluster]\nhost = \"{host}\"\n[asbackup]\nnamespace = \"test\"\n[asrestore]\nnamespace = \"test\"\n"
            )
        };
        fs::write(world.place.path("asbackup.conf"), toml(&host)).expect("file");
        fs::write(world.place.path("asrestore.conf"), toml(&target)).expect("file");
        for target in ["-d made", "-o file.asb"] {
            let line = format!("absctl backup -h {host} -n test {target}");
            assert_eq!(world.run(&line).code, Some(0), "{line}");
        }
        world
    }

    /// The line as it is typed here.
    fn typed(&self, number: usize, line: &str) -> String {
        let used = format!("used-{number}");
        if line.contains("{used}") {
            let made = self.run(&format!(
                "absctl backup -h {} -n test -d {used}",
                seeds(&self.source)
            ));
            assert_eq!(made.code, Some(0), "{made:?}");
        }
        let toml = if line.starts_with("asrestore") {
            "asrestore.conf"
        } else {
            "asbackup.conf"
        };
        let mut typed = line.to_owned();
        let mut new = 0;
        while typed.contains("{new}") {
            typed = typed.replacen("{new}", &format!("new-{number}-{new}"), 1);
            new += 1;
        }
        let pairs = [
            ("{host}", seeds(&self.source)),
            ("{target}", seeds(&self.target)),
            ("{made}", "made".to_owned()),
            ("{file}", "file.asb".to_owned()),
            ("{used}", used),
            ("{key}", "key.pem".to_owned()),
            ("{yaml}", "c.yaml".to_owned()),
            ("{toml}", toml.to_owned()),
        ];
        pairs
            .iter()
            .fold(typed, |typed, (name, value)| typed.replace(name, value))
    }

    /// Runs a line as a shell does, with the links in front of all other programs.
    fn run(&self, line: &str) -> Run {
        let path = std::env::var("PATH").expect("PATH");
        let here = self.place.path(".");
        let output = std::process::Command::new("bash")
            .args(["-o", "pipefail", "-c", line])
            .current_dir(&here)
            .env("HOME", &here)
            .env("PATH", format!("{}:{path}", here.display()))
            .stdin(Stdio::null())
            .output();
        let output = output.expect("bash");
        Run {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A cluster that takes what was in `test` under another name as well.
fn two_namespaces() -> Cluster {
    let namespaces = ["test", "prod"].map(asnode::NamespaceConfig::new);
    let [test, prod] = namespaces;
    let builder = Cluster::builder().namespace(test).namespace(prod);
    builder.start().expect("cluster")
}

/// More than two seconds, as it runs some ninety programs: that is what it is for.
#[test]
fn documented_commands_run() {
    let world = World::new();
    let lines: Vec<_> = ABSCTL.iter().chain(OLD).enumerate().collect();
    let (rest, wrong) = (Mutex::new(lines.into_iter()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some((number, line)) = rest.lock().expect("lock").next() else {
                return;
            };
            let typed = world.typed(number, line);
            let run = world.run(&typed);
            let is_told = run.stderr.contains("error:") || run.stderr.contains("[ERR]");
            if run.code != Some(0) || is_told {
                wrong
                    .lock()
                    .expect("lock")
                    .push(format!("{typed}: {run:?}"));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().expect("lock");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
