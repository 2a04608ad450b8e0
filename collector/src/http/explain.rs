//! `GET /v1/profiles/{profile}/explain?with={kind}:{value}`: why two names are one person's, or why they are not
//! (identity.md, section 7, law 5). The answer is [`crate::store::Explanation`].

use std::sync::Arc;

use axum::extract;
use axum::response::Response;

use super::routes::{Head, Segment};
use super::{Refusal, State, error, keys, profiles, query};
use crate::store::NeverNamed;

/// The evidence for both names. Either may be given as a profile's id.
pub(super) async fn answer(
    extract::State(state): extract::State<Arc<State>>,
    Segment(name): Segment,
    head: Head,
) -> Result<Response, Refusal> {
    let key = keys::for_reading(&state, &head)?;
    let asked = query::asked(&head, &["with"])?;
    let with = query::parameter(asked, "with").filter(|with| !with.is_empty());
    let with = with.ok_or(Refusal::BadParameter { name: "with", wanted: "{kind}:{value}, percent-encoded" })?;
    let (x, y) = (profiles::lookup(&state, &name)?, profiles::lookup(&state, &with)?);
    let explained = profiles::read(state, key.workspace, move |reader| reader.explain(&x, &y)).await?;
    match explained {
        Ok(explanation) => Ok(error::json(&explanation)),
        Err(NeverNamed::X) => Err(Refusal::NeverNamed { name }),
        Err(NeverNamed::Y) => Err(Refusal::NeverNamed { name: with.into_owned() }),
    }
}
