//! Cuts units into groups: leaders and what follows them (identity.md, section 4, "Placing"). Knows neither trust nor
//! claims; `place` runs it twice.

use selvedge_core::identifier::Class;

use super::edge::Edge;
use super::names::{KindNumber, Name, Names};
use super::{Decisions, Rules};

/// What is placed as a whole: a single name, or the people of an earlier placing.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// The name that leads it, one of its members.
    pub(super) leader: Name,
    pub(super) members: Vec<Name>,
}

/// Where each unit ended.
pub(super) struct Groups {
    /// By unit: the unit that heads its group. A head is its own.
    pub(super) head: Vec<usize>,
    /// By unit: the place, among the edges, of the one by which it joined its parent's group.
    pub(super) parent_edge: Vec<Option<usize>>,
}

/// What one person may hold.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) rules: &'a Rules,
    pub(super) decisions: &'a Decisions,
}

impl Bounds<'_> {
    /// Whether the names of two groups can be one person's.
    pub(super) fn admit(&self, held: &[Name], brought: &[Name]) -> bool {
        let of_kind = |names: &[Name], kind: KindNumber| names.iter().filter(|n| self.names.kind(**n) == kind).count();
        let fits = brought.iter().all(|&name| {
            let kind = self.names.kind(name);
            of_kind(held, kind) + of_kind(brought, kind) <= limit(self.names.class(kind), self.rules)
        });
        let identifiers = |names: &[Name]| names.iter().map(|name| self.names.identifier(*name)).collect::<Vec<_>>();
        fits && (self.decisions.apart.is_empty() || !self.decisions.keep_apart(identifiers(held), identifiers(brought)))
    }
}

/// One placing of units over edges, which are sorted; `counts` says which of them there are. O(edges log edges).
pub(super) fn follow(
    units: &[Unit],
    edges: &[Edge<'_>],
    counts: impl Fn(&Edge<'_>) -> bool,
    bounds: Bounds<'_>,
) -> Groups {
    let names = bounds.names;
    let mut unit_of = vec![0; names.len()];
    for (unit, Unit { members, .. }) in units.iter().enumerate() {
        members.iter().for_each(|&member| unit_of[member] = unit);
    }
    let mut ties = vec![Vec::new(); units.len()];
    for (place, edge) in edges.iter().enumerate().filter(|(_, edge)| counts(edge)) {
        let (here, there) = (unit_of[edge.anchor], unit_of[edge.other]);
        if here != there {
            ties[here].push(Tie { edge: place, to: there });
            ties[there].push(Tie { edge: place, to: here });
        }
    }
    let mut placing = Placing::new(units, ties, bounds);
    names.kinds().for_each(|kind| placing.place_followers_of(kind));
    Groups { head: placing.head, parent_edge: placing.parent_edge }
}

/// An edge as one of its two units sees it.
#[derive(Debug, Clone, Copy)]
struct Tie {
    edge: usize,
    to: usize,
}

struct Placing<'a> {
    units: &'a [Unit],
    bounds: Bounds<'a>,
    /// By unit: its edges to others, first ones first.
    ties: Vec<Vec<Tie>>,
    /// By unit: the kind that leads in the round that reached it, and the steps from there. `None`: still left.
    reached: Vec<Option<(KindNumber, usize)>>,
    head: Vec<usize>,
    parent_edge: Vec<Option<usize>>,
    /// By head: the names that its group holds.
    holds: Vec<Vec<Name>>,
}

impl<'a> Placing<'a> {
    fn new(units: &'a [Unit], ties: Vec<Vec<Tie>>, bounds: Bounds<'a>) -> Self {
        Self {
            units,
            bounds,
            ties,
            reached: vec![None; units.len()],
            head: (0..units.len()).collect(),
            parent_edge: vec![None; units.len()],
            holds: units.iter().map(|unit| unit.members.clone()).collect(),
        }
    }

    /// One round: the units left that a name of this kind leads, and all that follow them.
    fn place_followers_of(&mut self, kind: KindNumber) {
        let mut nearer: Vec<usize> = (0..self.units.len()).filter(|&unit| self.leads(unit, kind)).collect();
        nearer.iter().for_each(|&leader| self.reached[leader] = Some((kind, 0)));
        for step in 1..=MAX_STEPS {
            let mut followers = self.reach(&nearer, kind, step);
            followers.sort_unstable_by_key(|(_, tie)| tie.edge);
            followers.iter().for_each(|&(unit, tie)| self.join(unit, tie));
            nearer = followers.into_iter().map(|(unit, _)| unit).collect();
        }
    }

    fn leads(&self, unit: usize, kind: KindNumber) -> bool {
        self.reached[unit].is_none() && self.bounds.names.kind(self.units[unit].leader) == kind
    }

    /// The units left beside those one step nearer to a leader, each with its first edge to one of those.
    fn reach(&mut self, nearer: &[usize], kind: KindNumber, step: usize) -> Vec<(usize, Tie)> {
        let mut followers = Vec::new();
        for &parent in nearer {
            for &Tie { to: unit, .. } in &self.ties[parent] {
                if self.reached[unit].is_some() {
                    continue;
                }
                self.reached[unit] = Some((kind, step));
                let is_nearer = |tie: &&Tie| self.reached[tie.to] == Some((kind, step - 1));
                let first = self.ties[unit].iter().find(is_nearer);
                followers.extend(first.map(|&tie| (unit, tie)));
            }
        }
        followers
    }

    /// Joins a follower to its parent's group, or, where the group would be no one person's, lets it stand for itself.
    fn join(&mut self, unit: usize, parent: Tie) {
        let head = self.head[parent.to];
        let brought = std::mem::take(&mut self.holds[unit]);
        if !self.bounds.admit(&self.holds[head], &brought) {
            self.holds[unit] = brought;
            return;
        }
        self.holds[head].extend(brought);
        self.head[unit] = head;
        self.parent_edge[unit] = Some(parent.edge);
    }
}

/// How many values of a kind one person may hold.
pub(super) fn limit(class: Class, rules: &Rules) -> usize {
    match class {
        Class::Account => 1,
        Class::Contact => rules.contact_limit,
        Class::Device | Class::Undeclared => usize::MAX,
    }
}

/// identity.md, section 4: a follower is within three steps of its leader.
pub(super) const MAX_STEPS: usize = 3;
