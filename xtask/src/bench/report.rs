//! The figures with their targets, as a table and as JSON.
//!
//! A figure that falls short is printed like any other, with the word `short`; SHORTCOMINGS.md
//! says why.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::Round;
use super::child::Usage;
use super::machine::Machine;
use super::micro::Rate;
use super::statistics::{median, median_usage};
use super::work::{WORKS, Work};

/// Bytes of a MiB.
const MIB: f64 = 1024.0 * 1024.0;

/// Lowest rates in bytes per second of benches whose name ends in the word. Those that do more
/// (`decode-values`) have no target of their own.
const RATE_TARGETS: [(&str, f64); 2] = [("encode", 1.5e9), ("decode", 1.0e9)];

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    /// Where.
    pub(crate) machine: Machine,
    /// Backups and restores.
    pub(crate) end_to_end: EndToEnd,
    /// Single parts; empty when they were left out.
    pub(crate) micro: Vec<Rate>,
}

/// Medians over the rounds.
#[derive(Debug)]
pub(crate) struct EndToEnd {
    records: u64,
    rounds: usize,
    text_bytes: u64,
    compressed_bytes: u64,
    yardstick: Duration,
    /// In the order of [`WORKS`].
    usages: Vec<Usage>,
    node_peak_bytes: u64,
}

impl EndToEnd {
    /// Sums up the rounds.
    pub(super) fn of(records: u64, node_peak_bytes: u64, rounds: &[Round]) -> Self {
        let of_work = |at: usize| {
            let usages = rounds.iter().filter_map(|round| round.usages.get(at));
            median_usage(&usages.copied().collect::<Vec<_>>())
        };
        let last = rounds.last().map(|round| round.yardstick);
        Self {
            records,
            rounds: rounds.len(),
            text_bytes: last.map_or(0, |yardstick| yardstick.text_bytes),
            compressed_bytes: last.map_or(0, |yardstick| yardstick.compressed_bytes),
            yardstick: median(rounds.iter().map(|round| round.yardstick.cpu)),
            usages: (0..WORKS.len()).map(of_work).collect(),
            node_peak_bytes,
        }
    }

    /// CPU time of a work over that of the yardstick.
    fn ratio(&self, usage: &Usage) -> f64 {
        usage.cpu().as_secs_f64() / self.yardstick.as_secs_f64()
    }

    /// One line of the table.
    fn row(&self, work: &Work, usage: &Usage) -> String {
        let ratio = self.ratio(usage);
        let peak = usage.peak_bytes as f64 / MIB;
        let goal = work.cpu_ratio.map_or_else(String::new, |goal| {
            format!("<= {goal:.2} {}", verdict(ratio <= goal))
        });
        format!(
            "{:<25}{:>8.2}{:>8.2}{:>8.2}{:>8.2}{ratio:>8.3} {goal:<14}{peak:>7.1} <= {:>4.1} {}",
            work.name,
            usage.wall.as_secs_f64(),
            usage.user.as_secs_f64(),
            usage.system.as_secs_f64(),
            usage.cpu().as_secs_f64(),
            work.peak_mib,
            verdict(peak <= work.peak_mib),
        )
    }

    /// One work for the JSON file.
    fn work_json(&self, work: &Work, usage: &Usage) -> Value {
        json!({
            "name": work.name,
            "wall_s": usage.wall.as_secs_f64(),
            "user_s": usage.user.as_secs_f64(),
            "system_s": usage.system.as_secs_f64(),
            "cpu_ratio": self.ratio(usage),
            "cpu_ratio_target": work.cpu_ratio,
            "peak_bytes": usage.peak_bytes,
            "peak_mib_target": work.peak_mib,
        })
    }
}

impl Report {
    /// The figures for a file, with the machine they come from.
    pub(crate) fn to_json(&self) -> String {
        let (machine, work) = (&self.machine, &self.end_to_end);
        let rates: Vec<_> = self
            .micro
            .iter()
            .map(|rate| json!({ "name": rate.name, "bytes_per_s": rate.bytes_per_second }))
            .collect();
        let works: Vec<_> = WORKS
            .iter()
            .zip(&work.usages)
            .map(|(of, usage)| work.work_json(of, usage))
            .collect();
        let report = json!({
            "machine": {
                "processor": machine.processor,
                "cores": machine.cores,
                "memory": machine.memory,
                "kernel": machine.kernel,
                "compiler": machine.compiler,
                "commit": machine.commit,
            },
            "records": work.records,
            "rounds": work.rounds,
            "text_bytes": work.text_bytes,
            "zstd_3": {
                "cpu_s": work.yardstick.as_secs_f64(),
                "compressed_bytes": work.compressed_bytes,
            },
            "works": works,
            "node_peak_bytes": work.node_peak_bytes,
            "micro": rates,
        });
        format!("{report:#}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (machine, work) = (&self.machine, &self.end_to_end);
        writeln!(
            f,
            "{}, {} cores, {}",
            machine.processor, machine.cores, machine.memory
        )?;
        writeln!(
            f,
            "Linux {}, {}, commit {}",
            machine.kernel, machine.compiler, machine.commit
        )?;
        writeln!(
            f,
            "{} records, {:.1} MB of text, medians of {} rounds, largest peaks\n",
            work.records,
            work.text_bytes as f64 / 1e6,
            work.rounds
        )?;
        writeln!(
            f,
            "{:<25}{:>8}{:>8}{:>8}{:>8}{:>8} {:<14}{:>7}",
            "work", "wall s", "user s", "sys s", "CPU s", "ratio", "target", "MiB"
        )?;
        let yardstick = work.yardstick.as_secs_f64();
        writeln!(f, "{:<25}{:>32.2}{:>8.3}", "zstd -3", yardstick, 1.0)?;
        for (of, usage) in WORKS.iter().zip(&work.usages) {
            writeln!(f, "{}", work.row(of, usage))?;
        }
        let node_peak = work.node_peak_bytes as f64 / MIB;
        writeln!(f, "the source node took {node_peak:.0} MiB, counted apart")?;
        if !self.micro.is_empty() {
            writeln!(f, "\n{:<44}{:>8} target", "part", "GB/s")?;
        }
        for rate in &self.micro {
            writeln!(f, "{}", rate_row(rate))?;
        }
        Ok(())
    }
}

/// One line of the rates.
fn rate_row(rate: &Rate) -> String {
    let shown = format!("{:<44}{:>8.2}", rate.name, rate.bytes_per_second / 1e9);
    match RATE_TARGETS
        .iter()
        .find(|(word, _)| rate.name.rsplit('/').next() == Some(word))
    {
        Some((_, target)) => format!(
            "{shown} >= {:.1} {}",
            target / 1e9,
            verdict(rate.bytes_per_second >= *target)
        ),
        None => shown,
    }
}

/// The word for a target.
fn verdict(reached: bool) -> &'static str {
    if reached { "ok" } else { "short" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::{EndToEnd, Report};
    use crate::bench::Round;
    use crate::bench::child::Usage;
    use crate::bench::machine::Machine;
    use crate::bench::micro::Rate;
    use crate::bench::yardstick::Yardstick;

    fn usage(cpu_ms: u64, peak_mib: u64) -> Usage {
        Usage {
            wall: Duration::from_millis(1200),
            user: Duration::from_millis(cpu_ms),
            system: Duration::ZERO,
            peak_bytes: peak_mib << 20,
        }
    }

    fn report() -> Report {
        let round = Round {
            usages: vec![
                usage(500, 12),
                usage(500, 12),
                usage(500, 12),
                usage(2900, 12),
                usage(2900, 12),
                usage(1500, 65),
            ],
            yardstick: Yardstick {
                cpu: Duration::from_secs(2),
                text_bytes: 523_000_000,
                compressed_bytes: 100_000_000,
                records: 1000,
            },
        };
        let rate = |name: &str, bytes_per_second| Rate {
            name: name.to_owned(),
            bytes_per_second,
        };
        Report {
            machine: Machine::describe(".".as_ref()),
            end_to_end: EndToEnd::of(1000, 1 << 30, &[round]),
            micro: vec![
                rate("asb/decode", 0.9e9),
                rate("asb/encode", 1.6e9),
                rate("wire/scan", 5e9),
            ],
        }
    }

    #[test]
    fn the_table_names_what_falls_short() {
        let table = report().to_string();
        let line = |word: &str| {
            table
                .lines()
                .find(|l| l.starts_with(word))
                .unwrap()
                .to_owned()
        };
        let words = |word: &str| {
            let line = line(word);
            let figures = line.strip_prefix(word).unwrap();
            figures
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words("backup ")[4..],
            ["0.250", "<=", "0.35", "ok", "12.0", "<=", "48.0", "ok"]
        );
        assert_eq!(
            words("restore ")[4..],
            [
                "0.750", "<=", "0.45", "short", "65.0", "<=", "64.0", "short"
            ]
        );
        assert_eq!(words("asb/decode"), ["0.90", ">=", "1.0", "short"]);
        assert_eq!(words("asb/encode"), ["1.60", ">=", "1.5", "ok"]);
        assert_eq!(words("wire/scan"), ["5.00"]);
    }

    #[test]
    fn the_file_holds_the_same_figures() {
        let value: Value = serde_json::from_str(&report().to_json()).unwrap();
        assert_eq!(value.pointer("/works/0/cpu_ratio"), Some(&0.25.into()));
        assert_eq!(
            value.pointer("/works/5/peak_bytes"),
            Some(&(65_u64 << 20).into())
        );
        assert_eq!(value.pointer("/micro/0/name"), Some(&"asb/decode".into()));
        assert!(value.pointer("/machine/cores").is_some());
    }
}
