//! The end-to-end benchmark: backup and restore against embedded nodes, with the CPU time of
//! `zstd -3` over the same text, measured in the same run, as the yardstick.
//!
//! Seconds depend on the machine; the ratio to the yardstick is what the targets are about.
//! Every process is measured apart (wait4), so the nodes' own work does not count.
//! This process keeps itself small on purpose: a child begins its peak-memory count with the
//! memory of the process that started it.

mod child;
mod machine;
mod micro;
mod node;
mod report;
mod statistics;
mod work;
mod yardstick;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use self::child::Usage;
use self::machine::Machine;
use self::node::{Node, Seeding};
use self::report::{EndToEnd, Report};
use self::work::{PLAIN, WORKS, Work};
use self::yardstick::Yardstick;
use crate::command::ChildCommand;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Namespace of the measured data.
const NAMESPACE: &str = "test";

/// Options of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Records in the namespace.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Times to repeat everything; the medians are reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Also write the figures and the machine's description to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave out the criterion benches of the single parts.
    #[arg(long)]
    no_micro: bool,
    /// Keep the backup and the logs.
    #[arg(long)]
    keep: bool,
}

/// One round of everything.
#[derive(Clone, Debug)]
struct Round {
    /// In the order of [`WORKS`].
    usages: Vec<Usage>,
    yardstick: Yardstick,
}

/// The release binaries and the folder of the run.
#[derive(Debug)]
struct Bench {
    binaries: PathBuf,
    folder: PathBuf,
    records: u64,
}

/// Builds, measures, prints.
///
/// # Errors
///
/// When a build or a measured command fails, or a backup does not hold every record.
/// Figures short of their target are no error.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let end_to_end = measure_end_to_end(&workspace, options)?;
    let micro = if options.no_micro {
        Vec::new()
    } else {
        micro::run(&workspace)?
    };
    let report = Report {
        machine: Machine::describe(workspace.root()),
        end_to_end,
        micro,
    };
    print!("\n{report}");
    if let Some(path) = &options.json {
        fs::write(path, report.to_json()).map_err(|cause| Failure::file("write", path, &cause))?;
    }
    Ok(())
}

/// The part with processes.
fn measure_end_to_end(workspace: &Workspace, options: &Options) -> Result<EndToEnd, Failure> {
    // The binaries are started directly, not with `cargo run`: only the tool may be measured.
    ChildCommand::new("cargo build --release --locked -p absctl -p asnode --bins")
        .run(workspace.root())?;
    let bench = Bench {
        binaries: workspace.target().join("release"),
        folder: workspace.target().join("bench-e2e"),
        records: options.records,
    };
    bench.clear_folder()?;
    println!("seeding {} records", options.records);
    let source = bench.start_node("source", options.records)?;
    let rounds = (1..=options.runs)
        .map(|number| bench.round(&source, number))
        .collect::<Result<Vec<_>, _>>()?;
    let node = source.stop()?;
    if !options.keep {
        bench.clear_folder()?;
    }
    Ok(EndToEnd::of(options.records, node.peak_bytes, &rounds))
}

impl Bench {
    /// Each work once, and the yardstick; the first round also proves that restores are complete.
    fn round(&self, source: &Node, number: u32) -> Result<Round, Failure> {
        let usages = WORKS
            .iter()
            .map(|work| self.measure(work, source, number == 1));
        let usages = usages.collect::<Result<Vec<_>, _>>()?;
        let yardstick = Yardstick::measure(&self.folder.join(PLAIN))?;
        self.expect_records("the measured backup", yardstick.records)?;
        println!("round {number}: {yardstick}");
        Ok(Round { usages, yardstick })
    }

    /// Runs one command; a restore against an empty node of its own.
    fn measure(&self, work: &Work, source: &Node, is_proved: bool) -> Result<Usage, Failure> {
        let usage = if work.is_restore() {
            let target = self.start_node("target", 0)?;
            let usage = self.absctl(work, &target)?;
            if is_proved {
                self.prove(&target)?;
            }
            target.stop()?;
            usage
        } else {
            remove(&self.folder.join(work.place.1))?;
            self.absctl(work, source)?
        };
        println!("{}: {usage}", work.name);
        Ok(usage)
    }

    fn absctl(&self, work: &Work, node: &Node) -> Result<Usage, Failure> {
        let child = work.command(&self.binaries.join("absctl"), node, &self.folder);
        child::run_measured(child, &self.folder.join("absctl.log"))
    }

    /// A fast restore that lost something is not fast.
    fn prove(&self, target: &Node) -> Result<(), Failure> {
        let copy = self.folder.join("copy");
        remove(&copy)?;
        let mut child = Command::new(self.binaries.join("absctl"));
        child
            .args([
                "backup",
                "-h",
                target.host(),
                "-p",
                target.port(),
                "-n",
                NAMESPACE,
            ])
            .arg("-d")
            .arg(&copy);
        child::run_measured(child, &self.folder.join("copy.log"))?;
        let records = yardstick::count_records(&copy)?;
        self.expect_records("a backup of the restored node", records)?;
        remove(&copy)
    }

    /// Starts a node whose ready file and log carry `name`.
    fn start_node(&self, name: &str, records: u64) -> Result<Node, Failure> {
        Node::start(&Seeding {
            binary: &self.binaries.join("asnode"),
            folder: &self.folder,
            name,
            namespace: NAMESPACE,
            records,
        })
    }

    /// Compares a number of records with what was seeded.
    fn expect_records(&self, what: &str, found: u64) -> Result<(), Failure> {
        if found == self.records {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{what} holds {found} records, expected {}",
            self.records
        )))
    }

    /// An empty folder for this run.
    fn clear_folder(&self) -> Result<(), Failure> {
        remove(&self.folder)?;
        fs::create_dir_all(&self.folder)
            .map_err(|cause| Failure::file("create", &self.folder, &cause))
    }
}

/// Removes a folder or file of ours, and what belongs to it, if it is there.
fn remove(path: &Path) -> Result<(), Failure> {
    let manifest = path.with_added_extension("manifest.json");
    let removed = match path.is_file() {
        true => fs::remove_file(path).and_then(|()| fs::remove_file(manifest)),
        false => fs::remove_dir_all(path),
    };
    match removed {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file("remove", path, &cause))
        }
        _ => Ok(()),
    }
}
