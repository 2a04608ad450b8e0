//! What names a person or a device: kinds, classes, blocked values. Both ends use it.

/// What sort of name a value is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub String);

/// A kind and a value in its normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// What sort of name it is.
    pub kind: Kind,
    /// Its normal form.
    pub value: String,
}
