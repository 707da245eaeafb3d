//! Numbers (`expressions.md` §3): integers wrap at 64 bits, floats follow IEEE 754, `None` is
//! unknown.

use super::operation::{Binary, Bits, Numbers, Unary};

/// What both kinds of numbers can do.
pub(super) trait Number: Copy {
    const ZERO: Self;
    const ONE: Self;
    fn neg(self) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Unknown for integers divided by 0.
    fn div(self, other: Self) -> Option<Self>;
    fn is_less(self, other: Self) -> bool;
}

impl Number for i64 {
    const ZERO: Self = 0;
    const ONE: Self = 1;

    fn neg(self) -> Self {
        self.wrapping_neg()
    }

    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn sub(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    fn mul(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }

    fn div(self, other: Self) -> Option<Self> {
        (other != 0).then(|| self.wrapping_div(other))
    }

    fn is_less(self, other: Self) -> bool {
        self < other
    }
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn neg(self) -> Self {
        -self
    }

    fn add(self, other: Self) -> Self {
        self + other
    }

    fn sub(self, other: Self) -> Self {
        self - other
    }

    fn mul(self, other: Self) -> Self {
        self * other
    }

    fn div(self, other: Self) -> Option<Self> {
        Some(self / other)
    }

    fn is_less(self, other: Self) -> bool {
        self < other
    }
}

/// One or more numbers. An only one is negated or inverted; else differences and quotients are of
/// the first and all others together.
pub(super) fn numbers<T: Number>(
    op: Numbers,
    first: T,
    mut rest: impl Iterator<Item = Option<T>>,
) -> Option<T> {
    let is_only = rest.size_hint().1 == Some(0);
    let mut fold =
        |start, step: fn(T, T) -> T| rest.try_fold(start, |folded, next| Some(step(folded, next?)));
    match op {
        Numbers::Add => fold(first, T::add),
        Numbers::Mul => fold(first, T::mul),
        Numbers::Min => fold(first, |a, b| if b.is_less(a) { b } else { a }),
        Numbers::Max => fold(first, |a, b| if a.is_less(b) { b } else { a }),
        Numbers::Sub if is_only => Some(first.neg()),
        Numbers::Div if is_only => T::ONE.div(first),
        Numbers::Sub => Some(first.sub(fold(T::ZERO, T::add)?)),
        Numbers::Div => first.div(fold(T::ONE, T::mul)?),
    }
}

pub(super) fn bits(
    op: Bits,
    first: i64,
    mut rest: impl Iterator<Item = Option<i64>>,
) -> Option<i64> {
    rest.try_fold(first, |folded, next| {
        let next = next?;
        Some(match op {
            Bits::And => folded & next,
            Bits::Or => folded | next,
            Bits::Xor => folded ^ next,
        })
    })
}

/// Either kind of number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Either {
    Int(i64),
    Float(f64),
}

pub(super) fn unary(op: Unary, argument: Either) -> Option<Either> {
    use Either::{Float, Int};
    Some(match (op, argument) {
        (Unary::Abs, Int(x)) => Int(x.wrapping_abs()),
        (Unary::Abs, Float(x)) => Float(x.abs()),
        (Unary::Floor, Float(x)) => Float(x.floor()),
        (Unary::Ceil, Float(x)) => Float(x.ceil()),
        (Unary::ToInt, Float(x)) => Int(truncate(x)),
        (Unary::ToFloat, Int(x)) => Float(x as f64),
        (Unary::Not, Int(x)) => Int(!x),
        (Unary::Count, Int(x)) => Int(i64::from(x.count_ones())),
        _ => return None,
    })
}

/// Towards 0. What does not fit becomes the nearest integer, NaN 0; the real server leaves both
/// to its processor.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
const fn truncate(x: f64) -> i64 {
    x as i64
}

pub(super) fn of_floats(op: Binary, a: f64, b: f64) -> Option<f64> {
    match op {
        Binary::Pow => Some(a.powf(b)),
        Binary::Log => Some(a.ln() / b.ln()),
        _ => None,
    }
}

/// Only the low six bits of a shift count.
pub(super) fn of_ints(op: Binary, a: i64, b: i64) -> Option<i64> {
    let [.., low] = b.to_be_bytes();
    let count = u32::from(low & 63);
    match op {
        Binary::Mod => (b != 0).then(|| a.wrapping_rem(b)),
        Binary::ShiftLeft => Some(a.wrapping_shl(count)),
        Binary::ShiftRightLogical => Some(a.cast_unsigned().wrapping_shr(count).cast_signed()),
        Binary::ShiftRight => Some(a.wrapping_shr(count)),
        _ => None,
    }
}

/// Position of the first bit that is `wanted`; bit 0 is the most significant. −1: there is none.
pub(super) fn scan(op: Binary, number: i64, wanted: bool) -> Option<i64> {
    let ones = if wanted { number } else { !number };
    let position = match op {
        Binary::ScanLeft => i64::from(ones.leading_zeros()),
        Binary::ScanRight => 63 - i64::from(ones.trailing_zeros()),
        _ => return None,
    };
    Some(if ones == 0 { -1 } else { position })
}
