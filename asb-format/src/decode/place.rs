//! A checkpoint as text, for whoever has to keep one beyond the life of the process.

use crate::decode::{Checkpoint, Section};
use crate::version::Version;
use core::fmt;
use core::str::FromStr;

/// Text that is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadCheckpoint;

impl fmt::Display for BadCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no place in a backup file")
    }
}

impl core::error::Error for BadCheckpoint {}

/// Version (`-` before the header), section, and the bytes, line feeds and records before the
/// place: `3.1 body 4711 60 9`.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.map_or("-", Version::as_str);
        let section = match self.section {
            Section::Header => "header",
            Section::Meta => "meta",
            Section::Body => "body",
        };
        let (offset, lines, records) = (self.offset, self.lines, self.records);
        write!(f, "{version} {section} {offset} {lines} {records}")
    }
}

impl FromStr for Checkpoint {
    type Err = BadCheckpoint;

    fn from_str(text: &str) -> Result<Self, BadCheckpoint> {
        let mut words = text.split(' ');
        let mut word = || words.next().ok_or(BadCheckpoint);
        let version = match word()? {
            "-" => None,
            text => {
                let digits = text.as_bytes().try_into().map_err(|_| BadCheckpoint)?;
                Some(Version::from_digits(digits).ok_or(BadCheckpoint)?)
            }
        };
        let section = match word()? {
            "header" => Section::Header,
            "meta" => Section::Meta,
            "body" => Section::Body,
            _ => return Err(BadCheckpoint),
        };
        let mut number = || word()?.parse().map_err(|_| BadCheckpoint);
        let place = Self {
            version,
            section,
            offset: number()?,
            lines: number()?,
            records: number()?,
        };
        let is_known = place.version.is_some() || place.section == Section::Header;
        match words.next() {
            None if is_known => Ok(place),
            _ => Err(BadCheckpoint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Step};
    use std::string::ToString;

    #[test]
    fn every_place_comes_back() {
        let file = b"Version 3.1\n# namespace n\n* i n s i N 1 b N\n+ n n\n+ d RNfvtsfls/oY29bYkXW6Gx/fyrk=\n+ g 3\n+ t 0\n+ b 0\n";
        let (mut decoder, mut rest) = (Decoder::new(), &file[..]);
        let mut seen = std::vec::Vec::new();
        loop {
            let place = decoder.checkpoint();
            assert_eq!(place.to_string().parse(), Ok(place));
            seen.push(place.to_string());
            match decoder.decode(rest, true).expect("sound") {
                Step::Complete { consumed, .. } => rest = &rest[consumed..],
                Step::Incomplete { .. } => panic!("it is whole"),
                Step::End => break,
            }
        }
        assert_eq!(seen.first().map(|text| &text[..]), Some("- header 0 0 0"));
        assert_eq!(seen.last().map(|text| &text[..]), Some("3.1 body 101 8 1"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "3.1",
            "3.1 body 1 2",
            "3.1 body 1 2 3 4",
            "3.9 body 1 2 3",
            "- body 1 2 3",
            "3.1 tail 1 2 3",
            "3.1 body -1 2 3",
            "3.1 body 1  3",
        ] {
            assert_eq!(text.parse::<Checkpoint>(), Err(BadCheckpoint), "{text:?}");
        }
    }
}
