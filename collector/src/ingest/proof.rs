//! Which of the events of a request a token speaks for: each different text is checked once, and no more than
//! [`MAX_TOKENS`] of them.

use std::collections::HashMap;

use selvedge_core::identifier::Kind;
use selvedge_core::json;

use super::Desk;
use super::parts::ContextParts;
use super::token::{self, MAX_TOKENS, NotProven, Proven};
use super::verdict::{Warning, Warnings};
use crate::event::{Strength, UnixMillis};

/// The tokens of one request, as far as they were judged.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashMap<Box<[u8]>, Result<Proven, NotProven>>);

impl Tokens {
    /// What the token of an event of this context and time proves. What a secret key says needs no proof.
    pub(super) fn of(
        &mut self,
        context: &ContextParts<'_>,
        time: UnixMillis,
        desk: &Desk<'_>,
        warnings: &mut Warnings,
    ) -> Option<&Proven> {
        let value = context.identity_token.filter(|_| desk.strength() == Strength::Observed)?;
        match self.judge(value, desk) {
            Ok(proven) if proven.covers(time) => Some(proven),
            Ok(_) => refuse(NotProven::OtherTime, warnings),
            Err(why) => refuse(why, warnings),
        }
    }

    /// What the site has verified of whom the token of a context is of, whenever that was: it came with a message.
    pub(super) fn verified(&mut self, context: &ContextParts<'_>, desk: &Desk<'_>) -> Vec<(Kind, Box<str>)> {
        let value = context.identity_token.filter(|_| desk.strength() == Strength::Observed);
        let proven = value.and_then(|value| self.judge(value, desk).ok());
        let verified = proven.into_iter().flat_map(Proven::verified);
        verified.map(|(kind, value)| (kind, value.into())).collect()
    }

    fn judge(&mut self, value: &[u8], desk: &Desk<'_>) -> Result<&Proven, NotProven> {
        if !self.0.contains_key(value) {
            if self.0.len() >= MAX_TOKENS {
                return Err(NotProven::TooMany);
            }
            let text = json::string(value).ok_or(NotProven::Malformed);
            let judged = text.and_then(|text| token::verify(&text, desk.identity_keys));
            self.0.insert(value.into(), judged);
        }
        match self.0.get(value) {
            Some(Ok(proven)) => Ok(proven),
            Some(Err(why)) => Err(*why),
            None => Err(NotProven::TooMany),
        }
    }
}

fn refuse(why: NotProven, warnings: &mut Warnings) -> Option<&'static Proven> {
    warnings.add(Warning::TokenInvalid(why), AT);
    None
}

/// Where an event carries its token; the batch's context may hold it as well.
pub(super) const AT: &str = "/context/identityToken";
