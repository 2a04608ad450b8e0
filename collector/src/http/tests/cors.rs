//! What browsers are told (protocol.md, section 1).

use super::*;

#[tokio::test]
async fn a_preflight_names_methods_headers_and_how_long_it_holds() {
    let house = House::new();
    let answer = house.preflight("/v1/batch", "https://any.example").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-max-age"), Some("7200"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in
        ["Authorization", "Content-Type", "Content-Encoding", "AnonymousId", "SentAt", "X-Retry-Count", "X-Write-Key"]
    {
        assert!(allowed.split(", ").any(|header| header == name), "{name} in {allowed}");
    }
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
}

#[tokio::test]
async fn a_preflight_admits_the_union_of_what_the_keys_admit() {
    let house = House::new();
    house.revoke(&house.public);
    house.new_key(Right::Public, &["https://one.example"]);
    house.new_key(Right::Public, &["https://two.example"]);
    for origin in ["https://one.example", "https://two.example"] {
        let answer = house.preflight("/v1/batch", origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
    assert_eq!(house.preflight("/v1/batch", "https://evil.example").await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn every_answer_may_be_read_errors_included() {
    let house = House::new();
    for (method, path) in [
        ("POST", "/v1/batch"),
        ("GET", "/v1/batch"),
        ("GET", "/nowhere"),
        ("GET", "/healthz"),
        ("GET", "/selvedge.js"),
        ("GET", "/v1/conflicts"),
    ] {
        let answer = house.ask(method, path, &[("origin", "https://any.example")], Bytes::new()).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{method} {path}");
        assert_eq!(answer.header("access-control-expose-headers"), Some("Retry-After"), "{method} {path}");
    }
}

impl House {
    async fn preflight(&self, path: &str, origin: &str) -> Answer {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        self.ask("OPTIONS", path, &headers, Bytes::new()).await
    }
}
