//! UDF modules.

use crate::name::Name;

/// Language of a UDF module. Source: asb-text.md §6.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UdfLanguage {
    /// `L`, the only one that exists.
    Lua,
}

/// A UDF module: `* u L <name> <size> <content>`. Source: asb-text.md §6.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udf<'a> {
    /// Language of the module.
    pub language: UdfLanguage,
    /// File name on the server.
    pub name: Name<'a>,
    /// The module, any bytes, at most 2^32-1 of them.
    pub content: &'a [u8],
}
