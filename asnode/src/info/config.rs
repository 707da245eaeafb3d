//! Configuration, as far as tools and tests read or change it (`info-protocol.md` §9).

use super::{ENTERPRISE_ONLY, NO_NAMESPACE, Request, Value, text};
use crate::{
    build::Build,
    config::{NamespaceConfig, ServiceConfig},
    namespace::{Namespace, SetInfo},
    ports::Door,
    security::Security,
    sync::write,
};
use aerospike_wire::info;

const INVALID_CONTEXT: &str = "ERROR:4:invalid context";
const INVALID_PARAMETER: &str = "ERROR:4:invalid set-config parameter";

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    match name {
        "get-config" => Some(get(request)),
        "set-config" => Some(text(set(request).err().unwrap_or("ok"))),
        "get-stats" if request.param("context") == Some(b"xdr") => {
            Some(xdr(request, Request::xdr_stats))
        }
        _ => None,
    }
}

fn get(request: Request<'_>) -> Value {
    match request.param("context") {
        None | Some(b"service") => service_items(request),
        Some(b"network") => network_items(request),
        Some(b"security") => text(security_items(request)),
        Some(b"xdr") => xdr(request, Request::xdr_config),
        Some(b"namespace") => match request.namespace() {
            Ok((_, namespace)) => namespace_items(request, namespace),
            Err(error) => text(error),
        },
        Some(_) => text(INVALID_CONTEXT),
    }
}

/// The Community Edition says nothing about it.
fn xdr<'a>(request: Request<'a>, answer: fn(Request<'a>) -> Value) -> Value {
    if request.state.is_enterprise() {
        answer(request)
    } else {
        Value::new()
    }
}

fn service_items(request: Request<'_>) -> Value {
    let state = request.state;
    let id = state
        .topology
        .members()
        .get(request.node)
        .map(|m| m.id.clone())
        .unwrap_or_default();
    let cluster = state.cluster_name.as_deref().unwrap_or("null");
    let service = state.service();
    text(format!(
        "advertise-ipv6=false;batch-index-threads={};batch-max-buffers-per-queue=255;\
         batch-max-requests={};batch-max-unused-buffers=256;cluster-name={cluster};\
         migrate-threads=1;min-cluster-size=1;node-id={id};proto-fd-idle-ms={};proto-fd-max={};\
         query-max-done={};query-threads-limit={};service-threads=2;single-query-threads=4;\
         ticker-interval=10;transaction-max-ms=1000;transaction-retry-ms=1002",
        service.batch_index_threads,
        service.batch_max_requests,
        service.proto_fd_idle_ms,
        service.proto_fd_max,
        service.query_max_done,
        service.query_threads_limit,
    ))
}

fn network_items(request: Request<'_>) -> Value {
    let members = request.state.topology.members();
    let own = members.get(request.node);
    let port = own.map_or(0, |member| member.address.port());
    let tls = own.and_then(|member| Some((member.doors.get(Door::Tls)?.port(), member)));
    let tls = tls.map(|(port, member)| {
        let name = &member.tls_name;
        format!("service.tls-name={name};service.tls-port={port};")
    });
    text(format!(
        "service.port={port};{}service.address=127.0.0.1;heartbeat.mode=mesh",
        tls.unwrap_or_default(),
    ))
}

/// Empty without security.
fn security_items(request: Request<'_>) -> String {
    let security = request.state.security.as_ref();
    security.map(Security::items).unwrap_or_default()
}

/// `key=value;…` of a namespace, also the tail of its statistics.
pub(super) fn namespace_items(request: Request<'_>, namespace: &Namespace) -> Value {
    let config = namespace.config();
    let transactions = if namespace.build() < Build::TRANSACTIONS {
        String::new()
    } else {
        format!("disable-mrt-writes={};", config.disable_mrt_writes)
    };
    text(format!(
        "active-rack=0;allow-ttl-without-nsup={};apply-ttl-reductions={};\
         conflict-resolution-policy=generation;default-ttl={};{transactions}\
         disallow-null-setname={};enable-xdr=false;max-record-size={};nsup-period={};rack-id={};\
         reject-non-xdr-writes={};reject-xdr-writes={};replication-factor={};\
         strong-consistency=false;storage-engine=memory",
        config.allow_ttl_without_nsup,
        config.apply_ttl_reductions,
        config.default_ttl_s,
        config.disallow_null_setname,
        config.max_record_size,
        config.nsup_period_s,
        config.rack_of(request.node),
        config.reject_non_xdr_writes,
        config.reject_xdr_writes,
        config.replication_factor,
    ))
}

/// # Errors
/// The text that the server answers.
fn set(request: Request<'_>) -> Result<(), &'static str> {
    const NAMES: [&[u8]; 5] = [b"context", b"namespace", b"ns", b"id", b"set"];
    let changes = request.params().filter(|(key, _)| !NAMES.contains(key));
    match request.param("context") {
        None => Err("ERROR:4:missing 'context'"),
        Some(b"xdr") if !request.state.is_enterprise() => Err(ENTERPRISE_ONLY),
        Some(b"xdr") => request.set_xdr(),
        Some(b"service") => {
            let mut service = write(&request.state.service);
            for (key, value) in changes {
                change_service(&mut service, key, value).ok_or(INVALID_PARAMETER)?;
            }
            Ok(())
        }
        Some(b"namespace") => {
            let (_, namespace) = request.namespace()?;
            for (key, value) in changes {
                match request.param("set") {
                    Some(set) => change_set(namespace, set, key, value)?,
                    None if key == b"disable-mrt-writes" => {
                        forbid_transactions(request, namespace, value).ok_or(INVALID_PARAMETER)?;
                    }
                    None => {
                        change(&mut namespace.config_mut(), key, value).ok_or(INVALID_PARAMETER)?
                    }
                }
            }
            Ok(())
        }
        Some(_) => Err(INVALID_CONTEXT),
    }
}

fn change_set(
    namespace: &Namespace,
    set: &[u8],
    key: &[u8],
    value: &[u8],
) -> Result<(), &'static str> {
    let mut info = SetInfo::default();
    let edit: fn(&mut SetInfo, &SetInfo) = match (key, number(value), flag(value)) {
        (b"default-ttl", Some(ttl), _) => {
            info.default_ttl_s = ttl;
            |info, new| info.default_ttl_s = new.default_ttl_s
        }
        (b"stop-writes-count", Some(count), _) => {
            info.stop_writes_count = u64::from(count);
            |info, new| info.stop_writes_count = new.stop_writes_count
        }
        (b"enable-index", _, Some(enable)) => {
            info.enable_index = enable;
            |info, new| info.enable_index = new.enable_index
        }
        _ => return Err(INVALID_PARAMETER),
    };
    namespace.ensure_set(set).map_err(|_| NO_NAMESPACE)?;
    namespace.update_set(set, |known| edit(known, &info));
    Ok(())
}

/// Transactions came with 8.0, and only Enterprise has them.
fn forbid_transactions(request: Request<'_>, namespace: &Namespace, value: &[u8]) -> Option<()> {
    let state = request.state;
    let knows = state.is_enterprise() && state.build >= Build::TRANSACTIONS;
    namespace.config_mut().disable_mrt_writes = flag(value).filter(|_| knows)?;
    Some(())
}

fn change_service(config: &mut ServiceConfig, key: &[u8], value: &[u8]) -> Option<()> {
    let number = info::number::<u32>(value)?;
    let size = usize::try_from(number).ok()?;
    match key {
        b"batch-index-threads" => config.batch_index_threads = number,
        b"batch-max-requests" => config.batch_max_requests = number,
        b"query-threads-limit" => config.query_threads_limit = size,
        b"query-max-done" => config.query_max_done = size,
        b"proto-fd-max" => config.proto_fd_max = size,
        b"proto-fd-idle-ms" => config.proto_fd_idle_ms = number,
        _ => return None,
    }
    Some(())
}

fn flag(value: &[u8]) -> Option<bool> {
    match value {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn change(config: &mut NamespaceConfig, key: &[u8], value: &[u8]) -> Option<()> {
    match key {
        b"default-ttl" => config.default_ttl_s = number(value)?,
        b"nsup-period" => config.nsup_period_s = number(value)?,
        b"max-record-size" => config.max_record_size = number(value)?,
        b"allow-ttl-without-nsup" => config.allow_ttl_without_nsup = flag(value)?,
        b"apply-ttl-reductions" => config.apply_ttl_reductions = flag(value)?,
        b"reject-xdr-writes" => config.reject_xdr_writes = flag(value)?,
        b"reject-non-xdr-writes" => config.reject_non_xdr_writes = flag(value)?,
        b"disallow-null-setname" => config.disallow_null_setname = flag(value)?,
        _ => return None,
    }
    Some(())
}

/// A number, with an optional `K`, `M` or `G`.
fn number(text: &[u8]) -> Option<u32> {
    let (digits, factor) = match text {
        [digits @ .., b'K' | b'k'] => (digits, 1 << 10),
        [digits @ .., b'M' | b'm'] => (digits, 1 << 20),
        [digits @ .., b'G' | b'g'] => (digits, 1 << 30),
        _ => (text, 1),
    };
    info::number::<u32>(digits)?.checked_mul(factor)
}
