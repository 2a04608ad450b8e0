//! Logins that a site's backend proves: keys made and revoked beside a running collector, and tokens signed as the
//! README says.

use std::process::Command;

use anyhow::{Context, ensure};
use selvedge_tests::Collector;
use serde_json::{Value, json};

#[test]
fn the_readmes_examples_sign_what_the_collector_believes_until_the_key_is_revoked() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let secret = printed(collector.run(&["identity-key", "create"])?)?;
    let node = signed(
        "node",
        &["--input-type=module", "-e"],
        "js",
        "console.log(identityToken('u-1', process.argv.at(-1)))",
        &secret,
    )?;
    let python =
        signed("python3", &["-c"], "python", "import sys; print(identity_token('u-1', sys.argv[1]))", &secret)?;
    for token in [&node, &python] {
        ensure!(warnings(&collector, token)? == Value::Null, "{token}: {}", warnings(&collector, token)?);
    }
    collector.run(&["identity-key", "revoke", "1"])?;
    for token in [&node, &python] {
        assert_eq!(warnings(&collector, token)?[0]["code"], "token_invalid");
    }
    ensure!(!collector.log().contains(&node), "a token is in the log");
    Ok(())
}

#[test]
fn the_readmes_example_signs_with_private_keys_too() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    for alg in ["EdDSA", "ES256"] {
        let pem = printed(collector.run(&["identity-key", "create", "--alg", alg])?)?;
        let call = format!("console.log(identityToken('u-1', process.argv.at(-1), {{}}, '{alg}'))");
        let token = signed("node", &["--input-type=module", "-e"], "js", &call, &pem)?;
        ensure!(warnings(&collector, &token)? == Value::Null, "{alg}: {}", warnings(&collector, &token)?);
    }
    let other = printed(collector.run(&["identity-key", "create", "--alg", "EdDSA"])?)?;
    let call = "console.log(identityToken('u-2', process.argv.at(-1), {}, 'EdDSA'))";
    let token = signed("node", &["--input-type=module", "-e"], "js", call, &other)?;
    assert_eq!(warnings(&collector, &token)?[0]["code"], "token_mismatch");
    Ok(())
}

#[test]
fn a_key_that_counts_is_not_imported_twice_so_that_whoever_revokes_it_revokes_all_it_signs() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let collector = Collector::start(directory.path())?;
    let file = directory.path().join("public.jwk");
    // The example of RFC 8037, appendix A.2.
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    std::fs::write(&file, key.to_string())?;
    let import: [&str; 3] = ["identity-key", "import", file.to_str().context("a name that is no text")?];
    printed(collector.run(&import)?)?;
    let refused = collector.run(&import)?;
    let why = String::from_utf8_lossy(&refused.stderr);
    ensure!(!refused.status.success() && why.contains("identity key 1") && why.contains("revoke it first"), "{why}");
    printed(collector.run(&["identity-key", "revoke", "1"])?)?;
    printed(collector.run(&import)?)?;
    Ok(())
}

/// What a public key is told about an event with this token.
fn warnings(collector: &Collector, token: &str) -> anyhow::Result<Value> {
    let event = json!({"userId": "u-1", "anonymousId": "a-1", "context": {"identityToken": token}});
    let answer: Value = serde_json::from_str(&collector.post("/v1/identify", &collector.public_key, &event)?.text())?;
    ensure!(answer["accepted"] == 1, "{answer}");
    Ok(answer["warnings"].clone())
}

/// What the README's example in this language, and `call` behind it, print.
fn signed(program: &str, flags: &[&str], language: &str, call: &str, secret: &str) -> anyhow::Result<String> {
    let (_, section) = README.split_once("### Proving a login").context("the README proves no login")?;
    let (_, rest) = section.split_once(&format!("```{language}\n")).context("no example")?;
    let (example, _) = rest.split_once("```").context("no end of the example")?;
    let mut command = Command::new(program);
    command.args(flags).arg(format!("{example}\n{call}\n"));
    if program == "node" {
        // A private key begins as an option would.
        command.arg("--");
    }
    command.arg(secret);
    printed(command.output().with_context(|| format!("{program} is not here"))?)
}

fn printed(output: std::process::Output) -> anyhow::Result<String> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

const README: &str = include_str!("../../README.md");
