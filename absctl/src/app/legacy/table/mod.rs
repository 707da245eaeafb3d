//! All options of the two tools (`cli.md` §2 to §11, §13, §20): the old name on the left, what it
//! is with us on the right. An option without `is` or `to` is our flag of the same name.

mod backup;
mod both;
mod restore;

use super::{Personality, row::Row};

/// Options with a heading in the help in common.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) heading: &'static str,
    pub(super) rows: &'static [Row],
}

const fn group(heading: &'static str, rows: &'static [Row]) -> Group {
    Group { heading, rows }
}

/// The options of a tool in the order of its help.
pub(super) fn groups(personality: Personality) -> impl Iterator<Item = &'static Group> {
    let own = match personality {
        Personality::Backup => backup::GROUPS,
        Personality::Restore => restore::GROUPS,
    };
    both::GROUPS.iter().chain(own)
}

/// The same without headings.
pub(super) fn rows(personality: Personality) -> impl Iterator<Item = &'static Row> {
    groups(personality).flat_map(|group| group.rows)
}
