//! Receipts: frames in which the agent reports that it has carried a request out (protocol, rule
//! 14).

use serde_json::Value;

use crate::stage::Stage;

const ENDLESS: &str =
    "  endless: {source: *s, destination: {account: b, bucket: c, path: endless/}}";

#[test]
fn a_receipt_is_in_the_timeline_of_its_run() {
    let stage = Stage::new("");
    stage.write_jobs(ENDLESS);
    let _daemon = stage.start();
    // While one is under way the socket is open.
    assert_eq!(stage.command(&["trigger", "endless"]).code, 0);
    stage.until("the socket is open", || stage.asked("/notification") > 0);
    stage.until("a request has come back", || {
        let run = stage.json(&["trigger", "hand", "--wait", "--json"]);
        let shown = stage.run(run["id"].as_str().unwrap());
        let events = shown["events"].as_array().unwrap().iter();
        let mut receipts = events.filter(|event| event["event"] == "receipt");
        let told = receipts.next().map(|receipt| receipt["detail"].clone());
        assert!(receipts.next().is_none(), "one at most: {shown}");
        told.is_some_and(|told: Value| told.as_str().unwrap().contains("request of attempt 1"))
    });
}
