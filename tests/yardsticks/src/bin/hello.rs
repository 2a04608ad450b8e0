//! The yardstick of HTTP: reads the body, throws it away, answers. Keeps nothing.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;
use selvedge_yardsticks::listen;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    listen::serve(Router::new().fallback(hello)).await
}

async fn hello(_body: Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], r#"{"success":true}"#)
}
