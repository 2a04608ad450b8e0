//! What the stories that were told held.

use std::fmt;
use std::ops::AddAssign;

use selvedge_collector::event::{Strength, UnixMillis};
use selvedge_tests::oracle::Event;

/// How much was told, of each sort.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) steps: usize,
    /// How often everything was equal to the oracle.
    pub(crate) compared: usize,
    events: usize,
    /// Those that came behind a later one.
    late: usize,
    /// Those with a digest.
    digests: usize,
    /// Those of which a token proves something.
    tokens: usize,
    aliases: usize,
    /// Those that were taken.
    pub(crate) decisions: usize,
    pub(crate) withdrawals: usize,
    /// Those of somebody who was there.
    pub(crate) erasures: usize,
    pub(crate) guards: usize,
    /// How often a ledger was built again.
    pub(crate) rebuilds: usize,
}

impl Counted {
    /// An event came, and the latest before it was of this time.
    pub(crate) fn hear(&mut self, event: &Event, latest: Option<UnixMillis>) {
        let is_hashed = |value: &str| ["md5.", "sha1.", "sha256."].iter().any(|form| value.starts_with(form));
        self.events += 1;
        self.late += usize::from(latest.is_some_and(|latest| event.order.time < latest));
        self.digests += usize::from(event.claim.iter().any(|claimed| is_hashed(&claimed.identifier.value)));
        self.tokens += usize::from(event.claim.iter().any(|claimed| claimed.strength == Strength::Proven));
        self.aliases += usize::from(event.alias.is_some());
    }
}

impl AddAssign for Counted {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.compared += other.compared;
        self.events += other.events;
        self.late += other.late;
        self.digests += other.digests;
        self.tokens += other.tokens;
        self.aliases += other.aliases;
        self.decisions += other.decisions;
        self.withdrawals += other.withdrawals;
        self.erasures += other.erasures;
        self.guards += other.guards;
        self.rebuilds += other.rebuilds;
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, compared, events, late, digests, tokens, aliases, .. } = self;
        let Self { decisions, withdrawals, erasures, guards, rebuilds, .. } = self;
        write!(
            f,
            "{steps} steps, {compared} times equal to the oracle: {events} events ({late} late, {digests} with a digest, \
             {tokens} proven, {aliases} aliases), {decisions} decisions, {withdrawals} withdrawals, {erasures} erasures, \
             {guards} guards, {rebuilds} rebuilds"
        )
    }
}
