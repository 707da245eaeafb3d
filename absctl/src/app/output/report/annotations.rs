//! What the user wanted to be kept with the sets that a report is about.

use super::{Report, chain};
use crate::app::output::line::{Field, Value};
use backup_core::stats::SourceSet;

impl Report {
    /// The same with the annotations of `sets`, with their places where there are several.
    pub(crate) fn with_annotations(mut self, sets: &[SourceSet]) -> Self {
        let has_some = |set: &&SourceSet| !set.annotations.is_empty();
        let sets: Vec<_> = sets.iter().filter(has_some).collect();
        let all = match sets[..] {
            [] => return self,
            [set] => Value::Group(fields(set)),
            _ => {
                let group = |set: &&SourceSet| (set.source.clone(), Value::Group(fields(set)));
                Value::Group(sets.iter().map(group).collect())
            }
        };
        self.fields.push(("annotations".to_owned(), all));
        let is_one = sets.len() == 1;
        let lines = sets.iter().flat_map(|set| lines(set, is_one));
        if let Some(first) = self.groups.first_mut() {
            first.extend(lines.map(|line| ("Annotation", line)));
        }
        self
    }
}

fn fields(set: &SourceSet) -> Vec<Field> {
    let annotations = set.annotations.iter();
    annotations
        .map(|(key, value)| (key.clone(), Value::Text(value.clone())))
        .collect()
}

fn lines(set: &SourceSet, is_one: bool) -> Vec<String> {
    let place = match is_one {
        true => String::new(),
        false => format!("{}: ", set.source),
    };
    let line = |(key, value)| chain::printable(&format!("{place}{key}={value}"));
    set.annotations.iter().map(line).collect()
}
