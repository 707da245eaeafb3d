//! Client of Aerospike's Secret Agent: asks it for the values that options refer to.
//!
//! Source: `envelope.md` §6, `cli.md` §10.1. An option's value `secrets:<resource>:<key>` is a
//! [`Reference`]; an [`Agent`] gives the value behind it. One connection carries one request, over
//! TCP, TLS or a Unix socket.
//!
//! It blocks: secrets are asked for at the start of a run, one after the other, before there is
//! anything to wait for beside them. Asynchronous callers use a blocking thread. Looking up the
//! name of a host is left to the system and may take longer than the time-out.
//!
//! No value ever stands in an error or a `Debug` output. Deliberately not here: which options may
//! be references, and what a value means.
//!
//! ```no_run
//! use secret_agent::{Address, Agent, Form, Reference, Settings};
//!
//! let agent = Agent::new(Settings::new(Address::tcp("127.0.0.1", 3005)))?;
//! if let Some(reference) = Reference::parse("secrets:backup:password", Form::ResourceAndKey)? {
//!     let password = agent.fetch(&reference)?;
//!     assert!(!password.is_empty());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod client;
mod deadline;
mod error;
mod reference;
mod request;
mod settings;

pub use crate::client::Agent;
pub use crate::error::{Error, ErrorKind, ReferenceError, SetupError};
pub use crate::reference::{Form, Reference};
pub use crate::request::ANSWER_BYTES;
pub use crate::settings::{Address, Encoding, Settings, Tls};
