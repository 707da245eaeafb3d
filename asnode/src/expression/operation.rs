//! Operation codes, and the types of those whose types are fixed (`expressions.md` §2).

use super::value::Type;
use std::cmp::Ordering;

/// Comparison of two values of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Relation {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Eq,
            2 => Self::Ne,
            3 => Self::Gt,
            4 => Self::Ge,
            5 => Self::Lt,
            6 => Self::Le,
            _ => return None,
        })
    }

    /// `None`: the values have no order, so they are not equal either.
    pub(super) fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Eq => order == Some(Ordering::Equal),
            Self::Ne => order != Some(Ordering::Equal),
            Self::Gt => order == Some(Ordering::Greater),
            Self::Ge => order.is_some_and(Ordering::is_ge),
            Self::Lt => order == Some(Ordering::Less),
            Self::Le => order.is_some_and(Ordering::is_le),
        }
    }
}

/// Two or more truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logic {
    And,
    Or,
    /// Exactly one is true.
    Exclusive,
}

impl Logic {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            16 => Self::And,
            17 => Self::Or,
            19 => Self::Exclusive,
            _ => return None,
        })
    }
}

/// One or more numbers of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
}

impl Numbers {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            20 => Self::Add,
            21 => Self::Sub,
            22 => Self::Mul,
            23 => Self::Div,
            50 => Self::Min,
            51 => Self::Max,
            _ => return None,
        })
    }
}

/// One or more integers, bit by bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bits {
    And,
    Or,
    Xor,
}

impl Bits {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            32 => Self::And,
            33 => Self::Or,
            34 => Self::Xor,
            _ => return None,
        })
    }
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    /// Of either kind of number; all others have one signature.
    Abs,
    Floor,
    Ceil,
    ToInt,
    ToFloat,
    Not,
    Count,
}

impl Unary {
    /// The operation, its argument and its result.
    pub(super) const fn from_code(code: u8) -> Option<(Self, Type, Type)> {
        Some(match code {
            28 => (Self::Floor, Type::Float, Type::Float),
            29 => (Self::Ceil, Type::Float, Type::Float),
            30 => (Self::ToInt, Type::Float, Type::Int),
            31 => (Self::ToFloat, Type::Int, Type::Float),
            35 => (Self::Not, Type::Int, Type::Int),
            39 => (Self::Count, Type::Int, Type::Int),
            _ => return None,
        })
    }
}

/// Two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Pow,
    Log,
    Mod,
    ShiftLeft,
    ShiftRightLogical,
    ShiftRight,
    /// Position of the first bit of a kind from the left …
    ScanLeft,
    /// … and from the right.
    ScanRight,
}

impl Binary {
    /// The operation, its arguments and its result.
    pub(super) const fn from_code(code: u8) -> Option<(Self, [Type; 2], Type)> {
        use Type::{Bool, Float, Int};
        Some(match code {
            24 => (Self::Pow, [Float, Float], Float),
            25 => (Self::Log, [Float, Float], Float),
            26 => (Self::Mod, [Int, Int], Int),
            36 => (Self::ShiftLeft, [Int, Int], Int),
            37 => (Self::ShiftRightLogical, [Int, Int], Int),
            38 => (Self::ShiftRight, [Int, Int], Int),
            40 => (Self::ScanLeft, [Int, Bool], Int),
            41 => (Self::ScanRight, [Int, Bool], Int),
            _ => return None,
        })
    }
}

/// What is known of a record without its bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meta {
    /// 0 here: the namespaces are in memory.
    DeviceSize,
    LastUpdate,
    SinceUpdate,
    VoidTime,
    Ttl,
    SetName,
    KeyExists,
    /// False for every record that can be found.
    IsTombstone,
    RecordSize,
}

impl Meta {
    /// The operation, which has no arguments, and its result.
    pub(super) const fn from_code(code: u8) -> Option<(Self, Type)> {
        Some(match code {
            65 => (Self::DeviceSize, Type::Int),
            66 => (Self::LastUpdate, Type::Int),
            67 => (Self::SinceUpdate, Type::Int),
            68 => (Self::VoidTime, Type::Int),
            69 => (Self::Ttl, Type::Int),
            70 => (Self::SetName, Type::Str),
            71 => (Self::KeyExists, Type::Bool),
            72 => (Self::IsTombstone, Type::Bool),
            73 | 74 => (Self::RecordSize, Type::Int),
            _ => return None,
        })
    }
}
