//! Listens to the collectors' webhooks and prints a line per change of a profile.

use anyhow::Result;
use serde_json::Value;
use tiny_http::{Request, Response};

use super::server::Server;

/// Where both collectors report to.
pub(super) struct Changes {
    server: Server,
}

impl Changes {
    /// Prints from now on.
    pub(super) fn listen() -> Result<Self> {
        Ok(Self { server: Server::listen(hear)? })
    }

    /// Settings of a collector that reports here under this name.
    pub(super) fn webhook(&self, collector: &str) -> String {
        format!(
            "[[destination]]\nname = \"demo\"\ntype = \"webhook\"\nurl = \"{}/{collector}\"\n\
             secret = \"only-for-the-demo\"\nsend = [\"profiles\"]\nallow_private = true\n",
            self.server.url
        )
    }
}

fn hear(mut request: Request) {
    let collector = request.url().trim_start_matches('/').to_owned();
    let mut body = String::new();
    let change = request.as_reader().read_to_string(&mut body).ok().and_then(|_| serde_json::from_str(&body).ok());
    if let Some(line) = change.and_then(|change| line(&collector, &change)) {
        println!("  {line}");
    }
    // Without an answer it comes again: a demo that ends has heard enough.
    drop(request.respond(Response::from_string("{}")));
}

/// What a change means to who watches; None for what is none.
fn line(collector: &str, change: &Value) -> Option<String> {
    let moved = || {
        let (from, into) = (short(&change["from"]), short(&change["into"]));
        format!("{from} into {into}, because of {}", short(&change["because"]))
    };
    let (what, whom) = match change["type"].as_str()? {
        "profile.created" => ("created", short(&change["profile"]["id"])),
        "profile.updated" => ("updated", described(&change["profile"])),
        "profile.merged" => ("merged", moved()),
        "profile.split" => ("split", moved()),
        "profile.deleted" => ("deleted", short(&change["profile"]["id"])),
        _ => return None,
    };
    Some(format!("{collector:<8}  {what:<7}  {whom}"))
}

/// The id, the name that says most (identifiers stand in the order of their kinds), and how much is known.
fn described(profile: &Value) -> String {
    let (id, first) = (short(&profile["id"]), &profile["identifiers"][0]);
    let (kind, value) = (first["kind"].as_str().unwrap_or("?"), short(&first["value"]));
    format!("{id}  {kind}:{value}, events {}, version {}", profile["event_count"], profile["version"])
}

/// Ids are long, lines are short.
fn short(text: &Value) -> String {
    let text = text.as_str().unwrap_or("?");
    let shown: String = text.chars().take(13).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}
