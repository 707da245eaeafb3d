//! What a restore does with records that exist (`behaviour.md` §6.4, `wire-write.md` §4).

use aerospike_wire::{batch::WriteHead, message::flags};

/// What happens to a record that the cluster has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Its bins are overwritten, bins that only it has stay.
    #[default]
    Merge,
    /// It is replaced as a whole.
    Replace,
    /// It is left alone.
    Keep,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritePolicy {
    /// What happens to records that exist.
    pub existing: Existing,
    /// Only write over a record whose generation is smaller (default).
    pub check_generation: bool,
}

impl Default for WritePolicy {
    fn default() -> Self {
        Self {
            existing: Existing::Merge,
            check_generation: true,
        }
    }
}

impl WritePolicy {
    /// The head of a write of generation `generation` that lives for `ttl` seconds.
    pub(crate) const fn head(self, generation: u16, ttl: u32) -> WriteHead {
        let create = match self.existing {
            Existing::Keep => flags::CREATE_ONLY,
            Existing::Merge | Existing::Replace => 0,
        };
        let (check, generation) = if self.check_generation {
            (flags::GENERATION_GT, generation)
        } else {
            (0, 0)
        };
        WriteHead {
            info2: create | check,
            info3: match self.existing {
                Existing::Replace => flags::CREATE_OR_REPLACE,
                Existing::Merge | Existing::Keep => 0,
            },
            generation,
            record_ttl: ttl,
        }
    }

    /// Whether bins without a value are written. They remove a bin from a record that exists; a
    /// record that is replaced loses its bins anyway, and the server refuses such writes then.
    pub(crate) const fn writes_nil(self) -> bool {
        !matches!(self.existing, Existing::Replace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_reference_tools() {
        // `wire-write.md` §4: info2 and info3 of single writes, and the generation.
        let check = |existing, check_generation, bits: [u8; 2], generation| {
            let policy = WritePolicy {
                existing,
                check_generation,
            };
            let head = policy.head(7, 60);
            let found = [flags::WRITE | head.info2, head.info3];
            assert_eq!((found, head.generation), (bits, generation), "{policy:?}");
            assert_eq!(head.record_ttl, 60);
        };
        check(Existing::Merge, true, [0x09, 0], 7);
        check(Existing::Keep, true, [0x29, 0], 7);
        check(Existing::Replace, true, [0x09, 0x10], 7);
        check(Existing::Merge, false, [0x01, 0], 0);
        check(Existing::Keep, false, [0x21, 0], 0);
        check(Existing::Replace, false, [0x01, 0x10], 0);
    }
}
