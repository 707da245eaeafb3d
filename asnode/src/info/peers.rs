//! Addresses of this node and of the others (`info-protocol.md` §3).

use super::{ENTERPRISE_ONLY, Request, Value, text};
use std::net::SocketAddr;

/// Port that addresses in a peers list may leave out.
const DEFAULT_PORT: u16 = 3000;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "service" | "service-clear-std" => {
            let members = request.state.topology.members();
            text(
                members
                    .get(request.node)
                    .map(|m| m.address.to_string())
                    .unwrap_or_default(),
            )
        }
        "services" | "services-alumni" => {
            let all: Vec<_> = request
                .peers()
                .iter()
                .map(|m| m.address.to_string())
                .collect();
            text(all.join(";"))
        }
        "service-clear-alt" | "admin-clear-std" => Value::new(),
        "service-tls-std" | "service-tls-alt" | "peers-tls-std" | "peers-tls-alt"
        | "alumni-tls-std" | "admin-tls-std" => text(ENTERPRISE_ONLY),
        "peers-clear-std" => text(list(request, true)),
        "alumni-clear-std" => text(list(request, false)),
        // Nodes without an alternate address are left out.
        "peers-clear-alt" => text(format!("{},{DEFAULT_PORT},[]", generation(request))),
        _ => return None,
    })
}

fn generation(request: Request<'_>) -> u32 {
    request.state.topology.peers_generation()
}

/// `generation,3000,[[id,,[address]],…]`; alumni include the nodes that have left.
fn list(request: Request<'_>, only_living: bool) -> String {
    let members = request.state.topology.members().into_iter().enumerate();
    let nodes: Vec<_> = members
        .filter(|(i, member)| *i != request.node && (member.alive || !only_living))
        .map(|(_, member)| format!("[{},,[{}]]", member.id, address(member.address)))
        .collect();
    format!(
        "{},{DEFAULT_PORT},[{}]",
        generation(request),
        nodes.join(",")
    )
}

fn address(address: SocketAddr) -> String {
    if address.port() == DEFAULT_PORT {
        address.ip().to_string()
    } else {
        address.to_string()
    }
}
