//! How nodes ship, and how they fail to: what tests turn.

/// How all nodes of a cluster ship. Changes take effect with the next batch of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipping {
    /// Connections of each node for a namespace; taken when the namespace is added. Default 4.
    pub connections: usize,
    /// Records of a connection that wait for their acknowledgement at a time. Default 256.
    pub window: usize,
    /// Says that a partition waits for its recovery, though none may. Default false.
    pub hold_recovery: bool,
    /// Says that shipping is so many seconds behind. Default: the truth.
    pub lag_s: Option<u64>,
    /// Ships nothing for the time being. Default false.
    pub paused: bool,
    /// Ships every message twice. Default false.
    pub repeat: bool,
    /// Ships the records of a window in the opposite order. Default false.
    pub reorder: bool,
    /// Sends in pieces of so many bytes. Default: large ones.
    pub piece_bytes: Option<usize>,
    /// Breaks a connection off in the middle of every so-manieth message. Default: never.
    pub cut_every: Option<u64>,
    /// Breaks a connection off after sending and before reading acknowledgements, at every
    /// so-manieth message. Default: never.
    pub lose_acks_every: Option<u64>,
}

impl Default for Shipping {
    fn default() -> Self {
        Self {
            connections: 4,
            window: 256,
            hold_recovery: false,
            lag_s: None,
            paused: false,
            repeat: false,
            reorder: false,
            piece_bytes: None,
            cut_every: None,
            lose_acks_every: None,
        }
    }
}
