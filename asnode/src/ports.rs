//! The ports of a node: plain and with TLS, each perhaps with an alternate one that leads to the
//! same node, as behind a translation of addresses (`test-node.md` §7).

use crate::tls::TlsPort;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// A kind of port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Clear,
    ClearAlternate,
    Tls,
    TlsAlternate,
}

impl Door {
    const ALL: [Self; 4] = [
        Self::Clear,
        Self::ClearAlternate,
        Self::Tls,
        Self::TlsAlternate,
    ];

    pub(crate) const fn has_tls(self) -> bool {
        matches!(self, Self::Tls | Self::TlsAlternate)
    }

    pub(crate) const fn is_alternate(self) -> bool {
        matches!(self, Self::ClearAlternate | Self::TlsAlternate)
    }
}

/// Addresses of a node, by kind of port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Doors([Option<SocketAddr>; Door::ALL.len()]);

impl Doors {
    pub(crate) const fn get(&self, door: Door) -> Option<SocketAddr> {
        self.0[door as usize]
    }

    /// Those that there are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Door, SocketAddr)> + '_ {
        let found = |door: Door| self.get(door).map(|address| (door, address));
        Door::ALL.into_iter().filter_map(found)
    }
}

/// Open ports of a node on which nothing is accepted yet.
#[derive(Debug)]
pub(crate) struct Listeners(pub(crate) Vec<(Door, TcpListener)>);

impl Listeners {
    /// Opens the ports again that a node had.
    ///
    /// # Errors
    /// One is taken.
    pub(crate) fn reopen(doors: &Doors) -> io::Result<Self> {
        let bind = |(door, address)| Ok((door, TcpListener::bind(address)?));
        doors.iter().map(bind).collect::<io::Result<_>>().map(Self)
    }

    pub(crate) fn doors(&self) -> io::Result<Doors> {
        let mut doors = Doors::default();
        for (door, listener) in &self.0 {
            doors.0[*door as usize] = Some(listener.local_addr()?);
        }
        Ok(doors)
    }
}

/// Which ports the nodes of a cluster have.
#[derive(Debug, Clone, Default)]
pub(crate) struct PortPlan {
    /// Of the first node; 0: the system chooses.
    pub(crate) first_port: u16,
    pub(crate) has_alternates: bool,
    pub(crate) tls: Option<TlsPort>,
    /// For single nodes, instead of the one for all.
    pub(crate) tls_of: Vec<(usize, TlsPort)>,
}

impl PortPlan {
    /// How node `node` does TLS.
    pub(crate) fn tls(&self, node: usize) -> Option<&TlsPort> {
        let own = self.tls_of.iter().rev().find(|(of, _)| *of == node);
        own.map(|(_, port)| port).or(self.tls.as_ref())
    }

    /// Opens the ports of node `node`.
    ///
    /// # Errors
    /// One is taken, or beyond the last there is.
    pub(crate) fn open(&self, node: usize) -> io::Result<Listeners> {
        let tls = self.tls(node);
        let mut wanted = vec![(Door::Clear, self.first_port)];
        wanted.extend(tls.map(|tls| (Door::Tls, tls.first_port)));
        if self.has_alternates {
            wanted.push((Door::ClearAlternate, 0));
            wanted.extend(tls.map(|_| (Door::TlsAlternate, 0)));
        }
        let open = |(door, first)| Ok((door, listen(first, node)?));
        wanted
            .into_iter()
            .map(open)
            .collect::<io::Result<_>>()
            .map(Listeners)
    }
}

fn listen(first: u16, node: usize) -> io::Result<TcpListener> {
    let port = match first {
        0 => Some(0),
        first => u16::try_from(node)
            .ok()
            .and_then(|node| first.checked_add(node)),
    };
    TcpListener::bind((
        Ipv4Addr::LOCALHOST,
        port.ok_or(io::ErrorKind::InvalidInput)?,
    ))
}
