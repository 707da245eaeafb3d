//! `astools.conf`, under the old names and under our own.

use crate::{
    legacy::{Place, seeds},
    support::{NAMESPACE, Run, assert_equal, data_names, empty, filled},
};
use asnode::Cluster;
use std::fs;

fn host(cluster: &Cluster) -> String {
    format!("host = \"{}\"", seeds(cluster))
}

fn write(place: &Place, name: &str, text: &str) {
    let path = place.path(name);
    fs::create_dir_all(path.parent().expect("parent")).expect("directory");
    fs::write(path, text).expect("file");
}

#[test]
fn one_file_serves_both_tools() {
    let (place, source, target) = (Place::new(), filled(1, 300), empty(1));
    let file = |cluster: &Cluster| {
        format!(
            "# shared with others\n[cluster]\n{}\nuse-services-alternate = false\n\
             [asbackup]\nnamespace = \"test\"\ndirectory = \"b\"\nParallel = 2\ncompress = \"zstd\"\n\
             no-udfs = false\n\
             [asrestore]\ndirectory = \"b\"\nparallel = 3\nno-generation = true\nbandwidth = 100\n\
             [aql]\nwhatever = [1, 2]\n",
            host(cluster)
        )
    };
    write(&place, ".aerospike/astools.conf", &file(&source));
    let run = place.run("asbackup", &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(data_names(&place.path("b")).len(), 2, "{run:?}");
    write(&place, ".aerospike/astools.conf", &file(&target));
    let run = place.run("asrestore", &["-t", "2"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_equal(&source, &target);
    // The command line wins, and the file can be left alone.
    let run = place.run("asbackup", &["-d", "c", "-w1", "-h", &seeds(&source)]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(data_names(&place.path("c")), ["test_00000.asb"]);
    place
        .run("asbackup", &["--no-config-file"])
        .refuses("--namespace (-n) is needed");
}

#[test]
fn instances_have_tables_of_their_own() {
    let (place, one, other) = (Place::new(), filled(1, 100), filled(1, 200));
    let text = format!(
        "[cluster]\n{}\n[cluster_two]\n{}\n[asbackup]\nnamespace = \"test\"\n\
         [asbackup_small]\nnamespace = \"test\"\nno-records = true\n",
        host(&one),
        host(&other)
    );
    write(&place, "a.conf", &text);
    let records = |args: &[&str]| {
        let run = place.run(
            "asbackup",
            &[&["--only-config-file", "a.conf"], args].concat(),
        );
        assert_eq!(run.code, Some(0), "{run:?}");
        let line = run
            .stderr
            .lines()
            .find_map(|line| line.split_once("Backed up "));
        let (number, _) = line.expect("line").1.split_once(' ').expect("number");
        number.parse::<u64>().expect("number")
    };
    assert_eq!(records(&["-d", "one"]), one.count(NAMESPACE));
    let of_two = records(&["-d", "two", "--instance", "two"]);
    assert_eq!(of_two, other.count(NAMESPACE));
    assert_ne!(of_two, one.count(NAMESPACE));
    let hosts = seeds(&one);
    assert_eq!(
        records(&["-d", "three", "--instance", "small", "-h", &hosts]),
        0
    );
    let run = place.run(
        "asbackup",
        &[
            "--only-config-file",
            "a.conf",
            "--instance",
            "small",
            "-d",
            "four",
            "-h",
            &hosts,
        ],
    );
    assert!(
        run.stderr.contains("no file has a table [cluster_small]"),
        "{run:?}"
    );
}

#[test]
fn files_include_files() {
    let (place, source) = (Place::new(), filled(1, 10));
    write(
        &place,
        "more/1.conf",
        "[asbackup]\nparallel = 5\nfile-limit = 9\n",
    );
    write(&place, "more/sub/2.conf", "[asbackup]\nfile-limit = 10\n");
    write(&place, "more/bad.conf", "[asbackup]\nfile-limit = \n");
    let own = "[asbackup]\nparallel = 4\nmax-records = 3\n[include]\nfile = \"b.conf\"\ndirectory = \"more\"\n";
    write(&place, "a.conf", own);
    write(&place, "b.conf", &format!("[cluster]\n{}\n", host(&source)));
    let line = ["backup", "--only-config-file", "a.conf"];
    assert!(
        place
            .shown(&line, "parallel")
            .starts_with("5 more/1.conf:2")
    );
    assert!(
        place
            .shown(&line, "file-limit")
            .starts_with("10 more/sub/2.conf:2 (asbackup.file-limit)")
    );
    assert!(place.shown(&line, "max-records").starts_with("3 a.conf:3"));
    assert!(
        place
            .shown(&line, "host")
            .contains("b.conf:2 (cluster.host)")
    );
    let run = place.run(
        "asbackup",
        &["--only-config-file", "a.conf", "-n", NAMESPACE, "-d", "b"],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("left out: more/bad.conf:2"), "{run:?}");
    write(&place, "loop.conf", "[include]\nfile = \"loop.conf\"\n");
    let run = place.run("asbackup", &["--only-config-file", "loop.conf"]);
    run.refuses("loop.conf:2: files include each other more than 3 deep");
}

#[test]
fn what_is_wrong_has_its_line() {
    let place = Place::new();
    let check = |text: &str, part: &str| {
        write(&place, "a.conf", text);
        place
            .run("asbackup", &["--only-config-file", "a.conf"])
            .refuses(part);
    };
    check(
        "[cluster]\nhots = \"x\"\n",
        "a.conf:2: unknown key cluster.hots; did you mean host?",
    );
    check(
        "[asbackup]\n\nparallel = \"4\"\n",
        "a.conf:3: asbackup.parallel: a whole number is needed",
    );
    check("[asbackup]\nnamespace = test\n", "a.conf:2: ");
    check(
        "[asbackup]\nnamespace = 4\n",
        "a.conf:2: asbackup.namespace: a text is needed",
    );
    check(
        "[asbackup]\nverbose = \"yes\"\n",
        "a.conf:2: asbackup.verbose: true or false is needed",
    );
    check(
        "[asbackup]\ntls-log-session-info = true\n",
        "unknown key asbackup.tls-log-session-info",
    );
    check("asbackup = 1\n", "a.conf:1: asbackup is a table");
    check(
        "[asbackup]\nparallel = 101\n",
        "a.conf:2: asbackup.parallel: a number from 1 to 100",
    );
    check(
        "[secret-agent]\nsa-port = 3005\n",
        "a.conf:2: secret-agent.sa-port: a text is needed",
    );
    check(
        "[include]\nfiles = \"x\"\n",
        "a.conf:2: unknown key include.files",
    );
    check(
        "[asbackup]\nnamespace = \"test\"\ndirectory = \"b\"\nmodified-after = \"never\"\n",
        "--modified-after (-a)",
    );
    let both = "[asbackup]\nbogus = 1\n[cluster]\nport = true\n";
    check(both, "a.conf:2: unknown key asbackup.bogus");
    check(both, "a.conf:4: cluster.port");
    let run = place.run(
        "asbackup",
        &["--only-config-file", "a.conf", "--no-config-file"],
    );
    run.refuses("--no-config-file and --only-config-file exclude each other");
    let run = place.run("absctl", &["config", "check", "a.conf"]);
    let run = run.fails(1, "a.conf:2: unknown key asbackup.bogus");
    assert_eq!(run.stderr.matches("cluster.port").count(), 1, "{run:?}");
    write(&place, "b.conf", "[cluster]\nauth = \"NOBODY\"\n");
    let run = place.run("absctl", &["config", "check", "b.conf"]);
    run.fails(1, "b.conf:2 (cluster.auth): invalid value 'NOBODY'");
    write(
        &place,
        "c.conf",
        "[cluster]\nport = 3000\n[asbackup]\nnice = 4\n",
    );
    let run = place
        .run("absctl", &["config", "check", "c.conf"])
        .succeeds();
    let expected = "c.conf: fine; settings for asbackup: 2, for asrestore: 1\n";
    assert_eq!(String::from_utf8_lossy(&run.stdout), expected);
    let run = place.run("asbackup", &["--config-file", "none.conf", "-n", "test"]);
    assert!(run.stderr.contains("there is no file none.conf"), "{run:?}");
}

#[test]
fn our_own_command_reads_it_when_it_is_named() {
    let (place, source) = (Place::new(), filled(1, 40));
    let text = format!(
        "[cluster]\n{}\n[asbackup]\nnamespace = \"test\"\nnice = 7\nset = \"a\"\nencryption-key-env = \"K\"\n\
         [asrestore]\nnice = \"8,900\"\ntimeout = 5000\nretry-scale-factor = 150001\n",
        host(&source)
    );
    write(&place, "a.conf", &text);
    write(
        &place,
        ".aerospike/astools.conf",
        "[asbackup]\nnamespace = \"home\"\nfile-limit = 3\n",
    );
    let line = ["backup", "--config-file", "a.conf"];
    assert_eq!(
        place.shown(&line, "bandwidth"),
        "7 a.conf:5 (asbackup.nice)"
    );
    assert_eq!(place.shown(&line, "set-list"), "a a.conf:6 (asbackup.set)");
    assert!(place.shown(&line, "encryption-key-raw").starts_with("true"));
    assert_eq!(
        place.shown(&line, "parallel"),
        "0 default",
        "not asbackup's"
    );
    assert!(
        place.shown(&line, "file-limit").starts_with("3 "),
        "the home counts, too"
    );
    assert!(place.shown(&line, "namespace").starts_with("test a.conf"));
    assert_eq!(
        place.shown(&["backup", "-n", "x"], "file-limit"),
        "250 default"
    );
    let line = ["restore", "--only-config-file", "a.conf"];
    assert!(place.shown(&line, "records-per-second").starts_with("900 "));
    assert!(place.shown(&line, "bandwidth").starts_with("8 "));
    assert!(place.shown(&line, "total-timeout").starts_with("5000 "));
    assert!(
        place
            .shown(&line, "retry-base-interval")
            .starts_with("151 ")
    );
    let typed = ["restore", "--only-config-file", "a.conf", "-N", "3"];
    assert_eq!(place.shown(&typed, "bandwidth"), "3 command line");
    let mut command = place.command(
        "absctl",
        &["config", "show", "backup", "--config-file", "a.conf"],
    );
    let run = Run::of(command.env("ABSCTL_BANDWIDTH", "5")).succeeds();
    let text = String::from_utf8(run.stdout).expect("UTF-8");
    let line = text
        .lines()
        .find(|line| line.starts_with("bandwidth "))
        .expect("line");
    assert!(line.ends_with("ABSCTL_BANDWIDTH"), "{line}");
    let none = ["backup", "--no-config-file"];
    assert_eq!(place.shown(&none, "file-limit"), "250 default");
    let both = ["backup", "--no-config-file", "--config-file", "a.conf"];
    let run = place.run("absctl", &both);
    run.fails(1, "--no-config-file and --config-file exclude each other");
    let instance = "[cluster_two]\nuser = \"me\"\n[asbackup]\nfile-limit = 3\n";
    write(&place, ".aerospike/astools.conf", instance);
    let line = ["backup", "--instance", "two"];
    assert!(place.shown(&line, "user").starts_with("me "), "{line:?}");
    write(&place, "a.yaml", "backup: {parallel: 3}\n");
    let run = place.run(
        "absctl",
        &["backup", "--config", "a.yaml", "--instance", "x"],
    );
    run.fails(1, "one kind of file is possible");
    let args = [
        "backup",
        "--only-config-file",
        "a.conf",
        "--encrypt",
        "none",
        "-d",
        "b",
    ];
    place
        .run("absctl", &args)
        .fails(1, "an encryption key needs --encrypt");
}

#[test]
fn secrets_in_a_file_go_to_the_agent() {
    use crate::agent::{Agent, Manner};
    let (place, source) = (Place::new(), filled(1, 30));
    let hosts = seeds(&source);
    let (host, port) = hosts.rsplit_once(':').expect("port");
    let agent = Agent::tcp(Manner::secrets(&[("host", host), ("port", port)]), None);
    let port = agent
        .flags
        .iter()
        .find_map(|flag| flag.strip_prefix("--sa-port="));
    let text = format!(
        "[cluster]\nhost = \"secrets:res:host\"\nport = \"secrets:port\"\n[secret-agent]\nsa-address = \"127.0.0.1:{}\"\n",
        port.expect("port")
    );
    write(&place, "a.conf", &text);
    let run = place.run(
        "asbackup",
        &["--only-config-file", "a.conf", "-n", NAMESPACE, "-d", "b"],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(agent.asked(), ["host", "port"]);
    let args = [
        "backup",
        "--only-config-file",
        "a.conf",
        "-n",
        "test",
        "-d",
        "c",
    ];
    let run = place.run("absctl", &args);
    run.fails(
        1,
        "--port (-p): a secret is written secrets:<resource>:<key>",
    );
}
