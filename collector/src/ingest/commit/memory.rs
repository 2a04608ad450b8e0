//! What the writer remembers of the ledger, so that a known claim costs no look-up. Bounded by entries; forgotten
//! whole when a transaction fails.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use selvedge_core::identifier::Identifier;

use crate::event::{Order, Workspace};
use crate::identity::Quarantine;
use crate::store::{ChangeSeq, NameId, ShapeId, StoreError, View};

/// Bounded caches over the ledger.
pub(super) struct Memory {
    /// By what they claim: see `arrival::claim_bytes`.
    pub(super) shapes: LruCache<Box<[u8]>, KnownShape>,
    pub(super) names: LruCache<(Workspace, Identifier), NameId>,
    standings: LruCache<NameId, Standing>,
    /// Of each device the anchors that marked it.
    anchors: LruCache<NameId, Arc<[NameId]>>,
    workspaces: HashMap<Workspace, Arc<str>>,
    pub(super) last_change: Option<ChangeSeq>,
}

/// What the fast path needs of a shape.
#[derive(Debug, Clone)]
pub(super) struct KnownShape {
    pub(super) id: ShapeId,
    pub(super) first: Order,
    pub(super) anchor: Option<NameId>,
    /// By kind priority, then value.
    pub(super) devices: Arc<[NameId]>,
    /// Accounts and contacts.
    pub(super) people: Arc<[NameId]>,
}

/// Where an account or contact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    pub(super) leader: Option<NameId>,
    pub(super) quarantine: Option<Quarantine>,
}

impl Default for Memory {
    fn default() -> Self {
        let bounded = NonZeroUsize::new(ENTRIES).unwrap_or(NonZeroUsize::MIN);
        Self {
            shapes: LruCache::new(bounded),
            names: LruCache::new(bounded),
            standings: LruCache::new(bounded),
            anchors: LruCache::new(bounded),
            workspaces: HashMap::new(),
            last_change: None,
        }
    }
}

impl Memory {
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn workspace_name(&mut self, view: &dyn View, workspace: Workspace) -> Result<Arc<str>, StoreError> {
        if let Some(name) = self.workspaces.get(&workspace) {
            return Ok(Arc::clone(name));
        }
        let name: Arc<str> = view.workspace_name(workspace)?.into();
        self.workspaces.insert(workspace, Arc::clone(&name));
        Ok(name)
    }

    pub(super) fn last_change(&mut self, view: &dyn View) -> Result<ChangeSeq, StoreError> {
        match self.last_change {
            Some(last) => Ok(last),
            None => view.last_change(),
        }
    }

    pub(super) fn standing(&mut self, view: &dyn View, name: NameId) -> Result<Standing, StoreError> {
        if let Some(standing) = self.standings.get(&name) {
            return Ok(*standing);
        }
        let placement = view.placement(name)?;
        let standing = placement.map_or(Standing::default(), |placement| Standing {
            leader: placement.leader(),
            quarantine: placement.quarantine,
        });
        self.standings.put(name, standing);
        Ok(standing)
    }

    pub(super) fn set_standing(&mut self, name: NameId, standing: Standing) {
        self.standings.put(name, standing);
    }

    pub(super) fn anchors(&mut self, view: &dyn View, device: NameId) -> Result<Arc<[NameId]>, StoreError> {
        if let Some(anchors) = self.anchors.get(&device) {
            return Ok(Arc::clone(anchors));
        }
        let anchors: Arc<[NameId]> = view.anchors_on(device)?.into_iter().map(|mark| mark.anchor).collect();
        self.anchors.put(device, Arc::clone(&anchors));
        Ok(anchors)
    }

    pub(super) fn forget_anchors(&mut self, device: NameId) {
        self.anchors.pop(&device);
    }
}

/// Of each cache; some 40 MiB in all when they are full of ordinary identifiers.
const ENTRIES: usize = 64 * 1_024;
