//! What is wrong with what was about to be written.

/// What is wrong with a piece that was about to be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteProblem {
    /// The text of a record, or of a definition, cannot be decoded.
    #[error("the text cannot be decoded: {kind}")]
    Text {
        /// What is wrong.
        kind: asb_format::ErrorKind,
    },
    /// Messages that XDR has shipped cannot be decoded.
    #[error("the messages cannot be decoded: {kind}")]
    Messages {
        /// What is wrong.
        kind: asbx_format::ErrorKind,
    },
    /// The records of a partition have another fingerprint than those that the node has sent.
    #[error("the records of partition {partition} are not those that the node has sent")]
    Records {
        /// The partition.
        partition: u16,
    },
    /// There are more or fewer records than were read.
    #[error("there are not as many records as were read")]
    Count,
    /// Generations or times of expiry are not those that the nodes have sent.
    #[error("generations or times of expiry are not those that the node has sent")]
    Lives,
    /// Indexes or modules are not those that the cluster has sent.
    #[error("indexes or modules are not those that the cluster has sent")]
    Globals,
    /// What compression and encryption have made of the text.
    #[error("compressed or encrypted, it is another text")]
    Stored {
        /// What is wrong, and where in the stored bytes.
        source: backup_envelope::Error,
    },
}
