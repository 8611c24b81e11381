//! Rows of the transfer history.

use serde::de::DeserializeSeed;

use super::date::instant;
use super::faults::describe;
use super::object::{Element, ListSeed, Properties, without_mark};
use super::transfer::account;
use crate::core::cause::HistoryRow;
use crate::core::ids::{TransferId, UserId};
use crate::core::place::Fingerprint;

/// The properties that we read, in lower case.
const NAMES: [&str; 10] = [
    "id",
    "userid",
    "enddate",
    "errormessage",
    "sourcecloudaccountid",
    "sourcebucket",
    "sourcepath",
    "destinationcloudaccountid",
    "destinationbucket",
    "destinationpath",
];

/// Reads a page of the history and hands on its rows one by one; returns their number. The error is
/// a message.
pub(crate) fn history(body: &[u8], each: &mut dyn FnMut(HistoryRow)) -> Result<usize, String> {
    let mut count = 0;
    let mut element = |element: Element<'_, { NAMES.len() }>| {
        count += 1;
        if let Element::Object(properties) = element {
            each(row(&properties));
        }
    };
    let mut deserializer = serde_json::Deserializer::from_slice(without_mark(body));
    ListSeed { names: &NAMES, each: &mut element }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| describe(body, &error))?;
    Ok(count)
}

fn row(properties: &Properties<'_, { NAMES.len() }>) -> HistoryRow {
    let [id, user, end, message, source, source_bucket, source_path, target, bucket, path] =
        properties;
    let none = super::scalar::Scalar::Null;
    let places = (|| {
        let (source_bucket, source_path) = (source_bucket.text()?, source_path.text()?);
        let (bucket, path) = (bucket.text()?, path.text()?);
        let source = (account(source, &none)?, &*source_bucket, &*source_path);
        Some(Fingerprint::loose(source, (account(target, &none)?, &*bucket, &*path)))
    })();
    HistoryRow {
        id: id.uuid().map(TransferId),
        user: user.uuid().map(UserId),
        places,
        ended_at: end.word().and_then(instant),
        message: message.word().map(str::to_owned),
    }
}
