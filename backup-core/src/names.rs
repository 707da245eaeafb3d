//! Names of the small files beside the data: lock, state, manifest (`files-and-state.md` §5.2).
//!
//! | File | Directory, prefix P | Single file F | Shard i of n |
//! | --- | --- | --- | --- |
//! | lock | `<P><ns>.lock` | `F.lock` | `<P><ns>.shard<i>of<n>.lock` |
//! | state | `<P><ns>.asb.state` | `F.state` | `<P><ns>.asb.shard<i>of<n>.state` |
//! | manifest | `<P><ns>.manifest.json` | `F.manifest.json` | `<P><ns>.shard<i>of<n>.manifest.json` |
//!
//! None ends in `.asb`, so other tools do not see them.

use backup_storage::name;
use std::fmt;

const LOCK: &str = ".lock";
const STATE: &str = ".state";
const MANIFEST: &str = ".manifest.json";

/// One of the parts of a backup that several processes make together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub number: u16,
    /// Of how many, at most 4096.
    pub count: u16,
}

impl Shard {
    /// Most parts of one backup (`cli.md` §18).
    pub const MOST: u16 = 4096;

    /// Whether there can be such a part: `1 <= number <= count <= 4096`.
    #[must_use]
    pub const fn is_possible(self) -> bool {
        1 <= self.number && self.number <= self.count && self.count <= Self::MOST
    }

    /// Whether it is the one that writes what belongs to no partition: indexes and modules.
    #[must_use]
    pub const fn is_first(self) -> bool {
        self.number == 1
    }

    /// Its part of `all`: consecutive, and as large as those of the others, give or take one. All
    /// shards of one count together have every item once. Nothing for an impossible shard.
    #[must_use]
    pub fn share_of<T>(self, all: &[T]) -> &[T] {
        let bound = |parts: u16| {
            let scaled = all.len().checked_mul(usize::from(parts))?;
            scaled.checked_div(usize::from(self.count))
        };
        let range = || Some(bound(self.number.checked_sub(1)?)?..bound(self.number)?);
        range().and_then(|range| all.get(range)).unwrap_or_default()
    }

    /// Whether it takes the item at `index` where items are dealt out one by one.
    #[must_use]
    pub fn takes(self, index: usize) -> bool {
        let turn = index.checked_rem(usize::from(self.count));
        turn.is_some_and(|turn| turn.checked_add(1) == Some(usize::from(self.number)))
    }
}

impl fmt::Display for Shard {
    /// As it stands in names: `shard2of7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, count } = self;
        write!(f, "shard{number}of{count}")
    }
}

/// The names of one set's small files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetNames {
    /// What all names begin with.
    stem: String,
    /// What stands between stem and `.state`.
    state_infix: &'static str,
    /// What the name of the state begins with instead.
    state_stem: Option<String>,
    shard: Option<Shard>,
}

impl SetNames {
    /// A set in a directory. `prefix` is that of the data files, or empty.
    #[must_use]
    pub fn directory(prefix: &str, namespace: &str, shard: Option<Shard>) -> Self {
        Self {
            stem: format!("{prefix}{namespace}"),
            state_infix: ".asb",
            state_stem: None,
            shard,
        }
    }

    /// The same, but for the state, whose name begins with `stem`: `<stem>.asb.state`, as the C
    /// tool calls it (`files-and-state.md` §8).
    #[must_use]
    pub fn with_state_of(self, stem: &str) -> Self {
        let state_stem = Some(stem.to_owned());
        Self { state_stem, ..self }
    }

    /// A set in one file; `file` is its bare name.
    #[must_use]
    pub fn single(file: &str) -> Self {
        Self {
            stem: file.to_owned(),
            state_infix: "",
            state_stem: None,
            shard: None,
        }
    }

    /// The lock of this run, or of this shard.
    #[must_use]
    pub fn lock(&self) -> String {
        format!("{}{}{LOCK}", self.stem, extension(self.shard))
    }

    /// The state of this run, or of this shard.
    #[must_use]
    pub fn state(&self) -> String {
        let stem = self.state_stem.as_ref().unwrap_or(&self.stem);
        format!("{stem}{}{}{STATE}", self.state_infix, extension(self.shard))
    }

    /// The manifest of this run, or of this shard.
    #[must_use]
    pub fn manifest(&self) -> String {
        format!("{}{}{MANIFEST}", self.stem, extension(self.shard))
    }

    /// The manifest of the whole set; the same as [`manifest`](Self::manifest) without shards.
    #[must_use]
    pub fn whole_manifest(&self) -> String {
        format!("{}{MANIFEST}", self.stem)
    }

    /// The manifest of another shard of the same run.
    #[must_use]
    pub fn shard_manifest(&self, shard: Shard) -> String {
        format!("{}{}{MANIFEST}", self.stem, extension(Some(shard)))
    }

    /// The names of another shard of the same run.
    #[must_use]
    pub fn of_shard(&self, shard: Shard) -> Self {
        let shard = Some(shard);
        Self {
            shard,
            ..self.clone()
        }
    }

    /// Which shard of this set has a small file of this final name.
    #[must_use]
    pub fn shard_of(&self, name: &str) -> Option<Shard> {
        let Self {
            stem, state_infix, ..
        } = self;
        let front = [(LOCK, ""), (MANIFEST, ""), (STATE, *state_infix)];
        front.into_iter().find_map(|(suffix, infix)| {
            let (front, shard) = split_shard(name.strip_suffix(suffix)?);
            let is_ours = front.strip_prefix(stem.as_str()) == Some(infix);
            shard.filter(|_| is_ours)
        })
    }
}

fn extension(shard: Option<Shard>) -> String {
    shard.map(|shard| format!(".{shard}")).unwrap_or_default()
}

/// What a small file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallFile {
    /// A lock.
    Lock,
    /// A state, whichever tool wrote it.
    State,
    /// A manifest, that of a shard included.
    Manifest,
}

impl SmallFile {
    /// What the file of this final name is, if it is one of ours.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [
            (LOCK, Self::Lock),
            (".asb.state", Self::State),
            (MANIFEST, Self::Manifest),
        ]
        .into_iter()
        .find(|(suffix, _)| {
            name.strip_suffix(suffix)
                .is_some_and(|stem| !stem.is_empty())
        })
        .map(|(_, kind)| kind)
        .or_else(|| {
            let stem = name.strip_suffix(STATE)?;
            let (stem, _) = split_shard(stem);
            stem.ends_with(".asb").then_some(Self::State)
        })
    }
}

/// The shard in the name of a manifest; `None` for that of a whole set.
#[must_use]
pub fn shard_of_manifest(name: &str) -> Option<Shard> {
    split_shard(name.strip_suffix(MANIFEST)?).1
}

/// Cuts `.shard<i>of<n>` off.
fn split_shard(stem: &str) -> (&str, Option<Shard>) {
    let parse = || {
        let (front, last) = stem.rsplit_once(".shard")?;
        Some((front, Some(parse_shard(last)?)))
    };
    parse().unwrap_or((stem, None))
}

/// The shard in the name of a data file: `shard<i>of<n>_…`, unpublished or not.
#[must_use]
pub fn shard_of_data(name: &str) -> Option<Shard> {
    parse_shard(name.strip_prefix("shard")?.split_once('_')?.0)
}

/// `<i>of<n>`, as it is written.
fn parse_shard(text: &str) -> Option<Shard> {
    let (number, count) = text.split_once("of")?;
    let shard = Shard {
        number: number.parse().ok()?,
        count: count.parse().ok()?,
    };
    let is_written_so = shard.to_string().strip_prefix("shard") == Some(text);
    (shard.is_possible() && is_written_so).then_some(shard)
}

/// The number in the name of a data or metadata file that one of our runs, or Go, wrote:
/// `…_<number>.asb`, unpublished or not.
#[must_use]
pub fn file_number(file: &str) -> Option<u64> {
    let file = name::final_of(file).unwrap_or(file);
    let (_, number) = file.strip_suffix(".asb")?.rsplit_once('_')?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Shard = Shard {
        number: 2,
        count: 7,
    };

    #[test]
    fn names_are_those_of_the_table() {
        let plain = SetNames::directory("", "my_ns", None);
        assert_eq!(plain.lock(), "my_ns.lock");
        assert_eq!(plain.state(), "my_ns.asb.state");
        assert_eq!(plain.manifest(), "my_ns.manifest.json");
        assert_eq!(plain.whole_manifest(), plain.manifest());
        let shard = SetNames::directory("pre_", "ns", Some(SECOND));
        assert_eq!(shard.lock(), "pre_ns.shard2of7.lock");
        assert_eq!(shard.state(), "pre_ns.asb.shard2of7.state");
        assert_eq!(shard.manifest(), "pre_ns.shard2of7.manifest.json");
        assert_eq!(shard.whole_manifest(), "pre_ns.manifest.json");
        let whole = SetNames::directory("pre_", "ns", None);
        assert_eq!(whole.shard_manifest(SECOND), shard.manifest());
        let single = SetNames::single("all.asb");
        assert_eq!(single.lock(), "all.asb.lock");
        assert_eq!(single.state(), "all.asb.state");
        assert_eq!(single.manifest(), "all.asb.manifest.json");
    }

    #[test]
    fn small_files_are_known_by_their_names() {
        for names in [
            SetNames::directory("", "ns", None),
            SetNames::directory("p", "ns", Some(SECOND)),
            SetNames::single("all.asb"),
        ] {
            assert_eq!(SmallFile::of(&names.lock()), Some(SmallFile::Lock));
            assert_eq!(SmallFile::of(&names.state()), Some(SmallFile::State));
            assert_eq!(SmallFile::of(&names.manifest()), Some(SmallFile::Manifest));
        }
        for name in [
            "0_ns_1.asb",
            ".lock",
            "x.state",
            "manifest.json",
            "a.manifest.json.part",
        ] {
            assert_eq!(SmallFile::of(name), None, "{name}");
        }
        assert_eq!(
            shard_of_manifest("ns.shard2of7.manifest.json"),
            Some(SECOND)
        );
        for name in [
            "ns.manifest.json",
            "ns.shard8of7.manifest.json",
            "ns.shard2of7.lock",
        ] {
            assert_eq!(shard_of_manifest(name), None, "{name}");
        }
    }

    #[test]
    fn small_files_of_a_shard_are_those_of_its_set() {
        let names = SetNames::directory("p", "ns", None);
        let of_second = names.of_shard(SECOND);
        for name in [of_second.lock(), of_second.state(), of_second.manifest()] {
            assert_eq!(names.shard_of(&name), Some(SECOND), "{name}");
        }
        for name in [
            "ns.shard2of7.lock",
            "pns.lock",
            "pns.shard02of7.lock",
            "pns.shard2of7.state",
            "pns.asb.shard2of7.lock",
            "pns.shard0of7.lock",
            "pns.shard1of4097.lock",
        ] {
            assert_eq!(names.shard_of(name), None, "{name}");
        }
        assert_eq!(shard_of_data("shard2of7_0_ns_1.asb.part"), Some(SECOND));
        assert_eq!(shard_of_data("shard+2of7_0_ns_1.asb"), None);
    }

    #[test]
    fn shards_share_everything_once_and_evenly() {
        for count in [1, 2, 3, 7, 100, Shard::MOST] {
            for length in [0, 1, 6, 7, 8, 1000, 4096] {
                let all: Vec<usize> = (0..length).collect();
                let shards = || (1..=count).map(|number| Shard { number, count });
                let parts: Vec<_> = shards().map(|shard| shard.share_of(&all)).collect();
                assert_eq!(parts.concat(), all, "{length} by {count}");
                let sizes = || parts.iter().map(|part| part.len());
                let spread = sizes().max().unwrap() - sizes().min().unwrap();
                assert!(spread <= 1, "{length} by {count}");
                for index in [0, 1, 99, length] {
                    let takers = shards().filter(|shard| shard.takes(index));
                    assert_eq!(takers.count(), 1, "{index} by {count}");
                }
            }
        }
        for (number, count) in [(0, 7), (8, 7), (1, 0)] {
            let shard = Shard { number, count };
            assert!(!shard.is_possible());
            assert!(shard.share_of(&[1, 2, 3]).is_empty(), "{shard}");
        }
    }

    #[test]
    fn file_numbers_are_the_last_part() {
        assert_eq!(file_number("0_my_ns_12.asb"), Some(12));
        assert_eq!(file_number("metadata_my_ns_1.asb.part"), Some(1));
        assert_eq!(file_number("my_ns_00003.asb"), Some(3));
        for name in ["my_ns.asb", "0_ns_x.asb", "0_ns_1.asbx", "all.asb"] {
            assert_eq!(file_number(name), None, "{name}");
        }
    }
}
