//! Reads all claims that can have a say in where some names are placed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use selvedge_core::identifier::Identifier;

use crate::event::{Claimed, Order, Source, UnixMillis};
use crate::identity::Claim;
use crate::store::{NameId, Role, ShapeId, StoreError, View};

/// Accounts and contacts that edges tie to each other, and the claims that make those edges. Devices tie nobody.
#[derive(Default)]
pub(super) struct Neighbourhood {
    pub(super) names: BTreeMap<NameId, Identifier>,
    pub(super) claims: Vec<Claim>,
}

impl Neighbourhood {
    /// That of a name: closed over the accounts and contacts that its claims share with others.
    pub(super) fn of(name: NameId, view: &dyn View) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let mut shapes: BTreeSet<ShapeId> = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            if found.names.contains_key(&name) {
                continue;
            }
            let identifier = view.name(name)?.identifier;
            found.claims.extend(lone_claim(name, &identifier, view)?);
            found.names.insert(name, identifier);
            for shape in view.shapes_naming(name, Role::Tied)? {
                if shapes.insert(shape) {
                    open.extend(view.names_of(shape)?.iter().filter(|named| named.role == Role::Tied).map(|n| n.name));
                }
            }
        }
        for shape in shapes {
            found.claims.push(found.claim(shape, view)?);
        }
        Ok(found)
    }

    /// The row of each identifier.
    pub(super) fn by_identifier(&self) -> HashMap<&Identifier, NameId> {
        self.names.iter().map(|(name, identifier)| (identifier, *name)).collect()
    }

    /// What a shape claims about accounts and contacts, at its first order.
    fn claim(&self, shape: ShapeId, view: &dyn View) -> Result<Claim, StoreError> {
        let named = view.names_of(shape)?;
        let claimed = |name: &crate::store::ShapeName| {
            let identifier = self.names.get(&name.name)?.clone();
            Some(Claimed { identifier, strength: name.strength })
        };
        let identifiers = named.iter().filter_map(claimed).collect();
        let shape = view.shape(shape)?;
        Ok(Claim { order: shape.first, identifiers, source: shape.source })
    }
}

/// The strongest claim of a name alone. It ties nobody, so that of all of them one says everything: that the name was
/// said, and how far it was trusted.
fn lone_claim(name: NameId, identifier: &Identifier, view: &dyn View) -> Result<Option<Claim>, StoreError> {
    let claim = |strength| Claim {
        order: Order { time: UnixMillis::default(), message_id: "".into() },
        identifiers: vec![Claimed { identifier: identifier.clone(), strength }],
        source: Source(0),
    };
    Ok(view.lone_strength(name)?.map(claim))
}
