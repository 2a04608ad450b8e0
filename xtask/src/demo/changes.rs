//! Listens to the collectors' webhooks and prints a line per profile that is created, merged or forwarded.

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

/// What a change means to who watches; None for one that does not move people.
///
/// A profile that appears at the upstream was forwarded: nothing else speaks to it.
fn line(collector: &str, change: &Value) -> Option<String> {
    let kind = change["type"].as_str()?;
    match (collector, kind) {
        ("upstream", "profile.created") => Some(format!("upstream  forwarded  {}", named(&change["profile"]))),
        (_, "profile.created") => Some(format!("{collector:<8}  created    {}", named(&change["profile"]))),
        (_, "profile.merged") => {
            let (from, into) = (short(&change["from"]), short(&change["into"]));
            Some(format!("{collector:<8}  merged     {from} into {into}, because of {}", short(&change["because"])))
        }
        _ => None,
    }
}

/// The id with the name that says most: identifiers stand in the order of their kinds.
fn named(profile: &Value) -> String {
    let id = short(&profile["id"]);
    let first = &profile["identifiers"][0];
    match first["kind"].as_str() {
        Some(kind) => format!("{id}  {kind}:{}", short(&first["value"])),
        None => id,
    }
}

/// Ids are long, lines are short.
fn short(text: &Value) -> String {
    let text = text.as_str().unwrap_or("?");
    let shown: String = text.chars().take(13).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}
