//! The door to the cluster: which nodes there are, and what they answer to info commands.

use std::{error::Error as StdError, fmt, future::Future, pin::Pin};

/// A boxed future, so that the trait can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the choreography needs of a cluster.
pub trait ControlPlane: fmt::Debug + Send + Sync {
    /// Names of the nodes that take part now.
    fn nodes(&self) -> Vec<String>;

    /// Gives one info command to one node. The answer may be a refusal, which is no error here.
    ///
    /// # Errors
    /// The node is not there, or there is no answer: whether it did anything is not known.
    fn info<'a>(
        &'a self,
        node: &'a str,
        command: &'a str,
    ) -> BoxFuture<'a, Result<String, ControlError>>;
}

/// A node that could not be asked.
#[derive(Debug)]
pub struct ControlError(Box<dyn StdError + Send + Sync>);

impl ControlError {
    /// An error that has this cause.
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for ControlError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
