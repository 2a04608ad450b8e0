//! The binary `selvedge`: all of it is in the library, so that tests and other tools reach it too.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match selvedge_collector::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody may be reading; the exit code says it as well.
            let _ = writeln!(std::io::stderr(), "selvedge: {failure}");
            ExitCode::FAILURE
        }
    }
}
