//! The bins of a record while a write is being applied to it.

use crate::{record::Bin, value};
use aerospike_wire::{
    op::{Op, code},
    particle::ParticleType,
    result_code::ResultCode,
};
use std::{borrow::Cow, collections::HashMap};

const NULL: u8 = ParticleType::Null as u8;
const INTEGER: u8 = ParticleType::Integer as u8;
const DOUBLE: u8 = ParticleType::Double as u8;
const STRING: u8 = ParticleType::String as u8;
const BLOB: u8 = ParticleType::Blob as u8;

/// Bins up to which a linear search is the fastest.
const LINEAR: usize = 32;

/// Bins in order of creation. A removed bin keeps its place with particle type 0 until
/// [`Bins::finish`].
#[derive(Debug, Default)]
pub(crate) struct Bins<'a> {
    list: Vec<Bin<'a>>,
    /// Position by name, kept when there are many.
    index: HashMap<Vec<u8>, usize>,
}

impl<'a> Bins<'a> {
    /// Starts from the bins of a stored record, with room for `more`.
    pub(crate) fn of(stored: impl Iterator<Item = Op<'a>>, more: usize) -> Self {
        let mut bins = Self {
            list: Vec::with_capacity(more),
            index: HashMap::new(),
        };
        for bin in stored {
            bins.push(Bin {
                name: Cow::Borrowed(bin.name),
                particle: bin.particle,
                value: Cow::Borrowed(bin.value),
            });
        }
        bins
    }

    fn push(&mut self, bin: Bin<'a>) {
        if self.list.len() == LINEAR {
            self.index = self
                .list
                .iter()
                .enumerate()
                .map(|(at, b)| (b.name.to_vec(), at))
                .collect();
        }
        if self.list.len() >= LINEAR {
            self.index.insert(bin.name.to_vec(), self.list.len());
        }
        self.list.push(bin);
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        if self.list.len() > LINEAR {
            return self.index.get(name).copied();
        }
        self.list.iter().position(|bin| bin.name == name)
    }

    /// Type and value of a bin.
    pub(crate) fn find(&self, name: &[u8]) -> Option<(u8, &[u8])> {
        let bin = self.list.get(self.position(name)?)?;
        (bin.particle != NULL).then_some((bin.particle, &bin.value[..]))
    }

    /// All bins that have a value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Bin<'a>> {
        self.list.iter().filter(|bin| bin.particle != NULL)
    }

    fn set(&mut self, name: &'a [u8], particle: u8, value: Cow<'a, [u8]>) {
        match self.position(name) {
            Some(at) => {
                self.list[at].particle = particle;
                self.list[at].value = value;
            }
            None => self.push(Bin {
                name: Cow::Borrowed(name),
                particle,
                value,
            }),
        }
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some(at) = self.position(name) {
            self.list[at].particle = NULL;
        }
    }

    /// Applies a modifying operation.
    ///
    /// # Errors
    /// What the server answers to an operation that does not fit: 1, 4, 12 or 160.
    pub(crate) fn apply(&mut self, op: Op<'a>) -> Result<(), ResultCode> {
        match op.code {
            code::WRITE if op.particle == NULL => self.remove(op.name),
            code::WRITE => self.set(op.name, op.particle, value::stored(op.particle, op.value)?),
            code::INCR => self.increment(op)?,
            code::APPEND | code::PREPEND => self.extend(op)?,
            code::TOUCH => {}
            code::DELETE_ALL => self.list.iter_mut().for_each(|bin| bin.particle = NULL),
            // List, map, bit, HLL and expression operations are not emulated.
            _ => return Err(ResultCode::PARAMETER),
        }
        Ok(())
    }

    fn increment(&mut self, op: Op<'a>) -> Result<(), ResultCode> {
        if op.particle != INTEGER && op.particle != DOUBLE {
            return Err(ResultCode::PARAMETER);
        }
        let step = value::stored(op.particle, op.value)?;
        let sum = match self.find(op.name) {
            None => step,
            Some((particle, _)) if particle != op.particle => return Err(ResultCode::BIN_TYPE),
            Some((_, old)) => Cow::Owned(add(op.particle, old, &step).to_vec()),
        };
        self.set(op.name, op.particle, sum);
        Ok(())
    }

    fn extend(&mut self, op: Op<'a>) -> Result<(), ResultCode> {
        if op.particle != STRING && op.particle != BLOB {
            return Err(ResultCode::PARAMETER);
        }
        let value = match self.find(op.name) {
            None => Cow::Borrowed(op.value),
            Some((particle, _)) if particle != op.particle => return Err(ResultCode::BIN_TYPE),
            Some((_, old)) if op.code == code::APPEND => Cow::Owned([old, op.value].concat()),
            Some((_, old)) => Cow::Owned([op.value, old].concat()),
        };
        self.set(op.name, op.particle, value);
        Ok(())
    }

    /// The bins that have a value.
    pub(crate) fn finish(mut self) -> Vec<Bin<'a>> {
        self.list.retain(|bin| bin.particle != NULL);
        self.list
    }
}

/// Both values have eight bytes: [`value::stored`] saw to that.
fn add(particle: u8, a: &[u8], b: &[u8]) -> [u8; 8] {
    let bytes = |value: &[u8]| value.first_chunk::<8>().copied().unwrap_or_default();
    let (a, b) = (bytes(a), bytes(b));
    if particle == DOUBLE {
        (f64::from_be_bytes(a) + f64::from_be_bytes(b)).to_be_bytes()
    } else {
        i64::from_be_bytes(a)
            .wrapping_add(i64::from_be_bytes(b))
            .to_be_bytes()
    }
}
