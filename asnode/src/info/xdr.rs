//! Data centres: their configuration and statistics (`info-protocol.md` §11, Enterprise only).

use super::{NO_NAMESPACE, Request, Value, text};
use crate::xdr::{Dc, DcNamespace, Rewind, Target};
use aerospike_wire::info;
use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering},
};

const NO_DC: &str = "ERROR:4:DC not found";
const DC_EXISTS: &str = "ERROR:4:DC already exists";
const MISSING_DC: &str = "ERROR:4:missing 'dc'";
const BAD: &str = "ERROR:4:invalid set-config parameter";
const NOT_ADDED: &str = "ERROR:4:namespace not added to DC";

/// Longest name of a data centre.
const MAX_NAME: usize = 31;

impl Request<'_> {
    /// `get-config:context=xdr[;dc=…[;namespace=…]]`.
    pub(super) fn xdr_config(self) -> Value {
        text(self.xdr_items().unwrap_or_else(str::to_owned))
    }

    fn xdr_items(self) -> Result<String, &'static str> {
        let Some(name) = self.text_param("dc") else {
            let names = |dcs: &mut std::collections::BTreeMap<String, Dc>| {
                let names: Vec<_> = dcs.keys().map(String::as_str).collect();
                format!("dcs={};src-id=0;trace-sample=0", names.join(","))
            };
            return self.state.xdr.with_node(self.node, names).ok_or(NO_DC);
        };
        self.with_dc(name, |dc| match self.text_param("namespace") {
            None => Ok(dc_items(dc)),
            Some(namespace) => {
                let found = dc.namespaces.get(namespace).ok_or(NOT_ADDED)?;
                Ok(namespace_items(found))
            }
        })
    }

    /// `get-stats:context=xdr;dc=…[;namespace=…]`.
    pub(super) fn xdr_stats(self) -> Value {
        text(self.xdr_figures().unwrap_or_else(str::to_owned))
    }

    fn xdr_figures(self) -> Result<String, &'static str> {
        let name = self.text_param("dc").ok_or(MISSING_DC)?;
        let shipping = self.state.xdr.shipping();
        self.with_dc(name, |dc| {
            let wanted = self.text_param("namespace");
            let mut sums = Sums::default();
            for (name, namespace) in &dc.namespaces {
                if wanted.is_none_or(|wanted| wanted == name) {
                    sums.add(namespace);
                }
            }
            if shipping.hold_recovery {
                sums.pending = sums.pending.max(1);
            }
            sums.lag_s = shipping.lag_s.unwrap_or(sums.lag_s);
            Ok(sums.items())
        })
    }

    fn with_dc<T>(
        self,
        name: &str,
        work: impl FnOnce(&mut Dc) -> Result<T, &'static str>,
    ) -> Result<T, &'static str> {
        let found = self
            .state
            .xdr
            .with_node(self.node, |dcs| dcs.get_mut(name).map_or(Err(NO_DC), work));
        found.unwrap_or(Err(NO_DC))
    }

    /// `set-config:context=xdr;dc=…;…`.
    ///
    /// # Errors
    /// The text that the server answers.
    pub(super) fn set_xdr(self) -> Result<(), &'static str> {
        let name = self.text_param("dc").ok_or(MISSING_DC)?;
        let action = self.text_param("action");
        if let Some(namespace) = self.text_param("namespace") {
            return self.set_namespace(name, namespace, action);
        }
        if let Some(address) = self.text_param("node-address-port") {
            return self.with_dc(name, |dc| change_address(dc, address, action));
        }
        match action {
            Some("create") => self.create_dc(name),
            Some("delete") => self.delete_dc(name),
            Some(_) => Err(BAD),
            None => self.with_dc(name, |dc| self.change_dc(dc)),
        }
    }

    fn create_dc(self, name: &str) -> Result<(), &'static str> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte);
        if name.len() > MAX_NAME || !name.bytes().all(is_fine) {
            return Err(BAD);
        }
        let made = self.state.xdr.with_node(self.node, |dcs| {
            if dcs.contains_key(name) {
                return Err(DC_EXISTS);
            }
            dcs.insert(name.to_owned(), Dc::default());
            Ok(())
        });
        made.unwrap_or(Err(NO_DC))
    }

    fn delete_dc(self, name: &str) -> Result<(), &'static str> {
        let removed = self.state.xdr.with_node(self.node, |dcs| dcs.remove(name));
        let dc = removed.flatten().ok_or(NO_DC)?;
        self.state.xdr.stop(dc.into_shippers().collect());
        Ok(())
    }

    fn change_dc(self, dc: &mut Dc) -> Result<(), &'static str> {
        for (key, value) in self.params() {
            match (key, str::from_utf8(value)) {
                (b"context" | b"dc", _) => {}
                (b"connector", Ok(value)) => dc.connector = value.parse().map_err(|_| BAD)?,
                (b"tls-name", Ok(value)) => {
                    dc.tls_name = Some(value.to_owned()).filter(|name| name != "null");
                }
                _ => return Err(BAD),
            }
        }
        Ok(())
    }

    fn set_namespace(self, dc: &str, name: &str, action: Option<&str>) -> Result<(), &'static str> {
        let (index, _) = self.state.namespace(name.as_bytes()).ok_or(NO_NAMESPACE)?;
        match action {
            None => self.with_dc(dc, |dc| {
                let namespace = dc.namespaces.entry(name.to_owned()).or_default();
                self.change_namespace(namespace)
            }),
            Some("add") => self.add_namespace(dc, name, index),
            Some("remove") => {
                let shipper = self.with_dc(dc, |dc| {
                    let namespace = dc.namespaces.get_mut(name);
                    namespace.and_then(|n| n.shipper.take()).ok_or(NOT_ADDED)
                })?;
                self.state.xdr.stop(vec![shipper]);
                Ok(())
            }
            Some(_) => Err(BAD),
        }
    }

    fn change_namespace(self, namespace: &DcNamespace) -> Result<(), &'static str> {
        let settings = &namespace.settings;
        for (key, value) in self.params() {
            match key {
                b"context" | b"dc" | b"namespace" => {}
                b"max-throughput" => {
                    let rate: u32 = info::number(value).ok_or(BAD)?;
                    if !rate.is_multiple_of(100) {
                        return Err(BAD);
                    }
                    settings.max_throughput.store(rate, Ordering::Relaxed);
                }
                b"forward" => {
                    let value = str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                    settings.forward.store(value.ok_or(BAD)?, Ordering::Relaxed);
                }
                _ => return Err(BAD),
            }
        }
        Ok(())
    }

    fn add_namespace(self, dc: &str, name: &str, index: usize) -> Result<(), &'static str> {
        let rewind = Rewind::parse(self.text_param("rewind")).ok_or(BAD)?;
        self.with_dc(dc, |dc| {
            let namespace = dc.namespaces.entry(name.to_owned()).or_default();
            if namespace.shipper.is_some() {
                return Err("ERROR:4:namespace already added to DC");
            }
            namespace.shipper = self.state.xdr.start(Target {
                node: self.node,
                namespace: index,
                addresses: dc.addresses.clone(),
                tls_name: dc.tls_name.clone(),
                rewind,
                settings: Arc::clone(&namespace.settings),
            });
            Ok(())
        })
    }
}

fn change_address(dc: &mut Dc, address: &str, action: Option<&str>) -> Result<(), &'static str> {
    match action {
        Some("add") if address.contains(':') => dc.addresses.push(address.to_owned()),
        Some("remove") => dc.addresses.retain(|known| known != address),
        _ => return Err(BAD),
    }
    Ok(())
}

fn dc_items(dc: &Dc) -> String {
    let namespaces: Vec<_> = dc.added().collect();
    format!(
        "auth-mode=none;auth-password-file=null;auth-user=null;connector={};\
         max-recoveries-interleaved=0;node-address-port={};period-ms=100;tls-name={};\
         use-alternate-access-address=false;namespaces={}",
        dc.connector,
        dc.addresses.join(","),
        dc.tls_name.as_deref().unwrap_or("null"),
        namespaces.join(","),
    )
}

fn namespace_items(namespace: &DcNamespace) -> String {
    let settings = &namespace.settings;
    format!(
        "enabled={};bin-policy=all;compression-level=1;compression-threshold=128;delay-ms=0;\
         enable-compression=false;forward={};hot-key-ms=100;ignored-bins=;ignored-sets=;\
         max-throughput={};remote-namespace=null;sc-replication-wait-ms=100;\
         ship-bin-luts=false;ship-nsup-deletes=false;ship-only-specified-sets=false;\
         shipped-bins=;shipped-sets=;transaction-queue-limit=16384;write-policy=auto",
        namespace.shipper.is_some(),
        settings.forward.load(Ordering::Relaxed),
        settings.max_throughput.load(Ordering::Relaxed),
    )
}

/// Statistics of some namespaces.
#[derive(Debug, Default)]
struct Sums {
    lag_s: u64,
    pending: u64,
    in_queue: u64,
    /// In the order of `items`.
    rest: [u64; 8],
}

impl Sums {
    fn add(&mut self, namespace: &DcNamespace) {
        let Some(shipper) = &namespace.shipper else {
            return;
        };
        let (figures, tally) = (shipper.figures(), &shipper.tally);
        self.lag_s = self.lag_s.max(figures.lag_s);
        self.pending += figures.recoveries_pending;
        self.in_queue += figures.in_queue;
        let rest = [
            &tally.in_progress,
            &tally.success,
            &tally.not_found,
            &tally.retry_no_node,
            &tally.retry_conn_reset,
            &tally.retry_dest,
            &tally.recoveries,
            &tally.bytes_shipped,
        ];
        for (sum, count) in self.rest.iter_mut().zip(rest) {
            *sum += count.load(Ordering::Relaxed);
        }
    }

    fn items(&self) -> String {
        let [
            in_progress,
            success,
            not_found,
            no_node,
            conn_reset,
            dest,
            recoveries,
            bytes,
        ] = self.rest;
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _written = write!(
            out,
            "lag={};in_queue={};in_progress={in_progress};success={success};abandoned=0;\
             not_found={not_found};filtered_out=0;retry_no_node={no_node};\
             retry_conn_reset={conn_reset};retry_dest={dest};recoveries={recoveries};\
             recoveries_pending={};hot_keys=0;bytes_shipped={bytes};uncompressed_pct=0.000;\
             compression_ratio=1.000;nodes=0;throughput=0;latency_ms=0;lap_us=0",
            self.lag_s, self.in_queue, self.pending,
        );
        out
    }
}
