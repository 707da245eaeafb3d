//! A request without what may differ between two clients that want the same.

use aerospike_wire::{
    field::code,
    message::{Message, flags},
};

/// Flags, generation, TTL, fields and operations as multisets. Query ids, time-outs, an empty set
/// and RESPOND_ALL_OPS are left out; partition arrays are sorted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    info: [u8; 4],
    generation: u32,
    record_ttl: u32,
    fields: Vec<(u8, Vec<u8>)>,
    ops: Vec<(u8, u8, Vec<u8>, Vec<u8>)>,
}

impl Meaning {
    /// The meaning of a write.
    pub(crate) fn of(message: &Message<'_>) -> Self {
        let header = &message.header;
        let info2 = header.info2 & !flags::RESPOND_ALL_OPS;
        let mut fields: Vec<_> = message
            .fields()
            .filter(|field| !matches!(field.kind, code::QUERY_ID | code::SOCKET_TIMEOUT))
            .filter(|field| field.kind != code::SET || !field.data.is_empty())
            .map(|field| (field.kind, content(field.kind, field.data)))
            .collect();
        let mut ops: Vec<_> = message
            .ops()
            .map(|op| (op.code, op.particle, op.name.to_vec(), op.value.to_vec()))
            .collect();
        fields.sort();
        ops.sort();
        Self {
            info: [header.info1, info2, header.info3, header.info4],
            generation: header.generation,
            record_ttl: header.record_ttl,
            fields,
            ops,
        }
    }

    /// The meaning of a scan, where the TTL says whether reading renews it: the C client says
    /// never, others leave it to the server.
    pub(crate) fn of_scan(message: &Message<'_>) -> Self {
        let record_ttl = message.header.record_ttl;
        assert!(matches!(record_ttl, 0 | u32::MAX));
        Self {
            record_ttl: 0,
            ..Self::of(message)
        }
    }
}

fn content(kind: u8, data: &[u8]) -> Vec<u8> {
    let width = match kind {
        code::PID_ARRAY => 2,
        code::DIGEST_ARRAY => 20,
        _ => return data.to_vec(),
    };
    let mut items: Vec<_> = data.chunks(width).collect();
    items.sort_unstable();
    items.concat()
}
