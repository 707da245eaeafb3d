//! What a role allows, and where.

use std::fmt;

/// Kinds of privileges and their numbers on the wire. Those from 10 on may be limited to a
/// namespace or a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PrivilegeCode {
    /// Users and roles.
    UserAdmin = 0,
    /// Configuration, and secondary indexes.
    SysAdmin = 1,
    /// UDF modules and secondary indexes, aborting queries.
    DataAdmin = 2,
    /// UDF modules.
    UdfAdmin = 3,
    /// Secondary indexes.
    SindexAdmin = 4,
    /// Reads, scans and queries.
    Read = 10,
    /// The same, and writes and deletes.
    ReadWrite = 11,
    /// The same, and execution of UDFs.
    ReadWriteUdf = 12,
    /// Writes and deletes that return nothing.
    Write = 13,
    /// Truncation.
    Truncate = 14,
}

impl PrivilegeCode {
    /// All of them in order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::UserAdmin,
        Self::SysAdmin,
        Self::DataAdmin,
        Self::UdfAdmin,
        Self::SindexAdmin,
        Self::Read,
        Self::ReadWrite,
        Self::ReadWriteUdf,
        Self::Write,
        Self::Truncate,
    ];

    /// The name that the server and its tools use, which is also that of a predefined role.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserAdmin => "user-admin",
            Self::SysAdmin => "sys-admin",
            Self::DataAdmin => "data-admin",
            Self::UdfAdmin => "udf-admin",
            Self::SindexAdmin => "sindex-admin",
            Self::Read => "read",
            Self::ReadWrite => "read-write",
            Self::ReadWriteUdf => "read-write-udf",
            Self::Write => "write",
            Self::Truncate => "truncate",
        }
    }

    const fn is_scoped(self) -> bool {
        self as u8 >= Self::Read as u8
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|found| *found as u8 == code)
    }
}

impl fmt::Display for PrivilegeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A privilege, everywhere or limited to a namespace or a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Privilege {
    pub(super) code: PrivilegeCode,
    /// Empty = all.
    pub(super) namespace: Vec<u8>,
    /// Empty = all.
    pub(super) set: Vec<u8>,
}

impl Privilege {
    /// A privilege for everything.
    #[must_use]
    pub const fn new(code: PrivilegeCode) -> Self {
        Self {
            code,
            namespace: Vec::new(),
            set: Vec::new(),
        }
    }

    /// Limits a privilege on data to a namespace; others are not limited.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        if self.code.is_scoped() {
            self.namespace = namespace.into();
        }
        self
    }

    /// Limits a privilege on the data of a namespace to a set of it; others are not limited.
    #[must_use]
    pub fn set(mut self, set: &str) -> Self {
        if !self.namespace.is_empty() {
            self.set = set.into();
        }
        self
    }

    /// Whether the privilege reaches a set of a namespace; an empty `set` stands for requests that
    /// are about more than a set.
    pub(super) fn covers(&self, namespace: &[u8], set: &[u8]) -> bool {
        (self.namespace.is_empty() || self.namespace == namespace)
            && (self.set.is_empty() || self.set == set)
    }
}

/// Reads a PRIVILEGES field; `None`: it is malformed, or has a code that is unknown here.
pub(super) fn decode(mut data: &[u8]) -> Option<Vec<Privilege>> {
    let count = *data.split_off_first()?;
    let mut all = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let code = PrivilegeCode::from_code(*data.split_off_first()?)?;
        let mut privilege = Privilege::new(code);
        if code.is_scoped() {
            privilege.namespace = short_text(&mut data)?.to_vec();
            privilege.set = short_text(&mut data)?.to_vec();
        }
        let is_set_without_namespace = privilege.namespace.is_empty() && !privilege.set.is_empty();
        if is_set_without_namespace {
            return None;
        }
        all.push(privilege);
    }
    data.is_empty().then_some(all)
}

/// The data of a PRIVILEGES field; privileges beyond 255 are left out.
pub(super) fn encode(privileges: &[Privilege]) -> Vec<u8> {
    let count = u8::try_from(privileges.len()).unwrap_or(u8::MAX);
    let mut out = vec![count];
    for privilege in privileges.iter().take(usize::from(count)) {
        out.push(privilege.code as u8);
        if privilege.code.is_scoped() {
            put_short_text(&mut out, &privilege.namespace);
            put_short_text(&mut out, &privilege.set);
        }
    }
    out
}

/// Takes a text with its length in a byte before it.
pub(super) fn short_text<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = *data.split_off_first()?;
    data.split_off(..usize::from(len))
}

/// Appends a text with its length in a byte before it; what exceeds 255 bytes is cut off.
pub(super) fn put_short_text(out: &mut Vec<u8>, text: &[u8]) {
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    out.push(len);
    out.extend(text.iter().take(usize::from(len)));
}
