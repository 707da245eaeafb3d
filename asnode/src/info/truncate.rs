//! Truncation by last-update time (`info-protocol.md` §8). Here it is done when it is answered.

use super::{MISSING_NAMESPACE, NO_NAMESPACE, Request, Value, text};
use crate::clock::CL_EPOCH_UNIX_S;
use aerospike_wire::info;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    let result = match name {
        "truncate" => truncate(request, true),
        "truncate-namespace" => truncate(request, false),
        // Nothing is kept that could be brought back.
        "truncate-undo" | "truncate-namespace-undo" => Ok(()),
        _ => return None,
    };
    Some(text(result.err().unwrap_or("ok")))
}

/// # Errors
/// The text that the server answers.
fn truncate(request: Request<'_>, of_set: bool) -> Result<(), &'static str> {
    request.namespace_name().ok_or(MISSING_NAMESPACE)?;
    let set = match (of_set, request.param("set")) {
        (true, None) => return Err("ERROR:4:missing 'set'"),
        (false, Some(_)) => return Err("ERROR:4:unexpected set name"),
        (_, set) => set,
    };
    let now_ms = request.state.clock.now_ms();
    let lut_ms = match request.param("lut") {
        None => now_ms,
        Some(lut) => {
            let unix_ms = info::number::<u64>(lut).unwrap_or(0) / 1_000_000;
            match unix_ms.checked_sub(CL_EPOCH_UNIX_S * 1000) {
                None | Some(0) => return Err("ERROR:4:would truncate to 0"),
                Some(ms) if ms > now_ms => return Err("ERROR:4:would truncate in the future"),
                Some(ms) => ms,
            }
        }
    };
    match request.namespace() {
        Err(NO_NAMESPACE) => Ok(()),
        Err(error) => Err(error),
        Ok((_, namespace)) => {
            let known = |set: &[u8]| namespace.sets().iter().any(|(name, _)| name == set);
            if set.is_none_or(known) {
                namespace.truncate(set, lut_ms);
            }
            Ok(())
        }
    }
}
