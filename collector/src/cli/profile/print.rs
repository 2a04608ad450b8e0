//! What `selvedge profile` prints for people: tables for lists, sentences for reasons.
//!
//! Names and messageIds come from whoever sends events: their control characters are written out, since a terminal
//! would obey them.

use serde_json::Value;

use crate::event::UnixMillis;
use crate::identity::ProfileId;
use crate::profile::Profile;
use crate::store::{Because, Explanation, ShownDecision, Step};

/// A profile: what it is, its names, its traits.
pub(super) fn profile(profile: &Profile) -> String {
    let events = if profile.event_count == 1 { "event" } else { "events" };
    let mut text = format!("profile {}, version {}, {} {events}\n", profile.id, profile.version, profile.event_count);
    if let Some((first, last)) = profile.first_seen.zip(profile.last_seen) {
        text.push_str(&format!("first seen {}, last seen {}\n", first.rfc3339(), last.rfc3339()));
    }
    if !profile.people.is_empty() {
        text.push_str("a device that these people share:\n");
        profile.people.iter().for_each(|id| text.push_str(&format!("  {id}\n")));
    }
    let mut names = vec![["KIND", "VALUE", "FIRST SEEN", "LAST SEEN", "SOURCE"].map(str::to_owned)];
    for seen in &profile.identifiers {
        names.push([
            seen.identifier.kind.to_string(),
            seen.identifier.value.to_string(),
            moment(seen.first_seen),
            moment(seen.last_seen),
            seen.source.to_string(),
        ]);
    }
    text.push('\n');
    text.push_str(&table(&names));
    if !profile.traits.is_empty() {
        let mut traits = vec![["TRAIT", "VALUE"].map(str::to_owned)];
        traits.extend(profile.traits.iter().map(|(name, value)| [name.to_string(), value.get().to_owned()]));
        text.push('\n');
        text.push_str(&table(&traits));
    }
    text
}

/// An explanation: the answer, then the way of each name.
pub(super) fn explanation(explanation: &Explanation) -> String {
    let mut text = format!("{}\n", plain(&explanation.in_words));
    let Explanation { x, y, paths, profiles, .. } = explanation;
    for (name, path, profile) in [(x, &paths.x, profiles.x), (y, &paths.y, profiles.y)] {
        text.push('\n');
        text.push_str(&way(&plain(&name.to_string()), path, profile));
    }
    text
}

fn way(name: &str, path: &[Step], profile: Option<ProfileId>) -> String {
    let Some(last) = path.last() else {
        return match profile {
            Some(id) => format!("{name} leads the profile {id}.\n"),
            None => format!("No profile holds {name}.\n"),
        };
    };
    let mut text = format!("From {name} to {}:\n", plain(&last.to.to_string()));
    for (place, step) in path.iter().enumerate() {
        text.push_str(&format!("{:>3}. {}\n", place + 1, plain(&step.in_words)));
    }
    text
}

/// All decisions.
pub(super) fn decisions(decisions: &[ShownDecision]) -> String {
    let mut rows = vec![["ID", "OP", "X", "Y", "TAKEN", "WITHDRAWN", "BY", "REASON"].map(str::to_owned)];
    for decision in decisions {
        rows.push([
            decision.id.to_string(),
            decision.op.to_owned(),
            decision.x.to_string(),
            decision.y.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            decision.at.rfc3339(),
            moment(decision.withdrawn_at),
            decision.author.to_string(),
            decision.reason.to_string(),
        ]);
    }
    table(&rows)
}

/// A decision that was taken, in the JSON of the API.
pub(super) fn taken(decision: &Value) -> String {
    let name = |end: &Value| {
        let part = |of: &str| end[of].as_str().unwrap_or_default().to_owned();
        plain(&format!("{}:{}", part("kind"), part("value")))
    };
    let (id, x, y) = (&decision["id"], name(&decision["x"]), name(&decision["y"]));
    match decision["op"].as_str() {
        Some("link") => format!("decision {id} is taken: {x} and {y} are linked\n"),
        Some("keep_apart") => format!("decision {id} is taken: {x} and {y} are kept apart\n"),
        _ => format!("decision {id} is taken: {x} is nobody's\n"),
    }
}

/// What a link meets that does not make one person of its ends.
pub(super) fn unfulfilled(because: &Because) -> String {
    format!("they are not one person all the same. {}\n", plain(&because.in_words))
}

/// A decision that was withdrawn, in the JSON of the API.
pub(super) fn withdrawn(decision: &Value) -> String {
    format!("decision {} is withdrawn\n", decision["id"])
}

fn moment(time: Option<UnixMillis>) -> String {
    time.map_or_else(|| "-".to_owned(), UnixMillis::rfc3339)
}

/// Rows under a head, each column as wide as its widest cell; the last as wide as it is.
fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let cells: Vec<[String; COLUMNS]> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let mut widths = [0; COLUMNS];
    for row in &cells {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
    }
    let mut text = String::new();
    for row in &cells {
        // By hand: a format string's width ends at 65,535, and what was stored may be longer.
        let padded = |(cell, width): (&String, usize)| format!("{cell}{}  ", " ".repeat(width - cell.chars().count()));
        let line: String = row.iter().zip(widths.iter().copied()).map(padded).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Without what a terminal would obey.
fn plain(text: &str) -> String {
    let written = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["ID", "NAME"], ["1", "ä"], ["200", "b"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "ID   NAME\n1    ä\n200  b\n");
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(plain("a\u{1b}[31mü"), "a\\u{1b}[31mü");
    }
}
