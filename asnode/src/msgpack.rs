//! Reading and writing the msgpack of lists, maps and expressions, one token at a time.
//!
//! Only tokens: what may stand where is decided by [`crate::cdt`] and [`crate::expression`], which
//! of two values is the greater by [`crate::order`].

/// One msgpack value; containers announce how many follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// An unsigned integer of 2^63 or more.
    BigInt(u64),
    F32([u8; 4]),
    F64([u8; 8]),
    /// `str` and `bin` alike: servers store both as `str`.
    Str(&'a [u8]),
    /// Number of elements.
    List(usize),
    /// Number of pairs.
    Map(usize),
    Ext(u8, &'a [u8]),
}

/// A cursor over msgpack; `None` always means malformed or cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk::<N>().copied()
    }

    /// A big-endian unsigned number of N bytes.
    fn number<const N: usize>(&mut self) -> Option<u64> {
        Some(
            self.array::<N>()?
                .iter()
                .fold(0, |n, byte| n << 8 | u64::from(*byte)),
        )
    }

    fn length<const N: usize>(&mut self) -> Option<usize> {
        usize::try_from(self.number::<N>()?).ok()
    }

    fn unsigned<const N: usize>(&mut self) -> Option<Token<'a>> {
        let number = self.number::<N>()?;
        Some(i64::try_from(number).map_or(Token::BigInt(number), Token::Int))
    }

    fn str<const N: usize>(&mut self) -> Option<Token<'a>> {
        let len = self.length::<N>()?;
        self.take(len).map(Token::Str)
    }

    fn ext(&mut self, len: usize) -> Option<Token<'a>> {
        let [kind] = self.array()?;
        Some(Token::Ext(kind, self.take(len)?))
    }

    /// The next token.
    pub(crate) fn token(&mut self) -> Option<Token<'a>> {
        let [head] = self.array()?;
        let low = |mask: u8| usize::from(head & mask);
        Some(match head {
            0x00..=0x7f => Token::Int(i64::from(head)),
            0x80..=0x8f => Token::Map(low(0x0f)),
            0x90..=0x9f => Token::List(low(0x0f)),
            0xa0..=0xbf => Token::Str(self.take(low(0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return None,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 | 0xd9 => self.str::<1>()?,
            0xc5 | 0xda => self.str::<2>()?,
            0xc6 | 0xdb => self.str::<4>()?,
            0xc7 => {
                let len = self.length::<1>()?;
                self.ext(len)?
            }
            0xc8 => {
                let len = self.length::<2>()?;
                self.ext(len)?
            }
            0xc9 => {
                let len = self.length::<4>()?;
                self.ext(len)?
            }
            0xca => Token::F32(self.array()?),
            0xcb => Token::F64(self.array()?),
            0xcc => self.unsigned::<1>()?,
            0xcd => self.unsigned::<2>()?,
            0xce => self.unsigned::<4>()?,
            0xcf => self.unsigned::<8>()?,
            0xd0 => Token::Int(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Token::Int(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Token::Int(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Token::Int(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.ext(1 << (head - 0xd4))?,
            0xdc => Token::List(self.length::<2>()?),
            0xdd => Token::List(self.length::<4>()?),
            0xde => Token::Map(self.length::<2>()?),
            0xdf => Token::Map(self.length::<4>()?),
            0xe0..=0xff => Token::Int(i64::from(head.cast_signed())),
        })
    }
}

impl<'a> Reader<'a> {
    /// The bytes of the next whole value, containers with all they hold. Any depth: nothing
    /// recurses here.
    pub(crate) fn value(&mut self) -> Option<&'a [u8]> {
        let all = self.rest;
        let mut left = 1usize;
        while left > 0 {
            left = match self.token()? {
                Token::List(len) => left.checked_add(len)?,
                Token::Map(pairs) => left.checked_add(pairs.checked_mul(2)?)?,
                _ => left,
            } - 1;
        }
        all.get(..all.len() - self.rest.len())
    }

    /// The flag element of a container, if it comes next.
    pub(crate) fn flags(&mut self) -> Option<u8> {
        let mut ahead = *self;
        let Some(Token::Ext(flags, [])) = ahead.token() else {
            return None;
        };
        *self = ahead;
        Some(flags)
    }
}

/// Appends an integer in its shortest form.
pub(crate) fn put_int(out: &mut Vec<u8>, value: i64) {
    let bytes = value.to_be_bytes();
    let [.., b4, b5, b6, b7] = bytes;
    match value {
        -32..=0x7f => out.push(b7),
        0x80..=0xff => out.extend_from_slice(&[0xcc, b7]),
        0x100..=0xffff => out.extend_from_slice(&[0xcd, b6, b7]),
        0x1_0000..=0xffff_ffff => out.extend_from_slice(&[0xce, b4, b5, b6, b7]),
        0x1_0000_0000.. => put_tagged(out, 0xcf, &bytes),
        -0x80..=-33 => out.extend_from_slice(&[0xd0, b7]),
        -0x8000..=-0x81 => out.extend_from_slice(&[0xd1, b6, b7]),
        -0x8000_0000..=-0x8001 => out.extend_from_slice(&[0xd2, b4, b5, b6, b7]),
        _ => put_tagged(out, 0xd3, &bytes),
    }
}

/// Appends one byte and the bytes of a fixed-size value.
pub(crate) fn put_tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

/// Appends a `str` with the shortest header.
pub(crate) fn put_str(out: &mut Vec<u8>, bytes: &[u8]) {
    put_head(out, bytes.len(), (0xa0, 32), Some(0xd9), 0xda);
    out.extend_from_slice(bytes);
}

/// Appends a list header.
pub(crate) fn put_list(out: &mut Vec<u8>, len: usize) {
    put_head(out, len, (0x90, 16), None, 0xdc);
}

/// Appends a map header.
pub(crate) fn put_map(out: &mut Vec<u8>, pairs: usize) {
    put_head(out, pairs, (0x80, 16), None, 0xde);
}

/// `fix`: tag and bound of the one-byte form; `one`: tag with a one-byte length; `two`: tag with
/// a two-byte length, followed in the table by the one with four bytes.
fn put_head(out: &mut Vec<u8>, len: usize, fix: (u8, usize), one: Option<u8>, two: u8) {
    let [.., b4, b5, b6, b7] = (len as u64).to_be_bytes();
    match (len, one) {
        (len, _) if len < fix.1 => out.push(fix.0 | b7),
        (0..=0xff, Some(tag)) => out.extend_from_slice(&[tag, b7]),
        (0..=0xffff, _) => out.extend_from_slice(&[two, b6, b7]),
        _ => out.extend_from_slice(&[two + 1, b4, b5, b6, b7]),
    }
}

/// The bytes of hexadecimal digits, for the tests of whatever is written in msgpack.
#[cfg(test)]
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
