//! `cargo demo`: a backup, a restore and a comparison, with nothing to set up.
//!
//! Two embedded nodes stand in for two clusters. What runs between them is the program itself:
//! its modules are taken in by their path, and called with a command line.
#![expect(clippy::print_stdout, reason = "a demo talks")]

#[path = "../../src/app/mod.rs"]
mod app;
mod compare;

use app::Exit;
use asnode::{Cluster, NamespaceConfig, generate};
use clap::Parser;
use compare::Comparison;
use std::{
    error::Error,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const NAMESPACE: &str = "demo";
const RECORDS: u64 = 10_000;
const SEED: u64 = 2026;

/// Backs up an embedded node, restores into another one, and compares the two.
#[derive(Debug, Parser)]
struct Arguments {
    /// Directory for the backup; by default a new one for temporary files. It is kept
    #[arg(long, value_name = "PATH")]
    dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            println!("The demo failed: {error}");
            Exit::Failure.into()
        }
    }
}

fn run(arguments: &Arguments) -> Result<Exit, Box<dyn Error>> {
    let directory = arguments.dir.clone().unwrap_or_else(new_directory);
    let source = start_node()?;
    let loaded = generate::load(&source, NAMESPACE, generate::Shape::Types, RECORDS, SEED);
    println!(
        "1. An embedded node on {} holds namespace {NAMESPACE:?}:",
        source.seeds().join(", ")
    );
    println!(
        "   {loaded} records with every data type, {} secondary indexes, {} UDF modules.\n",
        source.indexes().len(),
        source.udfs().len()
    );

    println!("2. Back it up:");
    let exit = absctl("backup", &source, &directory);
    if exit != Exit::Success {
        return Ok(exit);
    }
    let target = start_node()?;
    println!(
        "\n3. Restore that into a second, empty node on {}:",
        target.seeds().join(", ")
    );
    let exit = absctl("restore", &target, &directory);
    if exit != Exit::Success {
        return Ok(exit);
    }
    let comparison = Comparison::of(&source, &target, NAMESPACE);
    print_comparison(&comparison);
    print_files(&directory)?;
    print_real_commands();
    Ok(if comparison.is_equal() {
        Exit::Success
    } else {
        Exit::Failure
    })
}

fn start_node() -> std::io::Result<Cluster> {
    Cluster::builder()
        .namespace(NamespaceConfig::new(NAMESPACE))
        .start()
}

/// A directory that nobody else uses; the backup creates it.
fn new_directory() -> PathBuf {
    std::env::temp_dir().join(format!(
        "absctl-demo-{}-{}",
        jiff::Timestamp::now().as_second(),
        std::process::id()
    ))
}

/// Runs a command of the program, and shows it.
fn absctl(command: &str, cluster: &Cluster, directory: &Path) -> Exit {
    let hosts = cluster.seeds().join(",");
    let mut line: Vec<OsString> = ["absctl", command, "-h", &hosts, "-n", NAMESPACE, "-d"]
        .map(OsString::from)
        .into();
    line.push(directory.into());
    let shown: Vec<_> = line.iter().map(|part| part.to_string_lossy()).collect();
    println!("   $ {}", shown.join(" "));
    app::run(line)
}

fn print_comparison(comparison: &Comparison) {
    println!("\n4. Compare the two nodes:");
    println!(
        "   {} records: digest, set, key, bins byte for byte, expiry within a second;",
        comparison.records
    );
    println!(
        "   {} indexes and {} UDF modules.",
        comparison.indexes, comparison.udfs
    );
    println!("   Generations are left out: they start again at 1, as no client can set them.");
    for difference in comparison.differences.iter().take(20) {
        println!("   DIFFERENT: {difference}");
    }
    match comparison.differences.len() {
        0 => println!("   Everything is equal."),
        count => println!("   {count} differences."),
    }
}

fn print_files(directory: &Path) -> std::io::Result<()> {
    println!("\nThe backup is kept in {}:", directory.display());
    let mut files = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        let bytes = file.metadata()?.len();
        println!("   {bytes:>10}  {}", file.file_name().to_string_lossy());
    }
    Ok(())
}

fn print_real_commands() {
    println!(
        "
The same against a real cluster:
   cargo build --release -p absctl
   target/release/absctl backup  -h HOST -p 3000 -n NAMESPACE -d DIRECTORY
   target/release/absctl restore -h HOST -p 3000 -n NAMESPACE -d DIRECTORY
   target/release/absctl restore --validate -d DIRECTORY    # reads only, needs no cluster"
    );
}
