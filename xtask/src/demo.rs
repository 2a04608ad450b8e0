//! A shop, the edge collector that its pages speak to, and the upstream that the edge forwards to; all on loopback.
//!
//! Nothing here is a stand-in: the tracker is the one that the edge serves, both collectors are the real binary, and
//! what is printed about profiles comes from their own webhooks. With `--check` a headless Chromium walks through the
//! shop and asks the upstream in the end.

mod changes;
mod collector;
mod server;
mod shop;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

use anyhow::{Context, Result};

use crate::{process, setup, tree, web};
use changes::Changes;
use collector::Collector;
use shop::Shop;

/// What `cargo xtask demo` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Walk through the shop in headless Chromium, then end: 0 if all arrived upstream, else 1
    #[arg(long)]
    check: bool,
}

/// Sets up, builds, starts; then waits for Ctrl-C, or walks. False when the walk found something missing.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let chromium = if options.check { Some(setup::for_the_browser()?) } else { None };
    web::build()?;
    build_collector()?;
    let demo = Demo::start()?;
    match chromium {
        Some(chromium) => demo.walk(&chromium),
        None => demo.wait().map(|()| true),
    }
}

/// The collector with the tracker in it.
pub(crate) fn build_collector() -> Result<()> {
    process::timed("collector", || {
        let mut cargo = process::cargo();
        process::run(cargo.args(["build", "--quiet", "--package", "selvedge-collector"]).current_dir(tree::root()))
    })
}

/// All that runs. Dropped in this order: who sends ends before who listens.
struct Demo {
    edge: Collector,
    upstream: Collector,
    shop: Shop,
    _changes: Changes,
}

impl Demo {
    fn start() -> Result<Self> {
        let data = tree::target().join("demo");
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("could not empty {}", data.display()))?;
        }
        let changes = Changes::listen()?;
        let upstream = Collector::start("upstream", &data, &changes.webhook("upstream"), &[])?;
        let forwarding = ["--upstream", &upstream.url, "--upstream-key", &upstream.secret_key];
        let edge = Collector::start("edge", &data, &changes.webhook("edge"), &forwarding)?;
        let shop = Shop::open(&edge)?;
        Ok(Self { edge, upstream, shop, _changes: changes })
    }

    fn wait(&self) -> Result<()> {
        let (interrupted, interruption) = mpsc::channel();
        ctrlc::set_handler(move || {
            // A second Ctrl-C finds nobody who listens; the first one is being obeyed.
            let _ = interrupted.send(());
        })?;
        self.print_addresses();
        interruption.recv().context("the signal handler is gone")?;
        println!("\nstopping");
        Ok(())
    }

    fn print_addresses(&self) {
        let Self { edge, upstream, shop, .. } = self;
        println!("\nopen the shop    {}", shop.url);
        println!("edge collector   {}   public {}", edge.url, edge.public_key);
        println!("upstream         {}   secret {}", upstream.url, upstream.secret_key);
        println!("\nlog in as ada, then ask the upstream who she is:");
        for part in ["", "/events"] {
            println!("  curl -s -u {}: {}/v1/profiles/user_id:ada{part}", upstream.secret_key, upstream.url);
        }
        println!("\nCtrl-C ends all. What the collectors find out:");
    }

    fn walk(&self, chromium: &Path) -> Result<bool> {
        let screenshots = screenshots()?;
        println!("\nwalking through {}", self.shop.url);
        let mut node = Command::new("node");
        node.arg(tree::root().join("examples/web/walk.mjs")).current_dir(tree::browser_tests());
        node.env("SHOP_URL", &self.shop.url).env("CHROMIUM", chromium).env("SCREENSHOTS", &screenshots);
        node.env("UPSTREAM_URL", &self.upstream.url).env("UPSTREAM_KEY", &self.upstream.secret_key);
        let status = node.status().context("could not start node")?;
        Ok(status.success())
    }
}

fn screenshots() -> Result<PathBuf> {
    let folder = env::var_os("SCREENSHOTS").map_or_else(|| tree::target().join("demo/screenshots"), PathBuf::from);
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    Ok(folder)
}
