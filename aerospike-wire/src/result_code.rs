//! Result codes (`wire-protocol.md` §9): one table yields constant, name, sentence and advice.

use core::fmt;

/// What a client may do after a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// The request succeeded.
    Done,
    /// The same request may succeed later, or on another node.
    Retry,
    /// As `Retry`, for writes only: the server is short of something.
    RetryWrite,
    /// Log in again first.
    Login,
    /// Repeating the request gives the same answer.
    Final,
}

/// The result byte of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResultCode(
    /// The byte as it stands on the wire.
    pub u8,
);

macro_rules! result_codes {
    ($($code:literal $name:ident $advice:ident $text:literal)*) => {
        impl ResultCode {
            $(#[doc = concat!("`", $code, "`: ", $text, ".")]
            pub const $name: Self = Self($code);)*

            /// Name in capitals, or `None` for a code that no server documents.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// What the server means, as the end of a sentence.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self.0 {
                    $($code => $text,)*
                    _ => "unknown result code",
                }
            }

            /// What a client may do next.
            #[must_use]
            pub const fn advice(self) -> Advice {
                match self.0 {
                    $($code => Advice::$advice,)*
                    _ => Advice::Final,
                }
            }
        }
    };
}

result_codes! {
    0 OK Done "success"
    1 SERVER_ERROR Final "server error, or malformed list or map bytes"
    2 NOT_FOUND Final "record not found"
    3 GENERATION Final "generation check failed"
    4 PARAMETER Final "malformed request, or another set than the stored one"
    5 RECORD_EXISTS Final "record exists already"
    6 BIN_EXISTS Final "bin exists already"
    7 CLUSTER_KEY_MISMATCH Retry "the cluster changed meanwhile"
    8 OUT_OF_SPACE RetryWrite "the namespace has stopped writes (out of space)"
    9 TIMEOUT Retry "time-out on the server"
    10 ALWAYS_FORBIDDEN Final "forbidden by configuration"
    11 UNAVAILABLE Retry "partition or cluster not available"
    12 BIN_TYPE Final "operation does not fit the bin's type"
    13 RECORD_TOO_BIG Final "record is larger than max-record-size"
    14 KEY_BUSY Retry "too many operations on this record (hot key)"
    15 QUERY_ABORTED Final "scan aborted"
    16 UNSUPPORTED_FEATURE Final "not supported by this server"
    17 BIN_NOT_FOUND Final "bin not found"
    18 DEVICE_OVERLOAD RetryWrite "storage device overloaded"
    19 KEY_MISMATCH Final "stored key differs from the one sent"
    20 NAMESPACE Final "namespace not found"
    21 BIN_NAME Final "bin name is too long or malformed"
    22 FORBIDDEN Final "forbidden now (TTL without nsup, too many scans, or configuration)"
    23 ELEMENT_NOT_FOUND Final "element not found"
    24 ELEMENT_EXISTS Final "element exists already"
    25 ENTERPRISE_ONLY Final "needs an Enterprise server"
    26 OP_NOT_APPLICABLE Final "operation not applicable"
    27 FILTERED_OUT Final "filtered out"
    28 LOST_CONFLICT Final "lost the XDR conflict resolution"
    32 XDR_KEY_BUSY Retry "XDR is shipping this record"
    50 SECURITY_END Done "end of a security list"
    51 SECURITY_NOT_SUPPORTED Final "security needs an Enterprise server"
    52 SECURITY_NOT_ENABLED Final "security is not enabled on the server"
    53 SECURITY_SCHEME Final "bad authentication scheme"
    54 SECURITY_COMMAND Final "bad security command"
    55 SECURITY_FIELD Final "bad security field"
    56 ILLEGAL_STATE Final "illegal state"
    60 INVALID_USER Final "unknown user"
    61 USER_EXISTS Final "user exists already"
    62 INVALID_PASSWORD Final "bad password"
    63 EXPIRED_PASSWORD Final "password expired"
    64 FORBIDDEN_PASSWORD Final "forbidden password"
    65 INVALID_CREDENTIAL Login "bad credential"
    66 EXPIRED_SESSION Login "session expired"
    70 INVALID_ROLE Final "unknown role"
    71 ROLE_EXISTS Final "role exists already"
    72 INVALID_PRIVILEGE Final "bad privilege"
    73 INVALID_WHITELIST Final "bad allow list"
    74 QUOTAS_NOT_ENABLED Final "quotas are not enabled on the server"
    75 INVALID_QUOTA Final "bad quota"
    80 NOT_AUTHENTICATED Login "not authenticated"
    81 ROLE_VIOLATION Final "the user lacks the privilege"
    82 NOT_WHITELISTED Final "client address is not on the allow list"
    83 QUOTA_EXCEEDED Retry "quota exceeded"
    90 LDAP_NOT_ENABLED Final "LDAP is not configured on the server"
    91 LDAP_SETUP Final "LDAP set-up failed"
    92 LDAP_TLS_SETUP Final "LDAP TLS set-up failed"
    93 LDAP_AUTHENTICATION Final "LDAP authentication failed"
    94 LDAP_QUERY Final "LDAP query failed"
    100 UDF_EXECUTION Final "UDF failed"
    120 MRT_BLOCKED Retry "record is locked by a transaction"
    121 MRT_VERSION_MISMATCH Final "record changed since the transaction read it"
    122 MRT_EXPIRED Final "transaction expired"
    123 MRT_TOO_MANY_WRITES Final "transaction has too many writes"
    124 MRT_COMMITTED Final "transaction was committed already"
    125 MRT_ABORTED Final "transaction was aborted already"
    126 MRT_ALREADY_LOCKED Final "record is locked by this transaction already"
    127 MRT_MONITOR_EXISTS Final "transaction monitor exists already"
    150 BATCH_DISABLED Final "batch commands are disabled"
    151 BATCH_MAX_REQUESTS Final "more rows than batch-max-requests"
    152 BATCH_QUEUES_FULL Retry "batch queues are full"
    160 GEO_INVALID Final "invalid GeoJSON"
    200 INDEX_FOUND Final "index exists already"
    201 INDEX_NOT_FOUND Final "index not found"
    202 INDEX_OUT_OF_MEMORY Final "index out of memory"
    203 INDEX_NOT_READABLE Retry "index not readable yet"
    204 INDEX_GENERIC Final "index error"
    205 INDEX_NAME Final "index name is too long"
    206 INDEX_MAX_COUNT Final "too many indexes"
}

impl ResultCode {
    /// Whether the request succeeded.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "result {} ({})", self.0, self.text())
    }
}
