//! The other doors: settings documents, pixel, redirect, tracker, unknown paths.

use super::*;

#[tokio::test]
async fn an_unknown_path_answers_404_and_a_wrong_method_405_in_json() {
    let house = House::new();
    for path in ["/", "/v1", "/v1/unknown", "/v2/track", "/v1/profiles", "/pixel/v1/identify"] {
        assert_eq!(house.get(path).await.refusal(), (404, "not_found".into()), "{path}");
    }
    let answer = house.get("/v1/batch").await;
    assert_eq!(answer.refusal(), (405, "method_not_allowed".into()));
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_eq!(house.post("/v1/conflicts/", "").await.refusal(), (405, "method_not_allowed".into()));
}

#[tokio::test]
async fn segments_settings_lead_to_this_host() {
    let house = House::new();
    let headers = [("host", "collect.example"), ("x-forwarded-proto", "https")];
    let answer = house.get_with(&format!("/v1/projects/{}/settings", house.public), &headers).await.json();
    let segment = &answer["integrations"]["Segment.io"];
    assert_eq!(segment["apiKey"], house.public.as_str());
    assert_eq!(segment["apiHost"], "collect.example/v1");
    assert_eq!(segment["protocol"], "https");
    let unknown = house.get("/v1/projects/pk_unknown/settings").await;
    assert_eq!(unknown.refusal(), (401, "unknown_key".into()));
}

#[tokio::test]
async fn rudderstacks_source_is_enabled_and_has_no_destinations() {
    let house = House::new();
    let answer = house.get(&format!("/sourceConfig/?p=web&writeKey={}", house.public)).await.json();
    assert_eq!(answer["source"]["enabled"], true);
    assert_eq!(answer["source"]["destinations"], serde_json::json!([]));
    assert_eq!(house.get_with("/sourceConfig", &[]).await.refusal(), (401, "missing_key".into()));
}

#[tokio::test]
async fn a_pixel_records_and_is_a_gif() {
    let house = House::new();
    let path = format!("/pixel/v1/track?writeKey={}&anonymousId=a9&event=Opened&campaign=spring", house.public);
    let answer = house.get_with(&path, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("image/gif"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.starts_with(b"GIF89a"));
    let event = house.get("/v1/profiles/anonymous_id:a9/events").await.json()["events"][0].clone();
    assert_eq!((&event["event"], &event["properties"]["campaign"]), (&"Opened".into(), &"spring".into()));
    assert_eq!(house.get_with("/pixel/v1/page?anonymousId=a9", &[]).await.refusal(), (401, "missing_key".into()));
}

#[tokio::test]
async fn a_click_is_recorded_and_led_to_an_allowed_host_only() {
    let house = House::with(Settings { redirect_hosts: vec!["shop.example".into()], ..Settings::default() });
    let asked = |to: &str| format!("/r?to={to}&writeKey={}&anonymousId=a9", house.public);
    let answer = house.get_with(&asked("https%3A%2F%2Fshop.example%2Fsale"), &[]).await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some("https://shop.example/sale"));
    let event = house.get("/v1/profiles/anonymous_id:a9/events").await.json()["events"][0].clone();
    assert_eq!(event["event"], "Link Clicked");
    assert_eq!(event["properties"]["to"], "https://shop.example/sale");
    let answer = house.get_with(&asked("https%3A%2F%2Fevil.example"), &[]).await;
    assert_eq!(answer.refusal(), (403, "redirect_not_allowed".into()));
    let closed = House::new();
    let path = format!("/r?to=https%3A%2F%2Fshop.example&writeKey={}", closed.public);
    assert_eq!(closed.get_with(&path, &[]).await.refusal(), (403, "redirect_not_allowed".into()));
}

#[tokio::test]
async fn the_tracker_is_served_or_its_absence_names_the_command() {
    let house = House::new();
    for (path, content_type) in
        [("/selvedge.js", "text/javascript; charset=utf-8"), ("/selvedge.wasm", "application/wasm")]
    {
        let answer = house.get_with(path, &[]).await;
        if answer.status == 200 {
            assert_eq!(answer.header("content-type"), Some(content_type));
        } else {
            assert_eq!(answer.refusal(), (503, "no_tracker".into()));
            assert!(answer.json()["message"].as_str().unwrap().contains("cargo xtask web"));
        }
    }
}

#[tokio::test]
async fn a_collector_that_can_write_is_ready() {
    let house = House::new();
    assert_eq!(house.get_with("/readyz", &[]).await.status, 200);
    assert_eq!(house.get_with("/healthz/", &[]).await.status, 200);
}
