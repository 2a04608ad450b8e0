//! `selvedge profile`: who is who and why, and what an operator decides about it. Reads open the ledger themselves;
//! what changes it goes through [`super::reach`].

mod print;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, Subcommand};
use selvedge_core::identifier::{Identifier, Kind};
use serde::Serialize;
use serde_json::{Value, json};

use super::key::{PlaceAndForm, existing};
use super::reach::{AUTHOR, Reach, reach};
use super::{CommandError, concealing, default_workspace, print, rules};
use crate::clock::Clock;
use crate::config::settle_place;
use crate::event::Workspace;
use crate::identity::{DecisionVerb, ProfileId, Rules, normal};
use crate::ingest::Concealment;
use crate::ingest::commit::{Committer, Decision, DecisionRefusal};
use crate::store::sqlite::SqliteStore;
use crate::store::{DecisionId, DecisionRow, Lookup, NeverNamed, Reader, Store};

/// `selvedge profile`.
#[derive(Debug, Args)]
pub(super) struct ProfileCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the profile behind a name, such as email:ada@example.com, or behind a profile's id
    Show {
        /// KIND:VALUE, or a profile's id
        name: Named,
        #[command(flatten)]
        place: PlaceAndForm,
    },
    /// Say why two names are one person's, or why they are not
    Explain {
        /// KIND:VALUE
        x: Named,
        /// KIND:VALUE
        y: Named,
        #[command(flatten)]
        place: PlaceAndForm,
    },
    /// Decide that two names are one person's
    Link(TwoNames),
    /// Decide that two names are not one person's, or that a person was not on a device
    KeepApart(TwoNames),
    /// Decide that a name is nobody's
    Ignore {
        /// KIND:VALUE
        x: Named,
        /// Why; kept with the decision
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        place: PlaceAndForm,
    },
    /// Take a decision back, which restores what was before
    Withdraw {
        /// The id that `selvedge profile decisions` shows
        id: i64,
        #[command(flatten)]
        place: PlaceAndForm,
    },
    /// Show all decisions, withdrawn ones too
    Decisions(PlaceAndForm),
}

#[derive(Debug, Args)]
struct TwoNames {
    /// KIND:VALUE
    x: Named,
    /// KIND:VALUE
    y: Named,
    /// Why; kept with the decision
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    place: PlaceAndForm,
}

/// A name as it was typed.
#[derive(Debug, Clone)]
pub(super) enum Named {
    Name { kind: Box<str>, value: Box<str> },
    Profile(ProfileId),
}

/// The text names nobody.
#[derive(Debug, thiserror::Error)]
#[error("write KIND:VALUE, such as email:ada@example.com or anonymous_id:a-1, or a profile's id")]
pub(super) struct NotAName;

impl FromStr for Named {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        match text.split_once(':') {
            Some(("", _) | (_, "")) => Err(NotAName),
            Some((kind, value)) => Ok(Self::Name { kind: kind.into(), value: value.into() }),
            None => text.parse().map(Self::Profile).map_err(|_| NotAName),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { kind, value } => write!(f, "{kind}:{value}"),
            Self::Profile(id) => id.fmt(f),
        }
    }
}

pub(super) fn run(command: &ProfileCommand) -> Result<(), CommandError> {
    match &command.action {
        Action::Show { name, place } => show(name, place),
        Action::Explain { x, y, place } => explain(x, y, place),
        Action::Link(names) => decide(DecisionVerb::Link, &names.x, Some(&names.y), (&names.reason, &names.place)),
        Action::KeepApart(names) => {
            decide(DecisionVerb::KeepApart, &names.x, Some(&names.y), (&names.reason, &names.place))
        }
        Action::Ignore { x, reason, place } => decide(DecisionVerb::Ignore, x, None, (reason, place)),
        Action::Withdraw { id, place } => withdraw(*id, place),
        Action::Decisions(place) => decisions(place),
    }
}

fn show(name: &Named, flags: &PlaceAndForm) -> Result<(), CommandError> {
    let ledger = ledger(flags)?;
    let profile = ledger.reader()?.profile(&name.lookup(&ledger)?)?.ok_or_else(|| name.nobodys())?;
    print(&if flags.json { json_line(&profile) } else { print::profile(&profile) })
}

fn explain(x: &Named, y: &Named, flags: &PlaceAndForm) -> Result<(), CommandError> {
    let ledger = ledger(flags)?;
    let reader = ledger.reader()?;
    let (one, another) = (x.lookup(&ledger)?, y.lookup(&ledger)?);
    let explanation = reader.explain(&one, &another)?.map_err(|never_named| {
        match never_named {
            NeverNamed::X => x,
            NeverNamed::Y => y,
        }
        .never_seen()
    })?;
    print(&if flags.json { json_line(&explanation) } else { print::explanation(&explanation) })
}

fn decisions(flags: &PlaceAndForm) -> Result<(), CommandError> {
    let decisions = ledger(flags)?.reader()?.decisions()?;
    print(&if flags.json { json_line(&json!({ "decisions": decisions })) } else { print::decisions(&decisions) })
}

fn decide(
    verb: DecisionVerb,
    x: &Named,
    y: Option<&Named>,
    (reason, flags): (&str, &PlaceAndForm),
) -> Result<(), CommandError> {
    // Here, where the names are still in clear: a server is told what stands for them.
    let (ends, reason) = {
        let ledger = ledger(flags)?;
        let ends = (x.known(&ledger)?, y.map(|y| y.known(&ledger)).transpose()?);
        (ends, ledger.words(reason, [Some(x), y]))
    };
    let (x, y) = ends.clone();
    let taken = match reach(&settle_place(&flags.place)?)? {
        Reach::Served(server) => {
            server.post("/v1/decisions", &json!({ "op": verb.as_str(), "x": x, "y": y, "reason": reason }))?
        }
        Reach::Alone(store, _lock) => {
            let ledger = Ledger::of(store)?;
            let (workspace, at) = (ledger.workspace, Clock::System.now());
            let decision = Decision { workspace, verb, x, y, reason: reason.into(), author: AUTHOR.into(), at };
            let row = Committer::new(Arc::new(ledger.rules.clone())).decide(&ledger.store, &decision)??;
            ledger.shown(&row)?
        }
    };
    if flags.json {
        return print(&json_line(&taken));
    }
    print(&(print::taken(&taken) + &unfulfilled(verb, &ends, flags)?))
}

/// Why a link that was taken did not make one person of its ends; empty where it did.
fn unfulfilled(
    verb: DecisionVerb,
    (x, y): &(Identifier, Option<Identifier>),
    flags: &PlaceAndForm,
) -> Result<String, CommandError> {
    let (DecisionVerb::Link, Some(y)) = (verb, y) else { return Ok(String::new()) };
    let lookups = [x, y].map(|name| Lookup::Identifier(name.clone()));
    let explained = ledger(flags)?.reader()?.explain(&lookups[0], &lookups[1])?;
    let because = explained.ok().and_then(|explained| explained.because);
    Ok(because.map(|because| print::unfulfilled(&because)).unwrap_or_default())
}

fn withdraw(id: i64, flags: &PlaceAndForm) -> Result<(), CommandError> {
    ledger(flags)?;
    let withdrawn = match reach(&settle_place(&flags.place)?)? {
        Reach::Served(server) => match server.delete(&format!("/v1/decisions/{id}")) {
            Err(CommandError::Refused { status: 404, .. }) => return Err(DecisionRefusal::NoSuchDecision { id }.into()),
            answer => answer?,
        },
        Reach::Alone(store, _lock) => {
            let ledger = Ledger::of(store)?;
            let at = (DecisionId(id), Clock::System.now());
            let row =
                Committer::new(Arc::new(ledger.rules.clone())).withdraw(&ledger.store, ledger.workspace, at)??;
            ledger.shown(&row)?
        }
    };
    print(&if flags.json { json_line(&withdrawn) } else { print::withdrawn(&withdrawn) })
}

/// The ledger that is there.
fn ledger(flags: &PlaceAndForm) -> Result<Ledger, CommandError> {
    Ledger::of(existing(&flags.place)?)
}

/// A ledger, and how it is to be read and asked.
pub(super) struct Ledger {
    pub(super) store: SqliteStore,
    pub(super) workspace: Workspace,
    /// Those that it was built with.
    pub(super) rules: Rules,
    concealment: Option<Concealment>,
}

impl Ledger {
    pub(super) fn of(store: SqliteStore) -> Result<Self, CommandError> {
        let (workspace, rules) = {
            let view = store.view()?;
            let workspace = default_workspace(&*view)?;
            (workspace, rules::of_ledger(&*view, workspace)?)
        };
        let (rules, concealment) = concealing::of_ledger(&store, rules)?;
        Ok(Self { store, workspace, rules, concealment })
    }

    fn reader(&self) -> Result<Reader<'_>, CommandError> {
        Ok(Reader::open(&self.store, &self.rules, self.workspace)?)
    }

    /// What an operator writes about names, as it is kept.
    fn words(&self, text: &str, about: [Option<&Named>; 2]) -> String {
        let about = about.into_iter().flatten().filter_map(|name| match name {
            Named::Name { kind, value } => Some((&**kind, &**value)),
            Named::Profile(_) => None,
        });
        self.concealment.as_ref().map_or(text.to_owned(), |concealment| concealment.words(text, about))
    }

    /// A decision as the API shows it.
    fn shown(&self, row: &DecisionRow) -> Result<Value, CommandError> {
        Ok(json!(self.reader()?.shown(row)?))
    }
}

impl Named {
    pub(super) fn lookup(&self, ledger: &Ledger) -> Result<Lookup, CommandError> {
        let (kind, value) = match self {
            Self::Profile(id) => return Ok(Lookup::ProfileId(*id)),
            Self::Name { kind, value } => (Kind::new(kind), value),
        };
        let identifier = normal::identifier(kind, value, &ledger.rules).map_err(|_| self.nobodys())?;
        Ok(match &ledger.concealment {
            Some(concealment) => concealment.lookup(identifier),
            None => Lookup::Identifier(identifier),
        })
    }

    /// The identifier that a decision can be about: one that the ledger knows.
    fn known(&self, ledger: &Ledger) -> Result<Identifier, CommandError> {
        ledger.reader()?.named(&self.lookup(ledger)?)?.ok_or_else(|| self.never_seen())
    }

    /// Events may have named it, and it counts for nobody all the same.
    fn nobodys(&self) -> CommandError {
        CommandError::Nobody { name: self.to_string().into() }
    }

    pub(super) fn never_seen(&self) -> CommandError {
        match self {
            Self::Name { kind, value } => {
                DecisionRefusal::Unknown { name: Identifier::new(Kind::new(kind), &**value) }.into()
            }
            Self::Profile(id) => CommandError::NoSuchProfile { id: *id },
        }
    }
}

/// As it stands: made a value of ours first, a number could be another, or none.
fn json_line(value: &impl Serialize) -> String {
    // Only a map with keys that are no strings could fail.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_kind_a_colon_and_a_value_that_may_hold_more_of_them() {
        let Ok(Named::Name { kind, value }) = "cookie._ga:GA1:2".parse() else { panic!("a name") };
        assert_eq!((&*kind, &*value), ("cookie._ga", "GA1:2"));
        assert!(matches!("9cda47fd-5a0e-884a-b758-a7b9261557ee".parse(), Ok(Named::Profile(_))));
        for text in ["", "u-1", ":u-1", "user_id:"] {
            assert!(text.parse::<Named>().is_err(), "{text}");
        }
    }
}
