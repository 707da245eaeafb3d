//! A selection as text, by which a continued backup knows that the same is asked for
//! (`files-and-state.md` §7.2).

use super::{PartitionFilter, PartitionList, Scope, Selection};
use base64::{Engine as _, engine::general_purpose::STANDARD};

impl Selection {
    /// Names of options with their values, but for those that have their default. Preferred
    /// racks are not among them: they change where records are read, not which.
    pub(in crate::backup) fn arguments(&self) -> Vec<(String, String)> {
        let list = |names: &[String]| (!names.is_empty()).then(|| quoted(names));
        let flag = |is_set: bool| is_set.then(|| "true".to_owned());
        let time = |at: Option<i64>| at.map(|at| at.to_string());
        let expression = &self.filter_expression;
        let all = [
            ("--set-list", list(&self.sets)),
            ("--bin-list", list(&self.bins)),
            ("--no-bins", flag(self.no_bins)),
            ("--no-ttl-only", flag(self.no_ttl_only)),
            ("--modified-after", time(self.modified_after)),
            ("--modified-before", time(self.modified_before)),
            (
                "--filter-exp",
                (!expression.is_empty()).then(|| STANDARD.encode(expression)),
            ),
            (
                "--max-records",
                (self.max_records > 0).then(|| self.max_records.to_string()),
            ),
        ];
        let given = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        given
            .chain(self.scope.argument())
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// Names that hold a comma stand in quotes.
fn quoted(names: &[String]) -> String {
    let quote = |name: &String| match name.contains(',') {
        true => format!("{name:?}"),
        false => name.clone(),
    };
    names.iter().map(quote).collect::<Vec<_>>().join(",")
}

impl Scope {
    fn argument(&self) -> Option<(&'static str, String)> {
        match self {
            Self::All => None,
            Self::Partitions(list) => Some(("--partition-list", list.to_string())),
            Self::AfterDigest(digest) => Some(("--after-digest", STANDARD.encode(digest.0))),
            Self::Nodes(names) => Some(("--node-list", names.join(","))),
            Self::Racks(ids) => {
                let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
                Some(("--rack-list", ids.join(",")))
            }
        }
    }
}

impl std::fmt::Display for PartitionList {
    /// The grammar that is read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, filter) in self.filters().iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "," })?;
            match filter {
                PartitionFilter::Range { begin, count: 1 } => write!(f, "{begin}")?,
                PartitionFilter::Range { begin, count } => write!(f, "{begin}-{count}")?,
                PartitionFilter::After(digest) => f.write_str(&STANDARD.encode(digest.0))?,
            }
        }
        Ok(())
    }
}
