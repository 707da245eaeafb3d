//! What is about to be stored is read back first (`--verify-writes`): the text by
//! [`verify`](crate::backup::verify), what compression and encryption make of it here.

use super::{FileSet, OpenFile};
use crate::{
    backup::{
        state::{FileState, WrittenGlobals},
        verify::{self, Flaw, TextCheck, WriteProblem},
        wrap,
    },
    error::Error,
};
use backup_envelope::{ErrorKind, HEADER_BYTES, Verifier};
use backup_storage::StoreExt;

/// A reader of the stored bytes of one file, as they come.
#[derive(Debug)]
pub(super) struct Proof {
    verifier: Verifier,
    /// Text in the file before it began, in bytes.
    before: u64,
}

/// Why stored bytes are not right, and where in the text that is.
pub(super) type Wrong = (u64, backup_envelope::Error);

impl Proof {
    /// Reads `stored`, which was made of `text`.
    pub(super) fn check(&mut self, text: &[u8], stored: &[u8]) -> Result<(), Wrong> {
        let checked = self.verifier.check(text, stored);
        checked.map_err(|error| self.place(error))
    }

    /// All text is in the stored bytes.
    pub(super) fn check_end(&self) -> Result<(), Wrong> {
        let ended = self.verifier.check_end();
        ended.map_err(|error| self.place(error))
    }

    fn place(&self, error: backup_envelope::Error) -> Wrong {
        let at = match error.kind() {
            ErrorKind::Differs { text_offset } => *text_offset,
            _ => self.verifier.compared(),
        };
        (self.before.saturating_add(at), error)
    }
}

impl FileSet {
    /// Whether what is written is read back first.
    pub(in crate::backup) const fn verifies(&self) -> bool {
        self.verifies
    }

    /// The check of the text of a writer, if it is wanted.
    pub(in crate::backup) fn text_check(&self) -> Option<TextCheck> {
        let one_of = match self.wrap.compression {
            Some(_) => 1,
            None => verify::ONE_OF,
        };
        self.verifies
            .then(|| TextCheck::new(&self.namespace, one_of))
    }

    /// Counts what was read back of the next text of `file`.
    pub(in crate::backup) fn checked(
        &self,
        file: &OpenFile,
        read: Result<u64, Flaw>,
    ) -> Result<(), Error> {
        let records = read.map_err(|flaw| self.flawed(file, flaw))?;
        self.stats.records_verified.add(records);
        Ok(())
    }

    /// Reads indexes and modules back that are next in `file`.
    pub(super) fn check_globals(
        &self,
        file: &OpenFile,
        text: &[u8],
        written: &WrittenGlobals,
    ) -> Result<(), Error> {
        verify::check_globals(text, written).map_err(|flaw| self.flawed(file, flaw))
    }

    fn flawed(&self, file: &OpenFile, Flaw { at, problem }: Flaw) -> Error {
        Error::WriteCheck {
            file: self.store().location_of(&file.name),
            offset: file.plain_bytes.saturating_add(at as u64),
            source: problem,
        }
    }

    /// Stored bytes of `file` that are not those of its text.
    pub(super) fn unreadable(
        &self,
        file: &OpenFile,
        offset: u64,
        source: backup_envelope::Error,
    ) -> Error {
        Error::WriteCheck {
            file: self.store().location_of(&file.name),
            offset,
            source: WriteProblem::Stored { source },
        }
    }

    /// The reader of a new file; `None` where nothing is to be read back, or the text is stored as
    /// it is.
    pub(super) fn proof(&self) -> Option<Proof> {
        let options = self.wrap.reading().filter(|_| self.verifies)?;
        Some(Proof {
            verifier: Verifier::new(options),
            before: 0,
        })
    }

    /// The same for a file that is continued, which begins with `header`.
    pub(super) fn proof_from(
        &self,
        state: &FileState,
        header: [u8; HEADER_BYTES],
    ) -> Result<Option<Proof>, Error> {
        if state.bytes == 0 {
            return Ok(self.proof());
        }
        let options = self.wrap.reading_from(state.bytes, header);
        let Some(options) = options.filter(|_| self.verifies) else {
            return Ok(None);
        };
        let verifier = Verifier::part(options);
        let verifier = verifier.map_err(|source| wrap::failed(&state.name, source))?;
        let before = state.plain_bytes;
        Ok(Some(Proof { verifier, before }))
    }
}
