//! Floating point numbers as text.
//!
//! Written like Go's `strconv` does (asb-text.md §5.4): shortest digits, exponent form outside of
//! 1e-4 … 1e6; only `nan`, `inf` and `-inf` are spelled like C does, because both tools read that.
//! `ryu` finds the digits but lays them out otherwise, so its text is rearranged.

use alloc::vec::Vec;

use crate::error::ErrorKind;

/// Most digits and zeros in a mantissa of `ryu`: 17 digits behind `0.0000`.
const MANTISSA_MAX: usize = 24;

/// Appends a bin value: Go's form 'g'.
#[inline]
pub(crate) fn encode(value: f64, out: &mut Vec<u8>) {
    if (1e-4..1e6).contains(&value.abs()) {
        // Here ryu never uses an exponent, and differs from Go by a trailing ".0" only.
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value).as_bytes();
        out.extend_from_slice(text.strip_suffix(b".0").unwrap_or(text));
    } else {
        encode_other(value, out);
    }
}

fn encode_other(value: f64, out: &mut Vec<u8>) {
    if let Some(decimal) = Decimal::start(value, out) {
        if (-4..6).contains(&decimal.exponent) {
            decimal.push_plain(out);
        } else {
            decimal.push_scientific(out);
        }
    }
}

/// Appends a user key: Go's form 'f', never an exponent, so up to 340 bytes.
pub(crate) fn encode_key(value: f64, out: &mut Vec<u8>) {
    if let Some(decimal) = Decimal::start(value, out) {
        decimal.push_plain(out);
    }
}

/// Shortest digits of a number that is finite and not zero: `d.ddd × 10^exponent`.
struct Decimal {
    /// ASCII digits, neither the first nor the last is '0'.
    digits: [u8; MANTISSA_MAX],
    len: usize,
    exponent: i32,
}

impl Decimal {
    /// Appends the sign and gives the digits, or appends all of a number that has none.
    fn start(value: f64, out: &mut Vec<u8>) -> Option<Self> {
        if value.is_sign_negative() && !value.is_nan() {
            out.push(b'-');
        }
        let special: &[u8] = if value.is_nan() {
            b"nan"
        } else if value.is_infinite() {
            b"inf"
        } else if value == 0.0 {
            b"0"
        } else {
            return Some(Self::new(value.abs()));
        };
        out.extend_from_slice(special);
        None
    }

    fn new(value: f64) -> Self {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut decimal = Self {
            digits: [b'0'; MANTISSA_MAX],
            len: 0,
            exponent: -1,
        };
        for byte in whole
            .bytes()
            .chain(fraction.bytes())
            .skip_while(|&b| b == b'0')
        {
            if let Some(digit) = decimal.digits.get_mut(decimal.len) {
                *digit = byte;
                decimal.len += 1;
            }
        }
        let zeros = mantissa
            .bytes()
            .filter(|&b| b != b'.')
            .take_while(|&b| b == b'0')
            .count();
        decimal.exponent +=
            exponent.parse::<i32>().unwrap_or(0) + small(whole.len()) - small(zeros);
        while decimal.len > 1 && decimal.digits.get(decimal.len - 1) == Some(&b'0') {
            decimal.len -= 1;
        }
        decimal
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// `d.ddde±XX`
    fn push_scientific(&self, out: &mut Vec<u8>) {
        let (first, rest) = self.digits().split_at_checked(1).unwrap_or_default();
        out.extend_from_slice(first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
        let exponent = self.exponent.unsigned_abs();
        if exponent < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
    }

    /// `ddd000`, `dd.d` or `0.00ddd`
    fn push_plain(&self, out: &mut Vec<u8>) {
        let digits = self.digits();
        let Ok(whole) = usize::try_from(self.exponent + 1) else {
            let zeros = usize::try_from(-1 - self.exponent).unwrap_or(0);
            out.extend_from_slice(b"0.");
            out.resize(out.len() + zeros, b'0');
            out.extend_from_slice(digits);
            return;
        };
        match digits.split_at_checked(whole) {
            Some((digits, [])) => out.extend_from_slice(digits),
            Some(([], digits)) => {
                out.extend_from_slice(b"0.");
                out.extend_from_slice(digits);
            }
            Some((left, right)) => {
                out.extend_from_slice(left);
                out.push(b'.');
                out.extend_from_slice(right);
            }
            None => {
                out.extend_from_slice(digits);
                out.resize(out.len() + whole - digits.len(), b'0');
            }
        }
    }
}

/// Lengths of a formatted number, all below [`MANTISSA_MAX`].
fn small(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(0)
}

/// Reads any spelling that either established tool reads and that is not a mistake: digits with
/// optional point and exponent, `nan`, `inf`, `infinity`, in any case, with an optional sign.
#[inline]
pub(crate) fn parse(token: &[u8]) -> Result<f64, ErrorKind> {
    let text = core::str::from_utf8(token).map_err(|_| ErrorKind::BadFloat)?;
    let value: f64 = text.parse().map_err(|_| ErrorKind::BadFloat)?;
    if value.is_infinite() && token.iter().any(u8::is_ascii_digit) {
        return Err(ErrorKind::FloatOutOfRange);
    }
    Ok(value)
}
