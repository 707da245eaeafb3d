//! What a terminal shows.

use crate::support::{NAMESPACE, filled, hosts, wait_for};
use asnode::faults::{On, Reaction, Rule};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::{
    fs::{File, OpenOptions},
    io::Read as _,
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::tempdir;

/// What the program writes to a terminal that is its standard error.
fn on_terminal(command: &mut Command) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("terminal");
    grantpt(&master).expect("terminal");
    unlockpt(&master).expect("terminal");
    let name = ptsname(&master, Vec::new()).expect("name");
    let name = name.into_string().expect("UTF-8");
    let terminal = OpenOptions::new().read(true).write(true).open(name);
    let reader = thread::spawn(move || {
        let (mut master, mut shown, mut piece) = (File::from(master), Vec::new(), [0; 4096]);
        // The end of a terminal is an error.
        while let Ok(count @ 1..) = master.read(&mut piece) {
            shown.extend_from_slice(&piece[..count]);
        }
        String::from_utf8(shown).expect("UTF-8")
    });
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(terminal.expect("terminal")))
        .spawn()
        .expect("child");
    // The command keeps the terminal open as well.
    command.stderr(Stdio::null());
    assert!(child.wait().expect("child").success());
    wait_for("the end of the terminal", || reader.is_finished());
    reader.join().expect("text")
}

#[test]
fn a_bar_and_colours_unless_they_are_refused() {
    let source = filled(1, 2000);
    let slow = Reaction::Delay(Duration::from_millis(400));
    source.faults().add(Rule::new(On::Scan, slow));
    let place = tempdir().expect("directory");
    let shown = |name: &str, variables: &[(&str, &str)], flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_absctl"));
        command
            .args(["backup", &hosts(&source), "-n", NAMESPACE, "-d"])
            .arg(place.path().join(name))
            .args(flags)
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .env("ABSCTL_FORECAST_SAMPLES", "0")
            .env("ABSCTL_PROGRESS_FPS", "50")
            .envs(variables.iter().copied());
        on_terminal(&mut command)
    };
    let green = "\u{1b}[32mINFO";
    let usual = shown("a", &[], &[]);
    assert!(
        usual.contains("] 0 records, 0 rec/s") || usual.contains(" %, "),
        "{usual}"
    );
    assert!(
        usual.contains(green) && usual.contains("Backup report"),
        "{usual}"
    );
    let plain = shown("b", &[("NO_COLOR", "1")], &[]);
    assert!(
        plain.contains("level=INFO") && !plain.contains("\u{1b}[32m"),
        "{plain}"
    );
    let json = shown("c", &[], &["--log-json"]);
    assert!(!json.contains('\u{1b}'), "no bar between objects: {json}");
}
