//! What the writer remembers of the ledger, so that a known claim costs no look-up. Bounded by entries; forgotten
//! whole when a transaction fails.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use selvedge_core::identifier::Identifier;

use super::guarding::guarded_from;
use super::in_force::{Hanging, InForce};
use crate::event::{Guard, Order, Strength, UnixMillis, Workspace};
use crate::store::{
    ChangeSeq, DecisionRow, Flags, MarkRules, NameId, ShapeId, ShapeName, StoreError, Transaction, View, crowd_on,
};

/// Bounded caches over the ledger.
pub(super) struct Memory {
    /// By the digest of what they claim, as in the ledger: what they claim may be as long as an event.
    pub(super) shapes: LruCache<[u8; 16], KnownShape>,
    pub(super) names: LruCache<(Workspace, Identifier), NameId>,
    /// By the names that an event ties, their strengths and the guard: when that was said first, as far as is known.
    ties: LruCache<(Arc<[ShapeName]>, Guard), Order>,
    standings: LruCache<NameId, Standing>,
    anchors: LruCache<NameId, Arc<Marks>>,
    workspaces: HashMap<Workspace, Arc<str>>,
    has_aliases: Option<bool>,
    has_digests: Option<bool>,
    erasure_key: Option<Option<[u8; 32]>>,
    guard_from: HashMap<Workspace, Option<UnixMillis>>,
    /// Those that stand.
    decisions: Option<Arc<[DecisionRow]>>,
    /// What they come to by the names that are placed.
    pub(super) in_force: Option<Hanging<InForce>>,
    /// The names that they take out of every claim, in every form.
    pub(super) ignored: Option<Hanging<BTreeSet<NameId>>>,
    pub(super) last_change: Option<ChangeSeq>,
}

/// What the fast path needs of a shape.
#[derive(Debug, Clone)]
pub(super) struct KnownShape {
    pub(super) id: ShapeId,
    pub(super) first: Order,
    pub(super) event_count: u64,
    pub(super) anchor: Option<NameId>,
    /// By kind priority, then value.
    pub(super) devices: Arc<[NameId]>,
    /// Accounts and contacts.
    pub(super) people: Arc<[ShapeName]>,
    /// The older account of its alias.
    pub(super) older_account: Option<ShapeName>,
    /// What is taken out of what it observes of them.
    pub(super) guard: Guard,
    /// How far it is trusted: as its anchor is.
    pub(super) rank: Strength,
    /// Whether it named somebody who was erased.
    pub(super) lost_names: bool,
    /// When the last of its names was erased: from before that, nothing is taken in. `i64::MIN` for never.
    pub(super) erased_until: UnixMillis,
}

/// Where an account or contact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    pub(super) leader: Option<NameId>,
    pub(super) flags: Flags,
}

/// Who marked a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    /// By marks that count, sorted. Of a crowd, more than the limit.
    pub(super) anchors: Box<[NameId]>,
    /// Whether that is all who are too many.
    pub(super) is_crowd: bool,
    pub(super) rules: MarkRules,
    /// Whether events go by the device that named people who do not count: it may have a profile of its own, though all
    /// marks show one person.
    pub(super) keeps_strangers: bool,
}

impl Marks {
    /// Whether marks of this anchor count, as far as is known.
    pub(super) fn may_count(&self, anchor: NameId) -> bool {
        self.is_crowd || self.anchors.binary_search(&anchor).is_ok()
    }
}

impl Default for Memory {
    fn default() -> Self {
        let bounded = NonZeroUsize::new(ENTRIES).unwrap_or(NonZeroUsize::MIN);
        Self {
            shapes: LruCache::new(bounded),
            names: LruCache::new(bounded),
            ties: LruCache::new(bounded),
            standings: LruCache::new(bounded),
            anchors: LruCache::new(bounded),
            workspaces: HashMap::new(),
            has_aliases: None,
            has_digests: None,
            erasure_key: None,
            guard_from: HashMap::new(),
            decisions: None,
            in_force: None,
            ignored: None,
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

    /// Notes that an event, which is no snapshot, ties names; whether one from before it is known to tie the same: then it
    /// makes no edge that was not there.
    pub(super) fn is_tied_before(&mut self, people: &Arc<[ShapeName]>, guard: Guard, order: &Order) -> bool {
        let first = self.ties.get_or_insert_mut((Arc::clone(people), guard), || order.clone());
        let is_known = &*first < order;
        if order < first {
            *first = order.clone();
        }
        is_known
    }

    /// Whether any account has an older name.
    pub(super) fn has_aliases(&mut self, view: &dyn View) -> Result<bool, StoreError> {
        match self.has_aliases {
            Some(has_aliases) => Ok(has_aliases),
            None => Ok(*self.has_aliases.insert(view.has_aliases()?)),
        }
    }

    /// From when on a workspace is guarded, as was set while it ran.
    pub(super) fn guard_from(
        &mut self,
        view: &dyn View,
        workspace: Workspace,
    ) -> Result<Option<UnixMillis>, StoreError> {
        if let Some(guard_from) = self.guard_from.get(&workspace) {
            return Ok(*guard_from);
        }
        let guard_from = guarded_from(view, workspace)?;
        self.guard_from.insert(workspace, guard_from);
        Ok(guard_from)
    }

    /// Whether any digest is a name of the ledger.
    pub(super) fn has_digests(&mut self, view: &dyn View, workspace: Workspace) -> Result<bool, StoreError> {
        match self.has_digests {
            Some(has_digests) => Ok(has_digests),
            None => Ok(*self.has_digests.insert(view.rule(workspace, HAS_DIGESTS)?.is_some())),
        }
    }

    /// From now on, there is a digest.
    pub(super) fn note_digest(
        &mut self,
        transaction: &dyn Transaction,
        workspace: Workspace,
    ) -> Result<(), StoreError> {
        if !self.has_digests(transaction, workspace)? {
            transaction.set_rule(workspace, HAS_DIGESTS, "yes")?;
            self.has_digests = Some(true);
        }
        Ok(())
    }

    /// The key of the hashes of those who were erased; `None` when nobody was.
    pub(super) fn erasure_key(&mut self, transaction: &dyn Transaction) -> Result<Option<[u8; 32]>, StoreError> {
        match self.erasure_key {
            Some(key) => Ok(key),
            None => Ok(*self.erasure_key.insert(transaction.erasure_key(None)?)),
        }
    }

    pub(super) fn note_alias(&mut self) {
        self.has_aliases = Some(true);
    }

    /// The decisions are others than before.
    pub(super) fn forget_decisions(&mut self) {
        self.decisions = None;
        self.in_force = None;
        self.ignored = None;
    }

    /// The decisions that stand.
    pub(super) fn decisions(
        &mut self,
        view: &dyn View,
        workspace: Workspace,
    ) -> Result<Arc<[DecisionRow]>, StoreError> {
        if let Some(decisions) = &self.decisions {
            return Ok(Arc::clone(decisions));
        }
        let stands = |decision: &DecisionRow| decision.withdrawn_at.is_none();
        let decisions: Arc<[_]> = view.decisions(workspace)?.into_iter().filter(stands).collect();
        Ok(Arc::clone(self.decisions.insert(decisions)))
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
            flags: Flags::of(&placement),
        });
        self.standings.put(name, standing);
        Ok(standing)
    }

    /// Who leads the person of a name, or of another name of the same.
    pub(super) fn leader(&mut self, view: &dyn View, name: NameId) -> Result<Option<NameId>, StoreError> {
        if name.is_nameless() {
            return Ok(Some(name));
        }
        let standing = self.standing(view, name)?;
        match standing.flags.same_as {
            Some(same) => Ok(self.standing(view, same)?.leader),
            None => Ok(standing.leader),
        }
    }

    /// Whether a claim under this guard keeps one of its accounts or contacts.
    pub(super) fn is_left(&mut self, view: &dyn View, named: &ShapeName, guard: Guard) -> Result<bool, StoreError> {
        let own = self.standing(view, named.name)?.flags;
        let placed = match own.same_as {
            Some(same) => self.standing(view, same)?.flags,
            None => own,
        };
        Ok(!own.is_ignored && placed.let_stand(named.strength, guard))
    }

    pub(super) fn set_standing(&mut self, name: NameId, standing: Standing) {
        self.standings.put(name, standing);
    }

    /// Who marked a device, by marks that count, and who was not there.
    pub(super) fn marks(
        &mut self,
        view: &dyn View,
        (device, limit): (NameId, usize),
    ) -> Result<Arc<Marks>, StoreError> {
        if let Some(marks) = self.anchors.get(&device) {
            return Ok(Arc::clone(marks));
        }
        if let Some(crowd) = crowd_on(view, (device, limit), |name| self.leader(view, name))? {
            let rules = MarkRules::hiding(view.kept_apart_from(device)?);
            return Ok(self.keep(
                device,
                Marks { anchors: crowd.into_iter().collect(), is_crowd: true, rules, keeps_strangers: false },
            ));
        }
        let all = view.anchors_on(device)?;
        let rules = MarkRules::of(view, (device, &all), |name| self.leader(view, name))?;
        let counted: BTreeSet<NameId> =
            all.iter().filter(|mark| rules.count(mark.rank, mark.guard)).map(|mark| mark.anchor).collect();
        let keeps_strangers = view.shapes_going_by(device)?.iter().any(|shape| shape.names_someone);
        let anchors = counted.into_iter().collect();
        Ok(self.keep(device, Marks { anchors, is_crowd: false, rules, keeps_strangers }))
    }

    fn keep(&mut self, device: NameId, marks: Marks) -> Arc<Marks> {
        let marks = Arc::new(marks);
        // What a decision hides depends on who leads whom, which changes elsewhere.
        if marks.rules.hidden.is_empty() {
            self.anchors.put(device, Arc::clone(&marks));
        }
        marks
    }

    /// A device, by whichever name, may have other marks.
    pub(super) fn forget_marks(&mut self, view: &dyn View, device: NameId) -> Result<(), StoreError> {
        self.anchors.pop(&device);
        if let Some(same) = self.standing(view, device)?.flags.same_as {
            self.anchors.pop(&same);
        }
        Ok(())
    }
}

/// Noted in the ledger when the first digest comes: until then, nobody looks for any.
const HAS_DIGESTS: &str = "has_digests";
/// Of each cache; some 40 MiB in all when they are full of ordinary identifiers.
const ENTRIES: usize = 64 * 1_024;
