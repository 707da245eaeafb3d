//! How the JSON of a manifest is laid out: one line for each key, and in lists one for each
//! element, so that people and line-based tools can read it.

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Lines down to this depth; what is deeper stays in the line of its parent.
const DEPTH: usize = 2;

/// `value` as text that ends in a brace and LF.
pub(super) fn encode(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, Lines::default());
    value.serialize(&mut serializer)?;
    out.push(b'\n');
    Ok(out)
}

#[derive(Default)]
struct Lines {
    depth: usize,
    /// Whether the innermost list has elements, in lines of their own.
    broken: bool,
}

impl Lines {
    fn separate<W: ?Sized + Write>(
        &self,
        out: &mut W,
        first: bool,
        breaks: bool,
    ) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if breaks {
            out.write_all(b"\n")?;
            (0..self.depth).try_for_each(|_| out.write_all(b"  "))
        } else if first {
            Ok(())
        } else {
            out.write_all(b" ")
        }
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, breaks: bool) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if breaks {
            out.write_all(b"\n")?;
            (0..self.depth).try_for_each(|_| out.write_all(b"  "))?;
        }
        Ok(())
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth = self.depth.saturating_add(1);
        self.broken = false;
        out.write_all(b"[")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        let breaks = self.depth <= DEPTH;
        self.separate(out, first, breaks)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.broken = true;
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let breaks = self.broken && self.depth <= DEPTH;
        self.close(out, breaks)?;
        out.write_all(b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth = self.depth.saturating_add(1);
        out.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.separate(out, first, self.depth < DEPTH)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let breaks = self.depth < DEPTH;
        self.close(out, breaks)?;
        out.write_all(b"}")
    }
}
