//! How both yardsticks open their door: as the collector does, on a free port, saying where.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;

/// Listens on a free loopback port, prints `listening http://…` as `selvedge serve` does, and serves until killed.
pub async fn serve(router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.context("no free loopback port")?;
    println!("listening http://{}", listener.local_addr()?);
    axum::serve(listener, router).await.context("the server ended")
}
