//! How the collector's values stand in columns.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use selvedge_core::identifier::Class;

use crate::event::{EventType, Guard, Source, Strength, UnixMillis, Via, Workspace};
use crate::identity::{DecisionVerb, Quarantine, Reason};
use crate::store::{BatchId, ChangeSeq, DecisionId, DigestPrefix, NameId, Role, Seq, ShapeId};

macro_rules! integer_columns {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map($name)
            }
        }
    )*};
}

integer_columns!(BatchId, ChangeSeq, DecisionId, DigestPrefix, NameId, Seq, ShapeId, Source, UnixMillis, Workspace);

/// A value of a closed list, stored as its place in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code<T>(pub(super) T);

/// The list. A place once given stays: files outlive versions.
pub(super) trait Listed: Copy + PartialEq + 'static {
    const ALL: &'static [Self];
}

impl<T: Listed> ToSql for Code<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let place = T::ALL.iter().position(|listed| *listed == self.0).and_then(|place| i64::try_from(place).ok());
        Ok(ToSqlOutput::Owned(place.map_or(Value::Null, Value::Integer)))
    }
}

impl<T: Listed> FromSql for Code<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let place = value.as_i64()?;
        let listed = usize::try_from(place).ok().and_then(|place| T::ALL.get(place));
        listed.map(|listed| Code(*listed)).ok_or(FromSqlError::OutOfRange(place))
    }
}

impl Listed for Class {
    const ALL: &'static [Self] = &[Class::Account, Class::Contact, Class::Device, Class::Undeclared];
}

impl Listed for EventType {
    const ALL: &'static [Self] = &[
        EventType::Track,
        EventType::Identify,
        EventType::Page,
        EventType::Screen,
        EventType::Group,
        EventType::Alias,
    ];
}

impl Listed for DecisionVerb {
    const ALL: &'static [Self] = &[DecisionVerb::Link, DecisionVerb::KeepApart, DecisionVerb::Ignore];
}

impl Listed for Guard {
    const ALL: &'static [Self] = &[Guard::Nothing, Guard::NothingYet, Guard::Held, Guard::Everyone];
}

impl Listed for Quarantine {
    const ALL: &'static [Self] = &[Quarantine::Observed, Quarantine::Everywhere];
}

impl Listed for Reason {
    const ALL: &'static [Self] = &[Reason::AccountConflict, Reason::Limit, Reason::Nearest, Reason::Decision];
}

impl Listed for Role {
    const ALL: &'static [Self] = &[Role::Device, Role::Lone, Role::Tied, Role::Alias];
}

/// In ascending order, so that `max(strength)` is the strongest.
impl Listed for Strength {
    const ALL: &'static [Self] = &[Strength::Observed, Strength::Proven, Strength::Asserted];
}

impl Listed for Via {
    const ALL: &'static [Self] = &[Via::Key, Via::Import, Via::Forward];
}
