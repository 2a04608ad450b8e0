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
pub(super) struct Tokens {
    /// Of events: those that count towards the limit.
    judged: Judged,
    /// Of what is to be concealed, which may become no event. Who is proven must not depend on it.
    carried: Judged,
}

type Judged = HashMap<Box<[u8]>, Result<Proven, NotProven>>;

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
        let Some(value) = value else { return Vec::new() };
        if !self.carried.contains_key(value) && self.carried.len() < MAX_TOKENS {
            let judged = self.judged.get(value).cloned().unwrap_or_else(|| verify(value, desk));
            self.carried.insert(value.into(), judged);
        }
        let proven = self.carried.get(value).into_iter().flatten();
        proven.flat_map(Proven::verified).map(|(kind, value)| (kind, value.into())).collect()
    }

    fn judge(&mut self, value: &[u8], desk: &Desk<'_>) -> Result<&Proven, NotProven> {
        if !self.judged.contains_key(value) {
            if self.judged.len() >= MAX_TOKENS {
                return Err(NotProven::TooMany);
            }
            let judged = self.carried.get(value).cloned().unwrap_or_else(|| verify(value, desk));
            self.judged.insert(value.into(), judged);
        }
        match self.judged.get(value) {
            Some(Ok(proven)) => Ok(proven),
            Some(Err(why)) => Err(*why),
            None => Err(NotProven::TooMany),
        }
    }
}

fn verify(value: &[u8], desk: &Desk<'_>) -> Result<Proven, NotProven> {
    let text = json::string(value).ok_or(NotProven::Malformed)?;
    token::verify(&text, desk.identity_keys)
}

fn refuse(why: NotProven, warnings: &mut Warnings) -> Option<&'static Proven> {
    warnings.add(Warning::TokenInvalid(why), AT);
    None
}

/// Where an event carries its token; the batch's context may hold it as well.
pub(super) const AT: &str = "/context/identityToken";
