//! Lists of partitions in states and manifests (`files-and-state.md` §7.2).

use aerospike_wire::digest::{DIGEST_SIZE, Digest, PARTITIONS, PartitionId};
use backup_cluster::scan::PartitionCursor;

/// Partitions as texts: consecutive ones from their beginning as `first-count`, others as the
/// digest of the record after which they begin.
pub(crate) fn list(cursors: &[PartitionCursor]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut range: Option<(u16, u16)> = None;
    let flush = |range: &mut Option<(u16, u16)>, out: &mut Vec<String>| {
        out.extend(
            range
                .take()
                .map(|(first, count)| format!("{first}-{count}")),
        );
    };
    for cursor in cursors {
        match (cursor.last_digest(), range) {
            (Some(digest), _) => {
                flush(&mut range, &mut out);
                out.push(digest.to_string());
            }
            (None, Some((first, count)))
                if first.checked_add(count) == Some(cursor.partition()) =>
            {
                range = Some((first, count.saturating_add(1)));
            }
            (None, _) => {
                flush(&mut range, &mut out);
                range = Some((cursor.partition(), 1));
            }
        }
    }
    flush(&mut range, &mut out);
    out
}

/// What [`list`] listed; `None` for anything else.
pub(crate) fn parse(list: &[String]) -> Option<Vec<PartitionCursor>> {
    let mut out = Vec::new();
    for entry in list {
        let Some((first, count)) = entry.split_once('-') else {
            out.push(PartitionCursor::after(digest(entry)?));
            continue;
        };
        let (first, count): (u16, u16) = (first.parse().ok()?, count.parse().ok()?);
        let end = first.checked_add(count).filter(|end| *end <= PARTITIONS)?;
        out.extend(
            (first..end)
                .filter_map(PartitionId::new)
                .map(PartitionCursor::start),
        );
        if out.len() > usize::from(PARTITIONS) {
            return None; // some are there twice
        }
    }
    Some(out)
}

/// A digest from the text that its `Display` gives.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    let mut bytes = [0; DIGEST_SIZE];
    if text.len() != bytes.len().checked_mul(2)? {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(Digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back() {
        let start = |id| PartitionCursor::start(PartitionId::new(id).unwrap());
        let mut bytes = [1; 20];
        (bytes[0], bytes[1]) = (4, 0);
        let all = [
            start(1),
            start(2),
            start(3),
            PartitionCursor::after(Digest(bytes)),
            start(5),
            start(9),
        ];
        let listed = list(&all);
        assert_eq!(listed.len(), 4, "{listed:?}");
        assert_eq!(parse(&listed).unwrap(), all);
        for wrong in ["1-5000", "4096-1", "x-1", "1-", "abc", "65535-1"] {
            assert_eq!(parse(&[wrong.to_owned()]), None, "{wrong}");
        }
    }
}
