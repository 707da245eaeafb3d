//! From a decoded ASB record to its fingerprint.

use crate::fingerprint::{Fingerprint, Fingerprinter};
use asb_format::Record;

/// The fingerprint of `record`; the same however the file spells it.
pub fn fingerprint(by: &mut Fingerprinter, record: &Record<'_>) -> Fingerprint {
    by.start();
    for bin in record.bins() {
        by.bin(|out| bin.name.unescape_into(out), &bin.value);
    }
    let set = |out: &mut Vec<u8>| {
        if let Some(set) = &record.set {
            set.unescape_into(out);
        }
    };
    by.finish(&record.digest, set, record.key.as_ref())
}
