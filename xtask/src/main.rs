//! Every chore of the project, in Rust, one file each: `cargo xtask setup | web | mobile | demo | test | bench`.
//!
//! A chore sets up what it needs and says what it found, what it chose and how long it took. Nothing here reaches a
//! user: what ships is built by these chores, not by code of theirs.

mod apt;
mod bench;
mod chromium;
mod demo;
mod mobile;
mod npm;
mod process;
mod python;
mod setup;
mod tally;
mod test;
mod tree;
mod wasm_toolchain;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Every chore of the project", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Looks for what builds and tests need, and adds what is missing
    Setup,
    /// Builds the page's tracker, Wasm and JS, and prints the bytes that a page loads
    Web,
    /// Builds the bindings of the mobile crate and generates their Python side
    Mobile,
    /// A shop, an edge collector and its upstream, on loopback; Ctrl-C ends all
    Demo(demo::Options),
    /// Runs every test of the project and prints `N passed, N failed`
    Test,
    /// Measures the collector beside its yardsticks, in turns
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Setup => setup::everything().map(|_| true),
        Chore::Web => web::build().map(|_| true),
        Chore::Mobile => mobile::generate().map(|_| true),
        Chore::Demo(options) => demo::run(&options),
        Chore::Test => test::run(),
        Chore::Bench(options) => bench::run(&options).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
