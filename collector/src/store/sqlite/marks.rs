//! Who marked a device, with a name or without. One statement per question.

use rusqlite::{Row, named_params};

use super::column::Code;
use super::row::{order, rows};
use super::session::Session;
use super::view::any_name_of_device;
use crate::event::Strength;
use crate::store::{DeviceAnchor, NameId, NamelessMark, Role, StoreError};

/// A device by all its names, as `any_name_of_device`, of marks without a name.
macro_rules! device_by_any_name {
    () => {
        " device in (select :device union select identifier from placement where same_as = :device) "
    };
}

impl Session<'_> {
    pub(super) fn read_anchors_on(&self, device: NameId) -> Result<Vec<DeviceAnchor>, StoreError> {
        const SQL: &str = concat!(
            "select shape.anchor, shape.rank, shape.guard, min(shape.id)
             from shape_identifier named join shape on shape.id = named.shape where",
            any_name_of_device!(),
            "and shape.anchor is not null group by shape.anchor, shape.rank, shape.guard
             union all select distinct person, rank, guard, 0 from nameless_mark where ",
            device_by_any_name!()
        );
        let params = named_params! { ":device": device, ":role": Code(Role::Device) };
        self.all(SQL, params, anchor)
    }

    pub(super) fn read_first_marks_on(&self, device: NameId, limit: usize) -> Result<Vec<DeviceAnchor>, StoreError> {
        const SQL: &str = concat!(
            "select shape.anchor, shape.rank, shape.guard, shape.id
             from shape_identifier named join shape on shape.id = named.shape where",
            any_name_of_device!(),
            "and shape.anchor is not null limit :limit"
        );
        let params = named_params! { ":device": device, ":role": Code(Role::Device), ":limit": rows(limit) };
        self.all(SQL, params, anchor)
    }

    pub(super) fn read_is_marked_with_trust(&self, device: NameId) -> Result<bool, StoreError> {
        const NAMED: &str = concat!(
            "select exists (select 1 from shape_identifier named join shape on shape.id = named.shape where",
            any_name_of_device!(),
            "and shape.anchor is not null and shape.rank > :observed)"
        );
        const NAMELESS: &str =
            concat!("select exists (select 1 from nameless_mark where", device_by_any_name!(), "and rank > :observed)");
        let observed = Code(Strength::Observed);
        let named = named_params! { ":device": device, ":role": Code(Role::Device), ":observed": observed };
        Ok(self.one(NAMED, named, |row| row.get(0))?
            || self.one(NAMELESS, named_params! { ":device": device, ":observed": observed }, |row| row.get(0))?)
    }

    pub(super) fn read_nameless_marks(&self, device: NameId) -> Result<Vec<NamelessMark>, StoreError> {
        const SQL: &str =
            concat!("select time, message_id, person, rank, guard from nameless_mark where", device_by_any_name!());
        self.all(SQL, named_params! { ":device": device }, |row| {
            Ok(NamelessMark {
                order: order(row, 0)?,
                person: row.get(2)?,
                rank: row.get::<_, Code<_>>(3)?.0,
                guard: row.get::<_, Code<_>>(4)?.0,
            })
        })
    }
}

fn anchor(row: &Row<'_>) -> rusqlite::Result<DeviceAnchor> {
    Ok(DeviceAnchor {
        anchor: row.get(0)?,
        rank: row.get::<_, Code<_>>(1)?.0,
        guard: row.get::<_, Code<_>>(2)?.0,
        since: row.get(3)?,
    })
}
