//! The text that stands in an option where a secret is meant.

use std::fmt;

use crate::error::ReferenceError;

/// How every reference begins.
const PREFIX: &str = "secrets:";

/// Which references are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `secrets:<resource>:<key>`, exactly three parts: the rule of the Go tool.
    #[default]
    ResourceAndKey,
    /// `secrets:[<resource>:]<key>`, the last colon separates the key: the rule of the C tools.
    ResourceOptional,
}

/// Which secret is meant. It names the secret and is none itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    resource: Option<String>,
    key: String,
}

impl Reference {
    /// Whether a value is meant as a reference, well-formed or not.
    #[must_use]
    pub fn is_meant(value: &str) -> bool {
        value.starts_with(PREFIX)
    }

    /// The reference that an option's value is; `None` for a value that is meant as it is.
    ///
    /// # Errors
    ///
    /// A value that begins as a reference and is none of this form.
    pub fn parse(value: &str, form: Form) -> Result<Option<Self>, ReferenceError> {
        let Some(rest) = value.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let (resource, key) = match rest.rsplit_once(':') {
            None => (None, rest),
            Some((resource, key)) => (Some(resource.to_owned()), key),
        };
        let key = key.to_owned();
        let reference = Self { resource, key };
        reference.check(form)?;
        Ok(Some(reference))
    }

    /// Whether it is of this form, for one that was parsed by another.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self, form: Form) -> Result<(), ReferenceError> {
        match (&self.resource, form) {
            (None, Form::ResourceAndKey) => Err(ReferenceError::NoResource),
            (Some(resource), Form::ResourceAndKey) if resource.contains(':') => {
                Err(ReferenceError::TooManyParts)
            }
            _ if self.key.is_empty() => Err(ReferenceError::NoKey),
            _ => Ok(()),
        }
    }

    /// The resource of the agent that holds the secret; `None` leaves the choice to the agent.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// The name of the secret in its resource.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        if let Some(resource) = &self.resource {
            write!(f, "{}:", resource.escape_debug())?;
        }
        write!(f, "{}", self.key.escape_debug())
    }
}
