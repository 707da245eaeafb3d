//! How much memory a frame may ask for.

/// Binary logarithm of the largest window that a frame may have, 10 to 31.
///
/// A decoder keeps a window of text. The default, 27, is what every tool can read; frames of the Go
/// tool may need 29 (§3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowLog(u32);

impl WindowLog {
    /// 27: windows of up to 128 MiB.
    pub const DEFAULT: Self = Self(27);

    /// A limit of `2^log` bytes; `None` outside of 10 to 31.
    #[must_use]
    pub const fn new(log: u32) -> Option<Self> {
        match log {
            10..=31 => Some(Self(log)),
            _ => None,
        }
    }

    /// The logarithm.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for WindowLog {
    fn default() -> Self {
        Self::DEFAULT
    }
}
