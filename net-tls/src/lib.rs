//! TLS for every connection of the tool: settings out of PEM files, checked early, with errors
//! that name the file and the remedy.
//!
//! Source: `auth-tls.md` §4, `cli.md` §4.
//!
//! - [`client`], [`server`]: the settings of both sides; `build` makes a rustls configuration.
//! - [`pem`]: where certificates and keys come from, encrypted keys too.
//! - [`protocols`], [`ciphers`]: the lists of versions and suites as OpenSSL's users write them.
//! - [`revocation`]: revocation lists and the blacklist of the C tools.
//! - [`names`]: the TLS name that a server must prove, the user that a client certificate names.
//! - [`secret`]: a text that is never shown and is overwritten when dropped.
//!
//! The provider is ring, and it is always passed: nothing here reads or sets the default of the
//! process. Versions are TLS 1.2 and 1.3. A server is checked against its TLS name, whatever its
//! address is. Not here: sockets, and anything about records.
//!
//! # Example
//!
//! ```no_run
//! use net_tls::{client::ClientSettings, names, pem::Source};
//!
//! let settings = ClientSettings {
//!     ca_file: Some(Source::file("/etc/aerospike/ca.pem")),
//!     ..ClientSettings::default()
//! };
//! let config = settings.build()?;
//! let name = names::server_name("cluster.example")?;
//! let connection = rustls::ClientConnection::new(config, name);
//! # Ok::<(), net_tls::error::Error>(())
//! ```
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod ciphers;
pub mod client;
pub mod error;
pub mod names;
pub mod pem;
pub mod protocols;
pub mod revocation;
pub mod secret;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;

use rustls::crypto::CryptoProvider;

/// The one provider, with all its suites.
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}
