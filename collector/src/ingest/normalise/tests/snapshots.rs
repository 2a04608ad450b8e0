//! What restates a subject: rows of imports, and profiles of other collectors.

use super::*;

#[test]
fn snapshots_of_another_collector_name_their_subject_and_version() {
    let event = accepted_with(Right::Secret, r#"{"type":"identify","userId":"u1","messageId":"profile:p-1:12"}"#);
    assert_eq!(event.snapshot, Some(Snapshot { subject: "profile:p-1".into(), version: 12 }));
    let row = r#"{"type":"identify","userId":"u1","messageId":"import:crm:7","context":{"selvedge":{"version":3}}}"#;
    let event = accepted_with(Right::Secret, row);
    assert_eq!(event.snapshot, Some(Snapshot { subject: "import:crm:7".into(), version: 3 }));
    for (written, version) in [("7.0", 7), ("1.7e12", 1_700_000_000_000), ("\"12\"", 12)] {
        let event = accepted_with(Right::Secret, &row.replace('3', written));
        assert_eq!(event.snapshot.map(|snapshot| snapshot.version), Some(version), "{written}");
    }
}

#[test]
fn a_snapshot_of_another_collector_names_a_person_by_its_names_and_not_by_its_traits() {
    let text = r#"{"type":"identify","userId":"u1","messageId":"profile:p-1:12","traits":{"email":"a@b.example"},
        "context":{"externalIds":[{"id":"+4930123456","type":"phone"}]}}"#;
    assert_eq!(names(&accepted_with(Right::Secret, text)), ["user_id:u1", "phone:+4930123456"]);
    for call in ["m-1", "profile:p-1", "profile:p-1:new"] {
        let call = accepted_with(Right::Secret, &text.replace("profile:p-1:12", call));
        assert_eq!(names(&call), ["user_id:u1", "email:a@b.example", "phone:+4930123456"]);
        assert_eq!(call.snapshot, None);
    }
}
