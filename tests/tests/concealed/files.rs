//! What the files of a data directory tell: no clear value, in any form, and no digest of one that nobody keyed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use selvedge_tests::backend::Backend;
use selvedge_tests::ledger::Ledger;
use selvedge_tests::oracle::digest;
use selvedge_tests::{Collector, Reply, Upstream, wait_until};
use serde_json::{Value, json};

use super::lifting::KEY;
use super::{CONCEALING, identify, named, send};

#[test]
fn no_byte_of_the_files_holds_a_clear_value_or_a_digest_of_one() -> anyhow::Result<()> {
    // It knows the values from elsewhere.
    let complaint = b"no customer is ada@shop.example or +49 30 1234567";
    let upstream = Upstream::start(|_| Reply { body: complaint.to_vec(), ..Reply::status(400) })?;
    let directory = tempfile::tempdir()?;
    let url = upstream.url();
    let flags = [&CONCEALING[..], &["--upstream", &url, "--upstream-key", "sk_upstream"]].concat();
    let mut collector = Collector::start_with(directory.path(), &flags)?;
    tell(&collector)?;
    let letters = || Ledger::beside(directory.path()).and_then(|ledger| ledger.dead_letters("upstream"));
    wait_until(Duration::from_secs(60), "all were refused", || letters().is_ok_and(|letters| letters.len() >= 12))?;
    hold_clean(directory.path(), "while it runs")?;
    ensure!(collector.log().contains("no customer is"), "a refusal is told: {}", collector.log());
    ensure!(!collector.log().contains("ada@"), "not whom it is of: {}", collector.log());
    ensure!(collector.stop()?.success(), "{}", collector.log());
    hold_clean(directory.path(), "when it has stopped")?;
    let replayed = collector.run(&["replay"])?;
    ensure!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let backup = tempfile::tempdir()?;
    for entry in fs::read_dir(directory.path())?.flatten().filter(|entry| entry.file_name() != KEY) {
        fs::copy(entry.path(), backup.path().join(entry.file_name()))?;
    }
    hold_clean(directory.path(), "after a replay")?;
    hold_clean(backup.path(), "in a backup")
}

/// Says each value in every place where a message has room for it.
fn tell(collector: &Collector) -> anyhow::Result<()> {
    let secret = &collector.secret_key;
    let (mail, number) = ("Ada@Shop.Example", "+49 30 1234567");
    let bare =
        |algorithm: &str, value: &str| digest(algorithm, value).rsplit('.').next().unwrap_or_default().to_owned();
    let note = "ada@shop.example, /?m=ADA%40shop.example&t=%2B49301234567 or call +49 30 1234567";
    send(
        collector,
        secret,
        &[
            identify(
                "m-1",
                "u-1",
                &json!({ "email": mail, "phone": number, "note": note, "friends": [mail, note], "of ada@shop.example": { "mail": mail, "tel": "49301234567", "n": 49301234567_u64 } }),
            ),
            json!({ "type": "track", "event": "Wrote to ada@shop.example", "messageId": "of ada@shop.example", "userId": "u-2",
            "properties": { "email": mail, "text": note, "hash": bare("sha256", "ada@shop.example") },
            "context": { "traits": { "email": mail }, "page": { "url": format!("https://shop.example/?{note}") } } }),
            json!({ "type": "group", "messageId": "m-3", "userId": "u-1", "groupId": mail, "traits": { "email": mail, "phone": number } }),
            json!({ "type": "page", "name": note, "userId": "u-1", "timestamp": "2026-01-01T00:00:00+01:00" }),
            json!({ "type": "identify", "messageId": "m-5", "userId": "u-4", "context": { "traits": { "email": "bob@shop.example", "phone": "030 7654321" } } }),
            json!({ "type": "screen", "name": "Home", "messageId": "m-6", "anonymousId": "a-1", "context": {
            "device": { "type": "ios", "id": "v-1", "token": "t-1", "advertisingId": "6D92078A-8246-4BA4-AE5B-76104861E7DC" }, "text": "6d92078a-8246-4ba4-ae5b-76104861e7dc" } }),
            json!({ "type": "screen", "messageId": "m-7", "anonymousId": "a-2", "name": "x", "context": {
            "device": { "type": "android", "advertisingId": "cdda802e-fb9c-47ad-9866-0794d394c912" } } }),
            named("import:crm:ada@shop.example", Some("u-1"), ("imei", "490154203237518", "none")),
            named("m-9", Some("u-1"), ("mac", "00:1B:44:11:3A:B7", "none")),
            named("m-10", Some("u-1"), ("oaid", "1FE9A970-EFBB-29E0-0BDD-F5DBBF751AB5", "none")),
            named("m-11", None, ("email", &bare("md5", "ada@shop.example"), "md5")),
            named("m-12", None, ("phone", &digest("sha1", "49301234567"), "none")),
        ],
    )?;
    let shared = json!({ "context": { "traits": { "email": "zoe@shop.example" }, "text": "zoe%40shop.example",
        "externalIds": [{ "id": bare("sha256", "eve@shop.example"), "type": "email", "encoding": "sha256" }] },
        "batch": [identify("profile:7a0e8c52-1b1f-8d0e-9a11-2f5c33d0b6aa:1", "u-5", &json!({ "email": "zoe@shop.example" }))] });
    let answer = collector.post("/v1/batch", secret, &shared)?;
    ensure!(answer.json["accepted"] == 1, "{}", answer.text());
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({ "sub": "u-6", "aud": "default", "iat": now - 60, "exp": now + 600,
        "email": "kim@shop.example", "email_verified": true, "phone_number": "+493055555", "phone_number_verified": true });
    let token = Backend::of(collector)?.token(&claims)?;
    let proven: Value = json!({ "type": "track", "event": "Paid", "messageId": "m-20", "userId": "u-6",
        "properties": { "by": "kim@shop.example", "tel": "call 493055555", "hash": bare("sha256", "kim@shop.example") }, "context": { "identityToken": token } });
    send(collector, &collector.public_key, &[proven])?;
    let pixel =
        collector.get("/pixel/v1/track?event=Opened&anonymousId=a-1&mail=ada%40shop.example", &collector.public_key)?;
    ensure!(pixel.status == 200);
    let decision = json!({ "op": "ignore", "x": { "kind": "email", "value": "bob@shop.example" }, "reason": "bob@shop.example asked, +49 30 1234567" });
    ensure!(collector.post("/v1/decisions", &collector.admin_key, &decision)?.status == 200);
    let decision = json!({ "op": "ignore", "x": { "kind": "imei", "value": "490154203237518" }, "reason": "the shop's own, 490154203237518" });
    ensure!(collector.post("/v1/decisions", &collector.admin_key, &decision)?.status == 200);
    let seen = collector.get("/v1/profiles/email:ada%40shop.example", secret)?.json;
    ensure!(seen["event_count"].as_u64() > Some(3), "it was told: {seen:#}");
    Ok(())
}

/// No file of a directory holds what was said, however it is written.
fn hold_clean(directory: &Path, when: &str) -> anyhow::Result<()> {
    let mut sought: Vec<String> = Vec::new();
    for value in VALUES {
        let forms = [
            value.to_owned(),
            value.to_uppercase(),
            value.replace('@', "%40"),
            value.trim_start_matches('+').to_owned(),
        ];
        for form in forms {
            sought.extend(
                ["md5", "sha1", "sha256"].map(|by| digest(by, &form).rsplit('.').next().unwrap_or_default().to_owned()),
            );
            sought.push(form.to_lowercase());
        }
    }
    let mut files = 0;
    for entry in fs::read_dir(directory)?.flatten().filter(|entry| entry.path().is_file()) {
        files += 1;
        let bytes = fs::read(entry.path())?.to_ascii_lowercase();
        for text in &sought {
            let found = bytes.windows(text.len()).position(|window| window == text.as_bytes());
            let around = |at: usize| {
                String::from_utf8_lossy(&bytes[at.saturating_sub(80)..(at + 80).min(bytes.len())]).into_owned()
            };
            if let Some(at) = found {
                anyhow::bail!("{when}: {:?} holds {text}: {}", entry.file_name(), around(at));
            }
        }
    }
    ensure!(files >= 2, "there are files");
    Ok(())
}

/// In their normal forms and as some were said.
const VALUES: [&str; 16] = [
    "ada@shop.example",
    "bob@shop.example",
    "zoe@shop.example",
    "eve@shop.example",
    "kim@shop.example",
    "+49301234567",
    "+49 30 1234567",
    "030 7654321",
    "+493055555",
    "6d92078a-8246-4ba4-ae5b-76104861e7dc",
    "cdda802e-fb9c-47ad-9866-0794d394c912",
    "490154203237518",
    "001b44113ab7",
    "00:1b:44:11:3a:b7",
    "1fe9a970-efbb-29e0-0bdd-f5dbbf751ab5",
    "7a0e8c52-1b1f-8d0e-9a11-2f5c33d0b6aa",
];
