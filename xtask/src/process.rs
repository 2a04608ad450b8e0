//! Runs other programs: without a terminal to ask on, and with an error that names the command.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Runs it to its end, its output on ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("could not start {}", line(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(command));
    }
    Ok(())
}

/// Runs it to its end and gives what it wrote on stdout, trimmed. What it wrote on stderr is in the error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("could not start {}", line(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", line(command), output.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The cargo that runs this chore. It hears nothing of what this chore was run as: build scripts that look at such
/// variables would run again whenever the same crates are built by hand, and what is built upon them too.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    let own = |name: &OsString| {
        let name = name.to_string_lossy();
        ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| name.starts_with(prefix))
    };
    for name in env::vars_os().map(|(name, _)| name).filter(own) {
        cargo.env_remove(name);
    }
    cargo
}

/// Whether a program of that name can be started.
pub(crate) fn exists(program: &str) -> bool {
    let started = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    !matches!(started, Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Says what one thing came to, in two columns.
pub(crate) fn say(what: &str, came_to: &str) {
    println!("  {what:<12} {came_to}");
}

/// Does one thing and says how long it took.
pub(crate) fn timed<T>(what: &str, task: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let result = task()?;
    say(what, &format!("done in {:.1} s", begun.elapsed().as_secs_f64()));
    Ok(result)
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", line.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_named_with_its_complaint() {
        let error = read(Command::new("sh").args(["-c", "echo no such cloth >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.starts_with("`sh -c") && error.contains("exit status: 3") && error.ends_with("no such cloth"));
    }

    #[test]
    fn a_program_that_is_not_there_does_not_exist() {
        assert!(exists("sh"));
        assert!(!exists("selvedge-no-such-program"));
    }
}
