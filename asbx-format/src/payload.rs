//! The message in a token: where its digest is, and the changes that a backup (§2.1) and a restore
//! (§2.2) make to it. They make no others.
//!
//! Offsets in a payload: info1 9, info2 10, info3 11, result 13, generation u32 14, TTL u32 18,
//! number of fields u16 26, fields from 30; a field is `size u32 | type u8 | data`, where the size
//! counts the type.

use crate::error::ErrorKind;
use crate::token::DIGEST_SIZE;

const INFO1: usize = 9;
const INFO2: usize = 10;
const N_FIELDS: usize = 26;
const FIELDS: usize = 30;

/// Type of the field with the digest.
const DIGEST_FIELD: u8 = 4;

/// info1: sent by XDR.
const XDR: u8 = 0x10;
/// info2: delete.
const DELETE: u8 = 0x02;
/// info2: the generation must be equal.
const GENERATION: u8 = 0x04;
/// info2: the generation sent must be greater.
const GENERATION_GT: u8 = 0x08;
/// info2: leave a tombstone.
const DURABLE_DELETE: u8 = 0x10;
/// info2: the record must not exist.
const CREATE_ONLY: u8 = 0x20;
/// info3: the record must exist.
const UPDATE_ONLY: u8 = 0x08;
/// info3: bins that are not sent vanish.
const CREATE_OR_REPLACE: u8 = 0x10;
/// info3: the same, and the record must exist.
const REPLACE_ONLY: u8 = 0x20;

/// What a restore demands of the generation in the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GenerationPolicy {
    /// Nothing.
    None,
    /// It is less than the one sent.
    #[default]
    Greater,
    /// It is the one sent.
    Equal,
}

/// What a restore does with a record that exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExistsPolicy {
    /// Its other bins stay; a missing record is created.
    #[default]
    Update,
    /// Refused; a missing record is created.
    CreateOnly,
    /// Its other bins vanish; a missing record is created.
    Replace,
    /// Its other bins vanish; a missing record is refused.
    ReplaceOnly,
    /// Its other bins stay; a missing record is refused.
    UpdateOnly,
}

/// How a restore writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WritePolicy {
    /// Which generations are fine.
    pub generation: GenerationPolicy,
    /// What happens to records that exist.
    pub exists: ExistsPolicy,
}

impl WritePolicy {
    /// Puts the policy into the two bytes of a message that say it, info2 and info3. All other
    /// bits of them stay: write, delete, durable delete, commit level. Bytes that are too short
    /// for a message stay as they are.
    pub fn apply(self, payload: &mut [u8]) {
        if let Some([info2, info3]) = payload.get_mut(INFO2..).and_then(<[u8]>::first_chunk_mut) {
            *info2 = *info2 & !(GENERATION | GENERATION_GT | CREATE_ONLY) | self.info2();
            *info3 = *info3 & !(UPDATE_ONLY | CREATE_OR_REPLACE | REPLACE_ONLY) | self.info3();
        }
    }

    const fn info2(self) -> u8 {
        let generation = match self.generation {
            GenerationPolicy::None => 0,
            GenerationPolicy::Greater => GENERATION_GT,
            GenerationPolicy::Equal => GENERATION,
        };
        match self.exists {
            ExistsPolicy::CreateOnly => generation | CREATE_ONLY,
            _ => generation,
        }
    }

    const fn info3(self) -> u8 {
        match self.exists {
            ExistsPolicy::Update | ExistsPolicy::CreateOnly => 0,
            ExistsPolicy::Replace => CREATE_OR_REPLACE,
            ExistsPolicy::ReplaceOnly => REPLACE_ONLY,
            ExistsPolicy::UpdateOnly => UPDATE_ONLY,
        }
    }
}

/// Takes the mark of XDR from a message, so that writing it later is an ordinary write.
pub fn clear_xdr(payload: &mut [u8]) {
    if let Some(info1) = payload.get_mut(INFO1) {
        *info1 &= !XDR;
    }
}

/// What a message does to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Writes bins.
    Write,
    /// Deletes the record.
    Delete {
        /// And leaves a tombstone, which only the Enterprise Edition can.
        durable: bool,
    },
}

/// What the message does to its record.
#[must_use]
pub fn effect(payload: &[u8]) -> Effect {
    match payload.get(INFO2) {
        Some(info2) if info2 & DELETE != 0 => Effect::Delete {
            durable: info2 & DURABLE_DELETE != 0,
        },
        _ => Effect::Write,
    }
}

/// The digest in a message. An error comes with its offset in the message.
pub(crate) fn digest(payload: &[u8]) -> Result<&[u8; DIGEST_SIZE], (ErrorKind, u64)> {
    let count = payload.get(N_FIELDS..).and_then(<[u8]>::first_chunk::<2>);
    let count = count.copied().map_or(0, u16::from_be_bytes);
    let mut rest = payload.get(FIELDS..).unwrap_or_default();
    for _ in 0..count {
        let at = payload.len().saturating_sub(rest.len());
        let (kind, data, behind) = field(rest).map_err(|kind| (kind, at as u64))?;
        if kind == DIGEST_FIELD {
            let found = data.try_into().map_err(|_| ErrorKind::NoDigest);
            return found.map_err(|kind| (kind, at as u64));
        }
        rest = behind;
    }
    Err((ErrorKind::NoDigest, N_FIELDS as u64))
}

/// Type and data of the first field of `bytes`, and what comes after it.
fn field(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), ErrorKind> {
    let size = bytes.first_chunk::<4>().copied().map(u32::from_be_bytes);
    let found = size.unwrap_or_default();
    let whole = found
        .checked_add(4)
        .and_then(|whole| usize::try_from(whole).ok());
    let parts = whole.and_then(|whole| bytes.split_at_checked(whole));
    match parts {
        Some(([_, _, _, _, kind, data @ ..], behind)) => Ok((*kind, data, behind)),
        _ => Err(ErrorKind::FieldSize { found }),
    }
}
