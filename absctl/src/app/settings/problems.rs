//! Everything that is wrong with a command line, said at once (`cli.md` §19).

use crate::app::error::Error;

/// Violations found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<String>,
    hint: Option<String>,
}

impl Problems {
    /// Notes a violation. The message names the flag.
    pub(super) fn add(&mut self, message: String) {
        self.found.push(message);
    }

    /// The value, or `None` after noting why there is none. Failures that are no violations
    /// end the search.
    pub(super) fn note<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Usage { message, hint }) => {
                self.found.push(message);
                self.hint = self.hint.take().or(hint);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// One error for all of them.
    pub(super) fn into_error(self) -> Error {
        Error::Usage {
            message: self.found.join("; "),
            hint: self.hint,
        }
    }
}
