//! `GET /r?to=`: the click redirect of third-party monitoring codes. Records the click, then sends the browser on, and
//! only to hosts that the operator has named: an open redirect is a phisher's tool.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::routes::Head;
use super::{Refusal, State, assets, pixel, query};
use crate::event::EventType;

/// Records a click, then redirects.
pub(super) async fn redirect(
    extract::State(state): extract::State<Arc<State>>,
    head: Head,
) -> Result<Response, Refusal> {
    let to = query::parameter(head.uri.query().unwrap_or_default(), "to");
    let address = to.and_then(|to| target(&to, &state.settings.redirect_hosts)).ok_or(Refusal::RedirectNotAllowed)?;
    pixel::record(&state, &head, EventType::Track, Some("Link Clicked")).await?;
    let mut response = StatusCode::FOUND.into_response();
    response.headers_mut().insert(header::LOCATION, address);
    response.headers_mut().insert(header::CACHE_CONTROL, assets::NOT_STORED);
    Ok(response)
}

/// The address, if every browser understands it as one of an allowed host.
fn target(to: &str, hosts: &[Box<str>]) -> Option<HeaderValue> {
    // Browsers drop tabs and line ends from addresses and take backslashes for slashes: what such a text means depends
    // on who reads it.
    if to.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let mut ascii = String::with_capacity(to.len());
    for char in to.chars() {
        if char.is_ascii() {
            ascii.push(char);
        } else {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                // Writing into a String cannot fail.
                let _ = write!(ascii, "%{byte:02X}");
            }
        }
    }
    let (scheme, rest) = ascii.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let is_allowed = hosts.iter().any(|host| host.eq_ignore_ascii_case(authority));
    // The fragment is the browser's alone; the rest must be an address to our parser too.
    let is_address = ascii.split('#').next().is_some_and(|address| address.parse::<Uri>().is_ok());
    if is_web && is_allowed && is_address { HeaderValue::from_str(&ascii).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_host_is_led_to_with_path_query_and_fragment() {
        for to in
            ["https://shop.example", "https://SHOP.example/a?b=c#d", "http://shop.example/?x=https://evil.example"]
        {
            assert_eq!(led_to(to).as_deref(), Some(to));
        }
        assert_eq!(led_to("https://shop.example/größe").as_deref(), Some("https://shop.example/gr%C3%B6%C3%9Fe"));
    }

    #[test]
    fn nothing_that_a_browser_may_take_for_another_host_is_led_to() {
        for to in [
            "https://evil.example",
            "https://shop.example.evil.example",
            "https://shop.example@evil.example",
            "https://evil.example/https://shop.example",
            "https://evil.example\\@shop.example",
            "https://shop.example\\.evil.example",
            "https://sh\top.example",
            "//shop.example",
            "/path",
            "javascript://shop.example/%0aalert(1)",
            "https:shop.example",
            "https://shop.example:8443",
            "https://shop.example\r\nx: y",
            "",
        ] {
            assert_eq!(led_to(to), None, "{to}");
        }
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        assert_eq!(target("https://shop.example", &[]), None);
    }

    fn led_to(to: &str) -> Option<String> {
        target(to, &["shop.example".into()]).map(|value| value.to_str().unwrap().to_owned())
    }
}
