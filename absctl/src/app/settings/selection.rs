//! From flags to the selection of a backup (`cli.md` §6, §19).

use super::{
    list,
    problems::Problems,
    time::{self, Bound},
};
use crate::app::cli::Records;
use backup_core::{
    backup::{Field, PartitionList, Scope, Selection, Violation},
    cluster::wire::digest::Digest,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const SETS: &str = "--set-list (-s)";
const BINS: &str = "--bin-list (-B)";
const AFTER: &str = "--modified-after (-a)";
const BEFORE: &str = "--modified-before (-b)";
const FILTER: &str = "--filter-exp (-f)";
const PARTITIONS: &str = "--partition-list (-X)";
const DIGEST: &str = "--after-digest (-D)";
const NODES: &str = "--node-list (-l)";
const RACKS: &str = "--rack-list";
const PREFER: &str = "--prefer-racks";

/// The selection that was asked for. What is wrong with it goes to `problems`.
pub(super) fn of(args: &Records, problems: &mut Problems) -> Selection {
    let mut reader = Reader { problems };
    let window = reader.window(args);
    let selection = Selection {
        sets: reader.names(SETS, args.set_list.as_deref()),
        bins: reader.names(BINS, args.bin_list.as_deref()),
        no_bins: args.no_bins,
        no_ttl_only: args.no_ttl_only,
        modified_after: window[0],
        modified_before: window[1],
        filter_expression: reader.expression(given(args.filter_exp.as_ref())),
        max_records: args.max_records,
        scope: reader.scope(args),
        prefer_racks: reader.racks(PREFER, given(args.prefer_racks.as_ref())),
    };
    for violation in selection.check() {
        let why = match violation {
            Violation::PreferenceAndMasters => format!("{violation}: not with {NODES} or {RACKS}"),
            _ => violation.to_string(),
        };
        reader.refuse(flag(violation.field()), &why);
    }
    if selection.no_bins && !selection.bins.is_empty() {
        tracing::warn!("{BINS} has no effect with --no-bins (-x)");
    }
    selection
}

/// A flag whose default is an empty text: giving that is giving nothing.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

const fn flag(field: Field) -> &'static str {
    match field {
        Field::Sets => SETS,
        Field::Bins => BINS,
        Field::ModifiedBefore => BEFORE,
        Field::FilterExpression => FILTER,
        Field::Nodes => NODES,
        Field::Racks => RACKS,
        Field::PreferRacks => PREFER,
        _ => "the selection",
    }
}

/// Reads values, and notes those that make no sense.
struct Reader<'a> {
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn refuse(&mut self, flag: &str, why: &str) {
        self.problems.add(format!("{flag}: {why}"));
    }

    fn names(&mut self, flag: &str, text: Option<&str>) -> Vec<String> {
        let names = text.map_or(Ok(Vec::new()), list::names);
        names.unwrap_or_else(|why| {
            self.refuse(flag, &why);
            Vec::new()
        })
    }

    /// Beginning and end of the time window.
    fn window(&mut self, args: &Records) -> [Option<i64>; 2] {
        let bounds = [
            (AFTER, Bound::After, given(args.modified_after.as_ref())),
            (BEFORE, Bound::Before, given(args.modified_before.as_ref())),
        ];
        let Some((first, ..)) = bounds.iter().find(|(_, _, text)| text.is_some()) else {
            return [None; 2];
        };
        match time::now() {
            Ok(now) => bounds.map(|(flag, bound, text)| {
                let moment = time::parse(text?, bound, &now);
                let moment = moment.map_err(|why| self.refuse(flag, &why)).ok()?;
                if moment.is_later_today {
                    tracing::warn!("{flag}: {} is yet to come today", text.unwrap_or_default());
                }
                Some(moment.nanoseconds)
            }),
            Err(why) => {
                self.refuse(first, &why);
                [None; 2]
            }
        }
    }

    fn expression(&mut self, text: Option<&str>) -> Vec<u8> {
        let Some(text) = text else {
            return Vec::new();
        };
        STANDARD.decode(text).unwrap_or_else(|error| {
            self.refuse(FILTER, &format!("this is no base64: {error}"));
            Vec::new()
        })
    }

    /// The partitions. Only one way of choosing them may be given.
    fn scope(&mut self, args: &Records) -> Scope {
        let ways = [
            (PARTITIONS, args.partition_list.as_deref()),
            (DIGEST, given(args.after_digest.as_ref())),
            (NODES, given(args.node_list.as_ref())),
            (RACKS, given(args.rack_list.as_ref())),
        ];
        let given: Vec<_> = ways
            .into_iter()
            .filter(|(_, text)| text.is_some())
            .collect();
        if given.len() > 1 {
            let flags: Vec<_> = given.iter().map(|(flag, _)| *flag).collect();
            let message = format!("{} exclude each other", flags.join(" and "));
            self.problems.add(message);
        }
        let mut scopes = given
            .into_iter()
            .map(|(flag, text)| self.way(flag, text.unwrap_or_default()));
        let scope = scopes.next();
        scopes.for_each(drop); // their own faults are noted as well
        scope.unwrap_or_default()
    }

    fn way(&mut self, flag: &str, text: &str) -> Scope {
        match flag {
            PARTITIONS => match text.parse::<PartitionList>() {
                Ok(list) => return Scope::Partitions(list),
                Err(why) => self.refuse(flag, &why.to_string()),
            },
            DIGEST => match STANDARD
                .decode(text)
                .ok()
                .and_then(|b| Digest::from_slice(&b))
            {
                Some(digest) => return Scope::AfterDigest(digest),
                None => self.refuse(flag, &format!("{text:?} is no digest: 20 bytes in base64")),
            },
            NODES => {
                let names = text.split(',').map(|name| name.trim().to_owned());
                return Scope::Nodes(names.collect());
            }
            _ => {
                let ids = self.racks(flag, Some(text));
                if !ids.is_empty() {
                    return Scope::Racks(ids);
                }
            }
        }
        Scope::All
    }

    /// Ids of racks; none if one of them makes no sense.
    fn racks(&mut self, flag: &str, text: Option<&str>) -> Vec<u32> {
        let Some(text) = text else {
            return Vec::new();
        };
        let parse = |id: &str| {
            let id = id.trim();
            let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_number.then(|| id.parse::<u32>().ok()).flatten();
            number.ok_or_else(|| format!("{id:?} is no id of a rack: 0 to 1000000"))
        };
        let ids: Result<Vec<u32>, String> = text.split(',').map(parse).collect();
        ids.unwrap_or_else(|why| {
            self.refuse(flag, &why);
            Vec::new()
        })
    }
}
