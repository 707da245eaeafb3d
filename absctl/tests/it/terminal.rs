//! What a terminal shows.

use crate::support::{LIMIT, NAMESPACE, heavy, hosts, wait_for};
use asnode::faults::{On, Reaction, Rule};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};
use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// What the bar looked like in one run: the text that came to a terminal of 100 columns.
const CAPTURE: &str = include_str!("../data/terminal/backup.txt");

/// A terminal, and what was written to it so far.
struct Terminal {
    master: File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    name: String,
}

impl Terminal {
    fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("terminal");
        grantpt(&master).expect("terminal");
        unlockpt(&master).expect("terminal");
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).expect("terminal");
        let name = ptsname(&master, Vec::new()).expect("name");
        let master = File::from(master);
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let (mut read, text) = (master.try_clone().expect("terminal"), Arc::clone(&shown));
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            // The end of a terminal is an error.
            while let Ok(count @ 1..) = read.read(&mut piece) {
                text.lock()
                    .expect("lock")
                    .extend_from_slice(&piece[..count]);
            }
        });
        Self {
            master,
            shown,
            reader,
            name: name.into_string().expect("UTF-8"),
        }
    }

    /// The side of a program.
    fn stdio(&self) -> Stdio {
        let file = OpenOptions::new().read(true).write(true).open(&self.name);
        Stdio::from(file.expect("terminal"))
    }

    fn shown(&self) -> String {
        let shown = self.shown.lock().expect("lock");
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// All that was shown, once no program has the terminal any more.
    fn end(self) -> String {
        wait_for("the end of the terminal", || self.reader.is_finished());
        self.shown()
    }
}

/// What the program writes to a terminal that is its standard error.
fn on_terminal(command: &mut Command) -> String {
    let terminal = Terminal::open();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(terminal.stdio())
        .spawn()
        .expect("child");
    // The command keeps the terminal open as well.
    command.stderr(Stdio::null());
    assert!(child.wait().expect("child").success());
    terminal.end()
}

/// Runs the program at a terminal of its own, answers a question there, and gives back what was
/// shown and the exit code.
pub(crate) fn on_controlling_terminal(
    args: &[&str],
    question: &str,
    answer: &str,
) -> (String, Option<i32>) {
    let mut terminal = Terminal::open();
    let mut command = Command::new("setsid");
    command
        .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_absctl")])
        .args(args)
        .env("TERM", "xterm")
        .stdin(terminal.stdio())
        .stdout(terminal.stdio())
        .stderr(terminal.stdio());
    let mut child = command.spawn().expect("setsid");
    drop(command);
    wait_for("the question", || terminal.shown().contains(question));
    let is_quiet = || {
        let modes = tcgetattr(&terminal.master).expect("terminal").local_modes;
        !modes.contains(LocalModes::ECHO)
    };
    wait_for("a terminal without echo", is_quiet);
    terminal
        .master
        .write_all(answer.as_bytes())
        .expect("terminal");
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().expect("child").is_none() {
        assert!(Instant::now() < deadline, "{}", terminal.shown());
        thread::sleep(Duration::from_millis(5));
    }
    let code = child.wait().expect("child").code();
    (terminal.end(), code)
}

/// A backup from a cluster that takes its time, before the first record and before the last ones.
fn backup_on_terminal(variables: &[(&str, &str)], flags: &[&str]) -> String {
    let source = heavy(400, 8192);
    let slow = Rule::new(On::Scan, Reaction::Delay(Duration::from_millis(400)));
    source.faults().add(slow);
    source.faults().add(slow.after_records(350));
    let place = tempdir().expect("directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_absctl"));
    command
        .args(["backup", &hosts(&source), "-n", NAMESPACE, "-d"])
        .arg(place.path().join("backup"))
        .args(flags)
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .env("ABSCTL_FORECAST_SAMPLES", "0")
        .env("ABSCTL_PROGRESS_FPS", "50")
        .envs(variables.iter().copied());
    on_terminal(&mut command)
}

/// The kinds of lines in a text, without what differs from run to run: numbers and paths.
fn shapes(text: &str) -> BTreeSet<String> {
    let shape = |line: &str| {
        let mut shape = String::new();
        for c in line.chars().filter(|c| !"=> ".contains(*c)) {
            let c = if c.is_ascii_digit() { '0' } else { c };
            if !(c == '0' && shape.ends_with(['0', '.'])) {
                shape.push(c);
            }
        }
        shape.replace("0.", "0")
    };
    let lines = text.split(['\r', '\n']).filter(|line| line.contains('%'));
    lines.map(|line| shape(&plain(line))).collect()
}

/// The text without control sequences.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        plain += end.and_then(|end| part.get(end + 1..)).unwrap_or_default();
    }
    plain
}

#[test]
fn a_bar_with_rate_time_left_and_load() {
    let shown = backup_on_terminal(&[], &["-w1"]);
    if let Some(file) = std::env::var_os("ABSCTL_TEST_CAPTURE") {
        std::fs::write(file, &shown).expect("capture");
    }
    let (found, expected) = (shapes(&shown), shapes(CAPTURE));
    for part in [
        "%,0sleft,0records,0rec/s,0KiB/s",
        "records:read0%,encode0%,compress0%,write0%",
    ] {
        assert!(
            expected.iter().any(|shape| shape.contains(part)),
            "{part} in {expected:?}"
        );
        assert!(
            found.iter().any(|shape| shape.contains(part)),
            "{part} in {found:?}"
        );
    }
    let percents = shown
        .split(" %,")
        .filter_map(|before| before.rsplit([' ', ']']).next());
    for percent in percents.filter_map(|text| text.parse::<f64>().ok()) {
        assert!((0.0..=100.0).contains(&percent), "{percent}");
    }
}

#[test]
fn colours_unless_they_are_refused() {
    let green = "\u{1b}[32mINFO";
    let usual = backup_on_terminal(&[], &[]);
    assert!(
        usual.contains(green) && usual.contains("Backup report"),
        "{usual}"
    );
    let no_colour = backup_on_terminal(&[("NO_COLOR", "1")], &[]);
    assert!(
        no_colour.contains("level=INFO") && !no_colour.contains("\u{1b}[32m"),
        "{no_colour}"
    );
    let json = backup_on_terminal(&[], &["--log-json"]);
    assert!(!json.contains('\u{1b}'), "no bar between objects: {json}");
}
