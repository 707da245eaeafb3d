//! Values that are not of type text, but may be references to secrets.

use backup_core::secret_agent::{Form, Reference};
use std::str::FromStr;

/// A value, or where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// The value itself.
    Here(T),
    /// A secret that the Secret Agent has.
    Secret(Reference),
}

impl<T: FromStr<Err = String>> FromStr for Given<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Whether a resource is needed is found out later: the old tools need none.
        match Reference::parse(text, Form::ResourceOptional) {
            Ok(None) => text.parse().map(Self::Here),
            Ok(Some(reference)) => Ok(Self::Secret(reference)),
            Err(error) => Err(error.to_string()),
        }
    }
}
