//! Who is speaking: anonymous_id and user_id, and what a login, a switch of users and a log-out change.
//!
//! The `identity` entry is shared by all tabs or processes of a site, with the session in it. Its lines are: format
//! version (`1`), anonymous_id, user_id (JSON string text, or empty), session id, the session's latest call (ms since
//! 1970), revision. Later versions may only append lines, so that an older release still reads the ids.
//! The revision counts logins and log-outs. Of two entries the one with the higher revision is right; a tab that
//! wrote the entry before it heard of a login is thereby overruled instead of undoing the login.

use crate::digits::{push_decimal, random_uuid};
use crate::effect::Effects;
use crate::fields::{Fields, read_decimal};
use crate::json::{self, Kind, Limits};
use crate::moment::Chance;
use crate::session::{IDLE_MS, Session};
use crate::{Effect, Moment};

/// The ids as they stand, for hosts to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids<'a> {
    /// A UUID.
    pub anonymous_id: &'a str,
    /// JSON string text; empty while nobody is logged in.
    pub user_id: &'a str,
    /// 16 hex digits.
    pub session_id: &'a str,
}

/// Who is speaking, and in which session.
#[derive(Debug)]
pub(crate) struct Identity {
    name: Name,
    session: Session,
    /// The entry as it was last written or read.
    stored: Stored,
}

/// Ordered by which of two entries is right: revision first; the rest only breaks ties alike everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    revision: u64,
    anonymous_id: String,
    user_id: String,
}

#[derive(Debug, Default)]
struct Stored {
    name: Name,
    session: Session,
}

impl Identity {
    /// Takes up the stored entry, or begins anew when there is none or it cannot be read.
    pub(crate) fn restore(entry: Option<&str>, moment: &Moment, chance: &mut Chance) -> Self {
        let (name, session) = entry.and_then(read).unwrap_or_default();
        let stored = Stored { name: name.clone(), session: session.clone() };
        let mut identity = Self { name, session, stored };
        if identity.name.anonymous_id.is_empty() {
            identity.name = Name {
                revision: identity.name.revision + 1,
                anonymous_id: random_uuid(chance),
                user_id: String::new(),
            };
        }
        if identity.session.id.is_empty() {
            identity.session = Session::begin(moment.unix_ms, chance);
        }
        identity
    }

    pub(crate) fn ids(&self) -> Ids<'_> {
        Ids { anonymous_id: &self.name.anonymous_id, user_id: &self.name.user_id, session_id: &self.session.id }
    }

    /// A login. The first one keeps the anonymous id, so that what came before joins the person; another user on
    /// the same device starts with an anonymous id and a session of their own.
    pub(crate) fn log_in(&mut self, user_id: &str, moment: &Moment, chance: &mut Chance) {
        if self.name.user_id == user_id {
            return;
        }
        if !self.name.user_id.is_empty() {
            self.reset(moment, chance);
        }
        self.name.revision += 1;
        self.name.user_id = String::from(user_id);
    }

    /// A log-out: nobody's device again.
    pub(crate) fn reset(&mut self, moment: &Moment, chance: &mut Chance) {
        self.name.revision += 1;
        self.name.anonymous_id = random_uuid(chance);
        self.name.user_id = String::new();
        self.session = Session::begin(moment.unix_ms, chance);
    }

    /// Takes note of a call in the session; false for one of an earlier visit whose session is not known any more.
    pub(crate) fn touch_session(&mut self, made_unix_ms: i64, moment: &Moment, chance: &mut Chance) -> bool {
        if made_unix_ms.abs_diff(moment.unix_ms) <= IDLE_MS {
            self.session.touch(moment.unix_ms, chance);
            return true;
        }
        self.session.covers(made_unix_ms)
    }

    /// Another tab wrote the shared entry: its login is ours, unless ours is later. The latest call keeps the
    /// session alive, whichever tab it came from.
    pub(crate) fn merge(&mut self, entry: &str) {
        let Some((name, session)) = read(entry).filter(|(name, _)| !name.anonymous_id.is_empty()) else { return };
        self.stored = Stored { name: name.clone(), session: session.clone() };
        let newer = name > self.name;
        if newer || (name == self.name && session.active_unix_ms > self.session.active_unix_ms) {
            self.session = session;
        }
        if newer {
            self.name = name;
        }
    }

    /// Writes the entry if who is speaking has changed, or the session's latest call is older there than
    /// [`ACTIVITY_GRAIN_MS`].
    pub(crate) fn write(&mut self, effects: &mut Vec<Effect>) {
        let lag_ms = self.session.active_unix_ms.abs_diff(self.stored.session.active_unix_ms);
        if self.name != self.stored.name || self.session.id != self.stored.session.id || lag_ms > ACTIVITY_GRAIN_MS {
            self.put(effects);
        }
    }

    /// Writes the entry if anything in it has changed: the last chance before a page goes.
    pub(crate) fn write_exactly(&mut self, effects: &mut Vec<Effect>) {
        if self.name != self.stored.name || self.session != self.stored.session {
            self.put(effects);
        }
    }

    fn put(&mut self, effects: &mut Vec<Effect>) {
        let mut value = String::from("1\n");
        value.push_str(&self.name.anonymous_id);
        value.push('\n');
        value.push_str(&self.name.user_id);
        value.push('\n');
        value.push_str(&self.session.id);
        value.push('\n');
        push_decimal(&mut value, self.session.active_unix_ms.max(0) as u64);
        value.push('\n');
        push_decimal(&mut value, self.name.revision);
        self.stored = Stored { name: self.name.clone(), session: self.session.clone() };
        effects.put(String::from(KEY), value);
    }
}

fn read(entry: &str) -> Option<(Name, Session)> {
    let mut lines = Fields::of(entry, b'\n');
    lines.next().and_then(read_decimal)?;
    let anonymous_id = lines.next().filter(|id| is_plain(id))?;
    let user_id = lines.next().filter(|id| is_string(id)).unwrap_or_default();
    let session_id = lines.next().filter(|id| is_plain(id)).unwrap_or_default();
    let active_unix_ms = lines.next().and_then(read_decimal).unwrap_or_default();
    let revision = lines.next().and_then(read_decimal).and_then(|line| u64::try_from(line).ok()).unwrap_or_default();
    Some((
        Name { revision, anonymous_id: String::from(anonymous_id), user_id: String::from(user_id) },
        Session { id: String::from(session_id), active_unix_ms },
    ))
}

/// Whether an id can stand between quotes as it is.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_string(text: &str) -> bool {
    json::kind(text.as_bytes()) == Some(Kind::String) && json::check_text(text, &Limits::EVENT).is_ok()
}

/// The shared entry's key.
pub(crate) const KEY: &str = "identity";
/// How far the stored time of the session's latest call may lag: it ends sessions, and half an hour is no exact
/// science, while every write costs the page time.
const ACTIVITY_GRAIN_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_225_600_000;

    #[test]
    fn a_first_visit_stores_an_anonymous_id_and_the_next_one_finds_it() {
        let (mut identity, mut chance) = fresh(1);
        let entry = written(&mut identity).unwrap();
        let again = Identity::restore(Some(&entry), &moment(), &mut chance);
        assert_eq!(again.ids(), identity.ids());
        assert_eq!(again.ids().user_id, "");
    }

    #[test]
    fn the_first_login_keeps_the_anonymous_id_and_the_session() {
        let (mut identity, mut chance) = fresh(1);
        let (anonymous_id, session_id) = (identity.name.anonymous_id.clone(), identity.session.id.clone());
        identity.log_in("\"u1\"", &moment(), &mut chance);
        assert_eq!(identity.ids().anonymous_id, anonymous_id);
        assert_eq!(identity.ids().session_id, session_id);
        assert_eq!(identity.ids().user_id, "\"u1\"");
    }

    #[test]
    fn another_user_starts_with_an_anonymous_id_and_a_session_of_their_own() {
        let (mut identity, mut chance) = fresh(1);
        identity.log_in("\"u1\"", &moment(), &mut chance);
        let (anonymous_id, session_id) = (identity.name.anonymous_id.clone(), identity.session.id.clone());
        identity.log_in("\"u2\"", &moment(), &mut chance);
        assert_ne!(identity.ids().anonymous_id, anonymous_id);
        assert_ne!(identity.ids().session_id, session_id);
        assert_eq!(identity.ids().user_id, "\"u2\"");
    }

    #[test]
    fn the_same_login_again_changes_nothing() {
        let (mut identity, mut chance) = fresh(1);
        identity.log_in("\"u1\"", &moment(), &mut chance);
        written(&mut identity);
        identity.log_in("\"u1\"", &moment(), &mut chance);
        assert_eq!(written(&mut identity), None);
    }

    #[test]
    fn a_reset_forgets_the_user_and_the_device() {
        let (mut identity, mut chance) = fresh(1);
        identity.log_in("\"u1\"", &moment(), &mut chance);
        let anonymous_id = identity.name.anonymous_id.clone();
        identity.reset(&moment(), &mut chance);
        assert_ne!(identity.ids().anonymous_id, anonymous_id);
        assert_eq!(identity.ids().user_id, "");
    }

    #[test]
    fn a_login_in_one_tab_is_heard_in_the_other() {
        let (mut here, mut chance) = fresh(1);
        let mut there = Identity::restore(written(&mut here).as_deref(), &moment(), &mut chance);
        there.log_in("\"u1\"", &moment(), &mut chance);
        here.merge(&written(&mut there).unwrap());
        assert_eq!(here.ids(), there.ids());
        assert_eq!(written(&mut here), None);
    }

    #[test]
    fn a_tab_that_has_not_heard_of_a_login_cannot_undo_it() {
        let (mut here, mut chance) = fresh(1);
        let before = written(&mut here).unwrap();
        here.log_in("\"u1\"", &moment(), &mut chance);
        written(&mut here);
        here.merge(&before);
        assert_eq!(here.ids().user_id, "\"u1\"");
        assert!(written(&mut here).is_some_and(|entry| entry.contains("\"u1\"")));
    }

    #[test]
    fn two_tabs_that_begin_at_once_agree_on_one_anonymous_id() {
        let ((mut here, _), (mut there, _)) = (fresh(1), fresh(2));
        let (first, second) = (written(&mut here).unwrap(), written(&mut there).unwrap());
        here.merge(&second);
        there.merge(&first);
        assert_eq!(here.ids(), there.ids());
    }

    #[test]
    fn an_entry_that_cannot_be_read_begins_anew_and_harms_nothing() {
        for entry in ["", "1", "x\ny", "1\na\"b\n\n", "1\n\n\n\n\n", "\u{0}"] {
            let mut chance = Chance::of(&moment());
            assert_eq!(
                Identity::restore(Some(entry), &moment(), &mut chance).ids().anonymous_id.len(),
                36,
                "{entry:?}"
            );
        }
    }

    #[test]
    fn the_ids_of_a_later_format_are_still_read() {
        let mut chance = Chance::of(&moment());
        let entry = "2\nanon-1\n\"u1\"\nsession\n5\n7\nsomething new";
        let identity = Identity::restore(Some(entry), &moment(), &mut chance);
        assert_eq!(identity.ids(), Ids { anonymous_id: "anon-1", user_id: "\"u1\"", session_id: "session" });
    }

    #[test]
    fn activity_is_written_by_the_minute_and_exactly_at_the_end() {
        let (mut identity, mut chance) = fresh(1);
        written(&mut identity);
        let later = Moment { unix_ms: START + 1_000, ..moment() };
        identity.touch_session(later.unix_ms, &later, &mut chance);
        assert_eq!(written(&mut identity), None);
        let mut effects = Vec::new();
        identity.write_exactly(&mut effects);
        assert_eq!(effects.len(), 1);
    }

    #[test]
    fn a_call_of_an_earlier_visit_neither_joins_nor_ends_this_session() {
        let (mut identity, mut chance) = fresh(1);
        let session_id = identity.session.id.clone();
        assert!(!identity.touch_session(START - 3_600_000, &moment(), &mut chance));
        assert!(identity.touch_session(START, &moment(), &mut chance));
        assert_eq!(identity.ids().session_id, session_id);
    }

    fn fresh(seed: u8) -> (Identity, Chance) {
        let mut chance = Chance::of(&Moment { entropy: [seed; 32], ..moment() });
        (Identity::restore(None, &moment(), &mut chance), chance)
    }

    fn moment() -> Moment {
        Moment { unix_ms: START, monotonic_ms: 0, entropy: [0; 32] }
    }

    fn written(identity: &mut Identity) -> Option<String> {
        let mut effects = Vec::new();
        identity.write(&mut effects);
        let Effect::Put { value, .. } = effects.pop()? else { panic!("only puts are written") };
        Some(value)
    }
}
