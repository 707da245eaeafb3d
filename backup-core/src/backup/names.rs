//! Names of files (`files-and-state.md` §1).

use super::files::Role;
use crate::names::{SetNames, Shard};

/// Digits of a number in a name of the C tool, at least.
const C_DIGITS: usize = 5;

/// How the files of a directory are called, and what stands in their way (`files-and-state.md` §1,
/// §2, §4). A single file is the same in both layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// That of the Go tool: `<worker>_<ns>_<n>.asb`, indexes and modules in a file of their own,
    /// and whatever is in the directory is in the way.
    #[default]
    Go,
    /// That of the C tool: `<prefix or ns>_<NNNNN>.asb` from 00000, indexes and modules at the
    /// beginning of the first file, and only `*.asb` and what a run of ours has left is in the way.
    C,
}

/// How the files of a set are called.
#[derive(Debug, Clone)]
pub(super) struct Names {
    namespace: String,
    prefix: String,
    shard: Option<Shard>,
    layout: Layout,
}

impl Names {
    pub(super) fn new(namespace: &str, prefix: &str, shard: Option<Shard>) -> Self {
        Self {
            namespace: namespace.to_owned(),
            prefix: prefix.to_owned(),
            shard,
            layout: Layout::Go,
        }
    }

    /// The same in another layout.
    pub(super) fn in_layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// A file of a directory: `metadata_<ns>_<n>.asb`, `<worker>_<ns>_<n>.asb`, or with a prefix
    /// `<prefix><ns>_<n>.asb`; by XDR `<worker>_<ns>_<n>.asbx`. In the layout of C
    /// `<prefix or ns>_<NNNNN>.asb`, which counts from 0.
    pub(super) fn file(&self, role: Role, number: u64) -> String {
        let Self {
            namespace, prefix, ..
        } = self;
        match role {
            Role::Metadata | Role::Data(_) if self.layout == Layout::C => {
                format!("{}_{:05}.asb", self.stem(), number.saturating_sub(1))
            }
            Role::Metadata => format!("metadata_{namespace}_{number}.asb"),
            Role::Data(_) if !prefix.is_empty() => {
                format!("{}{prefix}{namespace}_{number}.asb", self.shard_part())
            }
            Role::Xdr(worker) => format!("{worker}_{namespace}_{number}.asbx"),
            Role::Data(worker) => format!("{}{worker}_{namespace}_{number}.asb", self.shard_part()),
        }
    }

    /// Whether this run, or this shard of it, writes what belongs to no partition.
    pub(super) fn is_first(&self) -> bool {
        self.shard.is_none_or(Shard::is_first)
    }

    /// The names of another shard of the same run.
    pub(super) fn of_shard(&self, shard: Shard) -> Self {
        let shard = Some(shard);
        Self {
            shard,
            ..self.clone()
        }
    }

    /// Whether a file of this name can be one of this run, or of this shard of it.
    pub(super) fn owns(&self, name: &str) -> bool {
        self.number(name).is_some()
    }

    /// The number in a name that this run, or this shard of it, could have given.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let stem = name.strip_suffix(".asbx");
        let stem = stem.or_else(|| name.strip_suffix(".asb"))?;
        let (head, digits) = stem.rsplit_once('_')?;
        let number: u64 = digits.parse().ok()?;
        if self.layout == Layout::C {
            let is_ours = head == self.stem() && digits.len() >= C_DIGITS;
            return number.checked_add(1).filter(|_| is_ours);
        }
        let is_metadata =
            self.is_first() && head.strip_prefix("metadata_") == Some(&self.namespace);
        (is_metadata || self.is_data_head(head)).then_some(number)
    }

    fn is_data_head(&self, head: &str) -> bool {
        let head = head.strip_prefix(&self.shard_part());
        match head.and_then(|head| head.strip_suffix(&self.namespace)) {
            Some(front) if self.prefix.is_empty() => {
                let worker = front.strip_suffix('_').map(str::parse::<u16>);
                worker.is_some_and(|number| number.is_ok())
            }
            front => front == Some(&self.prefix),
        }
    }

    /// The small files beside the data; `single` is the name of a single file.
    pub(super) fn beside(&self, single: Option<&str>) -> SetNames {
        match single {
            Some(file) => SetNames::single(file),
            None => {
                let names = SetNames::directory(&self.prefix, &self.namespace, self.shard);
                match self.layout {
                    Layout::Go => names,
                    Layout::C => names.with_state_of(self.stem()),
                }
            }
        }
    }

    /// What the names begin with in the layout of C.
    fn stem(&self) -> &str {
        match self.prefix.as_str() {
            "" => &self.namespace,
            prefix => prefix,
        }
    }

    fn shard_part(&self) -> String {
        self.shard
            .map(|shard| format!("{shard}_"))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_go_calls_them() {
        let plain = Names::new("my_ns", "", None);
        assert_eq!(plain.file(Role::Metadata, 1), "metadata_my_ns_1.asb");
        assert_eq!(plain.file(Role::Data(0), 3), "0_my_ns_3.asb");
        assert_eq!(plain.file(Role::Xdr(0), 3), "0_my_ns_3.asbx");
        assert_eq!(plain.beside(None).state(), "my_ns.asb.state");
        assert_eq!(plain.beside(Some("x.asb")).state(), "x.asb.state");
        let prefixed = Names::new("my_ns", "pre", None);
        assert_eq!(prefixed.file(Role::Data(1), 2), "premy_ns_2.asb");
        assert_eq!(prefixed.file(Role::Metadata, 1), "metadata_my_ns_1.asb");
        let shard = Shard {
            number: 2,
            count: 7,
        };
        let shard = Names::new("my_ns", "", Some(shard));
        assert_eq!(shard.file(Role::Data(0), 1), "shard2of7_0_my_ns_1.asb");
        assert_eq!(shard.beside(None).state(), "my_ns.asb.shard2of7.state");
    }

    #[test]
    fn files_are_called_as_c_calls_them() {
        let plain = Names::new("my_ns", "", None).in_layout(Layout::C);
        assert_eq!(plain.file(Role::Data(3), 1), "my_ns_00000.asb");
        assert_eq!(plain.file(Role::Data(0), 123_457), "my_ns_123456.asb");
        assert_eq!(plain.number("my_ns_00000.asb"), Some(1));
        assert_eq!(plain.number("my_ns_0.asb"), None);
        assert_eq!(plain.number("0_my_ns_1.asb"), None);
        assert_eq!(plain.beside(None).state(), "my_ns.asb.state");
        let prefixed = Names::new("my_ns", "pre_", None).in_layout(Layout::C);
        assert_eq!(prefixed.file(Role::Data(0), 2), "pre__00001.asb");
        assert_eq!(prefixed.number("pre__00001.asb"), Some(2));
        assert_eq!(prefixed.beside(None).state(), "pre_.asb.state");
        assert_eq!(prefixed.beside(None).lock(), "pre_my_ns.lock");
    }

    #[test]
    fn own_names_are_known() {
        let check = |prefix, shard, name, expected| {
            assert_eq!(
                Names::new("my_ns", prefix, shard).number(name),
                expected,
                "{name}"
            );
        };
        let second = Some(Shard {
            number: 2,
            count: 7,
        });
        check("", None, "0_my_ns_3.asb", Some(3));
        check("", None, "12_my_ns_30.asb", Some(30));
        check("", None, "0_my_ns_3.asbx", Some(3));
        check("", None, "metadata_my_ns_1.asb", Some(1));
        check("pre", None, "premy_ns_4.asb", Some(4));
        check("", second, "shard2of7_0_my_ns_1.asb", Some(1));
        for name in [
            "my_ns_00000.asb",
            "0_my_ns_3.asby",
            "0_other_3.asb",
            "x_my_ns_3.asb",
            "0_my_ns_x.asb",
        ] {
            check("", None, name, None);
        }
        check("", second, "shard3of7_0_my_ns_1.asb", None);
        check("", second, "0_my_ns_1.asb", None);
        check("pre", None, "0_my_ns_3.asb", None);
    }
}
