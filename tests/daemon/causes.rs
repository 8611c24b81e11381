//! Why a transfer failed and what it cost, from the agent's history to what people and scripts read.

use serde_json::json;

use crate::keys;
use crate::stage::Stage;

const DENIED: &str = "  denied: {source: *s, destination: {account: b, bucket: c, path: denied/}, \
                      retry: {max_attempts: 3, initial_delay: 1s}}";

#[test]
fn a_red_night_says_what_failed_and_why_everywhere_and_is_not_tried_in_vain() {
    let stage = Stage::new("");
    stage.write_jobs(DENIED);
    let _daemon = stage.start();
    let waited = stage.command(&["trigger", "denied", "--wait", "--json"]);
    assert_eq!(waited.code, 1, "{}", waited.err);
    let run: serde_json::Value = serde_json::from_str(&waited.out).unwrap();
    assert_eq!((&run["state"], &run["reason_code"]), (&json!("failed"), &json!("cause_access")));
    let attempts = run["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "another try can't mend it: {run}");
    let cause = &attempts[0]["cause"];
    assert_eq!(keys(cause), ["class", "message", "objects", "objects_more"]);
    assert_eq!((&cause["class"], &cause["message"]), (&json!("access"), &json!("Access Denied")));
    assert_eq!(cause["objects"].as_array().unwrap().len(), 3);
    assert_eq!(cause["objects"][2]["error"], json!("NoSuchKey"));
    assert!(attempts[0]["cost_usd"].as_f64().unwrap() > 0.0);
    let told = "objects failed: 2 access denied (clip-0000.mov, clip-0001.mov), 1 missing \
                (clip-0002.mov)";
    for arguments in [&["history"][..], &["show", run["id"].as_str().unwrap()]] {
        let shown = stage.command(arguments).out;
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert!(words.join(" ").contains(told), "{arguments:?}: {shown}");
        assert!(shown.contains('$'), "{arguments:?} tells the cost: {shown}");
    }
}
