//! `POST /cloud/list_objects`: its request, and how many of the fields that the Click API page
//! names are in its answer. The objects themselves are not kept.

use serde_json::{Value, json};

use super::answers::read_list;
use super::faults::describe;
use super::object::without_mark;
use super::scalar::Scalar;
use crate::agent::limits::OBJECTS_ASKED;

/// The fields that an object should have; only the hosted twin's page names them.
const FIELDS: [&str; 6] = ["id", "name", "path", "size", "lastmodifiedutc", "type"];

/// The number of objects on a page, and how many of them have the fields of the twin's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectForms {
    /// All that are listed.
    pub(crate) listed: usize,
    /// Those with a name and a path.
    pub(crate) named: usize,
    /// Those with all fields, and a whole number as size. Folders have no size with many providers.
    pub(crate) complete: usize,
}

/// The body that requests the first objects of a bucket. `account` is one as the agent returned it,
/// and goes back whole. The error is a message.
pub(crate) fn objects_request(account: &[u8], bucket: &str) -> Result<Vec<u8>, String> {
    let account: Value =
        serde_json::from_slice(without_mark(account)).map_err(|error| describe(account, &error))?;
    let request = json!({
        "id": "",
        "bucketName": bucket,
        "path": "",
        "continuationToken": "",
        "count": OBJECTS_ASKED,
    });
    Ok(json!({ "account": account, "request": request }).to_string().into_bytes())
}

/// The forms of the objects on a page. The error is a message.
pub(crate) fn object_forms(body: &[u8]) -> Result<ObjectForms, String> {
    let mut forms = ObjectForms::default();
    read_list(body, &FIELDS, |object| {
        let [_, name, path, size, _, _] = object;
        forms.listed += 1;
        forms.named += usize::from(name.word().is_some() && path.word().is_some());
        let complete = object.iter().all(|field| *field != Scalar::Null) && size.whole().is_some();
        forms.complete += usize::from(complete);
    })?;
    Ok(forms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_goes_back_whole_with_the_request() {
        let body = objects_request(b"\xef\xbb\xbf{\"Id\":7,\"more\":[1]}", "footage").unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["account"], json!({"Id": 7, "more": [1]}));
        assert_eq!(body["request"]["bucketName"], "footage");
        assert_eq!(body["request"]["count"], OBJECTS_ASKED);
        assert!(objects_request(b"<html>", "footage").unwrap_err().contains("web page"));
    }

    #[test]
    fn objects_are_counted_by_how_much_is_told_of_them() {
        let forms = object_forms(
            br#"{"Data":[
                {"Id":"a","Name":"a","Path":"a","Size":1,"LastModifiedUtc":"2026-01-01","Type":1},
                {"name":"in","path":"in/","type":2},
                {"name":"b"}],"ContinuationToken":"more"}"#,
        );
        assert_eq!(forms, Ok(ObjectForms { listed: 3, named: 2, complete: 1 }));
        assert_eq!(object_forms(br#"{"data":[]}"#), Ok(ObjectForms::default()));
        assert!(object_forms(b"{}").is_err() && object_forms(b"").is_err());
    }
}
