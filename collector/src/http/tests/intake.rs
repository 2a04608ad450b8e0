//! protocol.md, sections 1 to 3: the paths, the bodies, the answers.

use super::*;
use crate::config::Sends;

#[tokio::test]
async fn every_path_takes_events_with_and_without_a_trailing_slash() {
    let house = House::new();
    let mut message_ids = 0..;
    let mut message_id = || format!("m-{}", message_ids.next().unwrap());
    for name in ["track", "identify", "page", "screen", "group", "alias", "t", "i", "p", "s", "g", "a"] {
        for path in [format!("/v1/{name}"), format!("/v1/{name}/")] {
            let body = format!(r#"{{"event":"x","userId":"u1","messageId":"{}"}}"#, message_id());
            assert_eq!(house.post(&path, body).await.counts(), (1, 0, vec![]), "{path}");
        }
    }
    for path in ["/v1/batch", "/v1/b/", "/v1/import", "/beacon/v1/batch", "/api/s/batch"] {
        assert_eq!(house.post(path, batch(&[track(&message_id())])).await.counts(), (1, 0, vec![]), "{path}");
    }
    for path in ["/api/s/track", "/api/s/page/"] {
        let body = format!(r#"{{"event":"x","userId":"u1","messageId":"{}"}}"#, message_id());
        assert_eq!(house.post(path, body).await.counts(), (1, 0, vec![]), "{path}");
    }
}

#[tokio::test]
async fn the_answer_echoes_the_batch_and_says_when_it_was_received() {
    let house = House::new();
    let answer = house.post("/v1/batch", batch(&[track("m-1")])).await.json();
    assert_eq!(answer["receipt"], "b-1");
    assert_eq!(answer["receivedAt"], "2026-01-01T12:00:00.000Z");
}

#[tokio::test]
async fn a_resend_is_a_duplicate_on_any_path() {
    let house = House::new();
    assert_eq!(house.post("/v1/batch", batch(&[track("m-1"), track("m-2")])).await.counts(), (2, 0, vec![]));
    assert_eq!(house.post("/v1/batch", batch(&[track("m-2"), track("m-3")])).await.counts(), (1, 1, vec![]));
    assert_eq!(house.post("/v1/track", track("m-1")).await.counts(), (0, 1, vec![]));
}

#[tokio::test]
async fn a_bad_event_costs_itself_only() {
    let house = House::new();
    let nan = r#"{"type":"track","event":"x","messageId":"bad","properties":{"a":NaN}}"#.to_owned();
    let answer = house.post("/v1/batch", batch(&[track("m-1"), nan, track("m-2")])).await;
    assert_eq!(answer.counts(), (2, 0, vec!["bad_value".to_owned()]));
    let verdict = &answer.json()["rejected"][0];
    assert_eq!((&verdict["index"], &verdict["messageId"]), (&1.into(), &"bad".into()));
    assert_eq!(verdict["pointer"], "/properties/a");
    assert!(verdict["reason"].as_str().unwrap().contains("NaN"));
}

#[tokio::test]
async fn an_event_that_names_nobody_is_stored_with_a_warning() {
    let house = House::new();
    let answer = house.post("/v1/page", "{}").await;
    assert_eq!(answer.counts().0, 1);
    assert_eq!(answer.json()["warnings"][0]["code"], "no_identifier");
}

#[tokio::test]
async fn json_is_json_whatever_the_content_type_says() {
    let house = House::new();
    let content_types =
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "nonsense"];
    for (number, content_type) in content_types.into_iter().enumerate() {
        let headers = [("x-write-key", house.public.as_str()), ("content-type", content_type)];
        let answer = house.post_with("/v1/track", &headers, track(&format!("m-{number}"))).await;
        assert_eq!(answer.counts().0, 1, "{content_type}");
    }
}

#[tokio::test]
async fn gzip_is_known_by_its_header_and_by_its_first_bytes() {
    let house = House::new();
    let declared = [("x-write-key", house.public.as_str()), ("content-encoding", "gzip")];
    let body = gzip(batch(&[track("m-1")]).as_bytes());
    assert_eq!(house.post_with("/v1/batch", &declared, body).await.counts().0, 1);
    assert_eq!(house.post("/v1/batch", gzip(batch(&[track("m-2")]).as_bytes())).await.counts().0, 1);
    assert_eq!(house.post_with("/v1/batch", &declared, "{}").await.refusal(), (400, "bad_gzip".into()));
    let brotli = [("x-write-key", house.public.as_str()), ("content-encoding", "br")];
    assert_eq!(house.post_with("/v1/batch", &brotli, "{}").await.refusal(), (400, "bad_gzip".into()));
    let torn = gzip(batch(&[track("m-3")]).as_bytes());
    assert_eq!(house.post("/v1/batch", torn[..torn.len() - 4].to_vec()).await.refusal(), (400, "bad_gzip".into()));
}

#[tokio::test]
async fn a_gzip_bomb_costs_no_more_than_the_limit() {
    let house = House::new();
    let bomb = gzip(&vec![b' '; 64 * 1_024 * 1_024]);
    assert!(bomb.len() < 1_024 * 1_024);
    assert_eq!(house.post("/v1/batch", bomb).await.refusal(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn what_is_no_batch_is_refused_with_its_code() {
    let house = House::new();
    for (body, refusal) in [
        ("", (400, "bad_json")),
        ("hello", (400, "bad_json")),
        (r#"{"batch":[{"event":"x"}"#, (400, "bad_json")),
        ("{}", (400, "no_batch")),
        (r#"{"batch":{}}"#, (400, "no_batch")),
    ] {
        assert_eq!(house.post("/v1/batch", body).await.refusal(), (refusal.0, refusal.1.to_owned()), "{body}");
    }
    for body in ["", "hello", r#"{"event":"x""#, r#"{"event":tru}"#] {
        assert_eq!(house.post("/v1/track", body).await.refusal(), (400, "bad_json".into()), "{body}");
    }
    assert_eq!(house.post("/v1/track", "[]").await.counts(), (0, 0, vec!["not_an_object".into()]));
    assert_eq!(house.post("/v1/track", r#"{"event":NaN}"#).await.counts(), (0, 0, vec!["bad_value".into()]));
}

#[tokio::test]
async fn bodies_and_batches_over_the_limit_are_refused_with_413() {
    let limits = Limits { body_bytes: 1_000, events_per_batch: 3, ..Limits::default() };
    let house = House::with_limits(limits);
    let many: Vec<String> = (0..4).map(|number| track(&format!("m-{number}"))).collect();
    assert_eq!(house.post("/v1/batch", batch(&many)).await.refusal(), (413, "batch_too_large".into()));
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2_000));
    assert_eq!(house.post("/v1/track", large).await.refusal(), (413, "body_too_large".into()));
    assert_eq!(house.post("/v1/batch", batch(&many[..3])).await.counts().0, 3);
}

#[tokio::test]
async fn a_body_that_finds_no_room_is_refused_with_503_and_the_room_is_given_back() {
    let house = House::with_limits(Limits { in_flight_body_bytes: 200, ..Limits::default() });
    let large = format!("{{\"event\":\"x\",\"pad\":\"{}\"}}", "x".repeat(300));
    let answer = house.post("/v1/track", large).await;
    assert_eq!(answer.refusal(), (503, "overloaded".into()));
    assert!(answer.header("retry-after").is_some());
    for number in 0..5 {
        assert_eq!(house.post("/v1/track", track(&format!("m-{number}"))).await.counts().0, 1);
    }
}

#[tokio::test]
async fn a_public_key_is_slowed_down_and_a_secret_key_is_not() {
    let limits = Limits { key_events_per_s: 2, events_per_batch: 2, ..Limits::default() };
    let house = House::with_limits(limits);
    assert_eq!(house.post("/v1/batch", batch(&[track("m-1"), track("m-2")])).await.counts().0, 2);
    let answer = house.post("/v1/track", track("m-3")).await;
    assert_eq!(answer.refusal(), (429, "rate_limited".into()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let secret = [("x-write-key", house.secret.as_str())];
    assert_eq!(house.post_with("/v1/track", &secret, track("m-4")).await.counts().0, 1);
    house.clock.advance(1_000);
    assert_eq!(house.post("/v1/track", track("m-3")).await.counts().0, 1);
}

#[tokio::test]
async fn a_collector_that_stops_refuses_events_with_503() {
    let house = House::new();
    house.state.drain();
    let answer = house.post("/v1/track", track("m-1")).await;
    assert_eq!(answer.refusal(), (503, "draining".into()));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(house.get("/readyz").await.refusal(), (503, "draining".into()));
    assert_eq!(house.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn metrics_of_other_vendors_are_dropped_with_200() {
    let house = House::new();
    let answer = house.post_with("/v1/m", &[], r#"{"series":[]}"#).await;
    assert_eq!((answer.status.as_u16(), answer.json()["success"].as_bool()), (200, Some(true)));
    assert!(house.metrics().await.contains("selvedge_foreign_metrics_dropped_total 1\n"));
}

#[tokio::test]
async fn the_counts_tell_what_was_refused_and_why() {
    let house = House::new();
    house.post("/v1/batch", batch(&[track("m-1"), "{}".into()])).await;
    house.post("/v1/batch", "{}").await;
    let metrics = house.metrics().await;
    for line in [
        "selvedge_events_accepted_total 1",
        "selvedge_events_rejected_total{code=\"unknown_type\"} 1",
        "selvedge_requests_refused_total{code=\"no_batch\"} 1",
        "selvedge_body_bytes_in_flight 0",
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn how_far_a_destination_is_behind_is_told_in_what_it_takes() {
    let sends = |events, profiles| Sends { events, profiles };
    let destinations = vec![("upstream".into(), sends(true, false)), (r#"crm "eu""#.into(), sends(false, true))];
    let house = House::with(Settings { destinations, ..Settings::default() });
    house.post("/v1/batch", batch(&[track("m-1"), track("m-2")])).await;
    let metrics = house.metrics().await;
    let told: Vec<&str> = metrics.lines().filter(|line| line.contains("{destination=")).collect();
    assert_eq!(told[0], "selvedge_destination_events_behind{destination=\"upstream\"} 2");
    // One profile began, and has a snapshot.
    assert_eq!(told[1..], [r#"selvedge_destination_changes_behind{destination="crm \"eu\""} 2"#]);
}

impl House {
    async fn metrics(&self) -> String {
        String::from_utf8(self.get_with("/metrics", &[]).await.body.to_vec()).unwrap()
    }
}

#[tokio::test]
async fn a_body_that_says_itself_that_it_is_too_large_is_not_waited_for() {
    let limits = Limits { body_timeout_ms: 50, ..Limits::default() };
    let (limit, house) = (limits.body_bytes, House::with_limits(limits));
    for (declared, refusal) in
        [(limit, (408, "body_timeout")), (limit + 1, (413, "body_too_large")), (limit * 100, (413, "body_too_large"))]
    {
        let declared = declared.to_string();
        let headers = [("x-write-key", house.public.as_str()), ("content-length", &declared)];
        let answer = house.ask_with("POST", "/v1/batch", &headers, Body::new(Never)).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.into()), "{declared} bytes");
    }
}

/// A body that never comes.
struct Never;

impl axum::body::HttpBody for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}
