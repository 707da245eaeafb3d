//! The records that the server of the captures held.

use crate::capture::{data, hex, list, number};
use aerospike_wire::{
    digest::Digest,
    particle::{self, ParticleType},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Name, particle type, value as the server sends it.
pub(crate) type Bin = (Vec<u8>, u8, Vec<u8>);

/// A record, read by code that shares nothing with this crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) set: Option<Vec<u8>>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) generation: u64,
    pub(crate) void_time: u64,
    pub(crate) bins: Vec<Bin>,
}

impl Record {
    fn parse(value: &Value) -> (Digest, Self) {
        let text = |key: &str| value[key].as_str();
        let bin = |bin: &Value| {
            let text = |at: usize| hex(bin[at].as_str().unwrap());
            (text(0), code(&bin[1]), text(2))
        };
        let record = Self {
            set: text("set").map(|set| set.as_bytes().to_vec()),
            key: text("key").map(hex),
            generation: number(value, "generation"),
            void_time: number(value, "void_time"),
            bins: list(value, "bins").iter().map(bin).collect(),
        };
        (digest(text("digest").unwrap()), record)
    }

    /// The bins as a restore writes them: GeoJSON without the cells that the server computed.
    pub(crate) fn bins_to_write(&self) -> Vec<Bin> {
        let bins = self.bins.iter().map(|(name, code, value)| {
            let value = if *code == ParticleType::GeoJson as u8 {
                let text = particle::geojson_text(value).unwrap();
                [&particle::GEOJSON_NO_CELLS, text].concat()
            } else {
                value.clone()
            };
            (name.clone(), *code, value)
        });
        bins.collect()
    }
}

fn code(value: &Value) -> u8 {
    u8::try_from(value.as_u64().unwrap()).unwrap()
}

/// The digest in 40 hex digits.
pub(crate) fn digest(text: &str) -> Digest {
    Digest::from_slice(&hex(text)).unwrap()
}

/// All records by digest.
pub(crate) fn records() -> BTreeMap<Digest, Record> {
    let text = String::from_utf8(data("records.jsonl")).unwrap();
    let parse = |line: &str| Record::parse(&serde_json::from_str(line).unwrap());
    text.lines().map(parse).collect()
}
