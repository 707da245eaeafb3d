//! Conversions between the layers, one file per pair.

pub mod asb_to_fingerprint;
pub mod asb_to_wire;
pub mod asbx_to_asb;
pub mod index;
pub mod row_to_asb;
pub mod wire_to_asb;
pub mod wire_to_fingerprint;
