//! The agent's JSON: transfers, pages, profiles and accounts on the wire.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::world::{
    ApiToken, CloudAccount, FileFrame, HistoryFact, ListPage, ListQuery, LoginAnswer, Notice,
    ObjectsPage, ObjectsQuery, SimTransfer, SimUser, Variants, World,
};
use transferd_engine::ids::AccountId;
use transferd_engine::place::{Place, TransferRequest};
use transferd_engine::transfer::{AgentState, TransferStatus};

use super::dates::date;

/// `transferStatus` as the vendor numbers it.
pub(super) fn status_number(status: TransferStatus) -> u32 {
    match status {
        TransferStatus::Created => 1,
        TransferStatus::Running => 2,
        TransferStatus::Completed => 4,
        TransferStatus::Canceled => 8,
        TransferStatus::Error => 16,
        TransferStatus::Canceling => 32,
        TransferStatus::Pausing => 64,
        TransferStatus::Paused => 128,
        TransferStatus::Unknown => 512,
    }
}

/// `agent_status` as the vendor numbers it.
pub(super) fn agent_number(state: AgentState) -> u32 {
    match state {
        AgentState::Created => 0,
        AgentState::Started => 1,
        AgentState::Stopped => 2,
        AgentState::Paused => 4,
        AgentState::Disposed => 8,
        AgentState::Unknown => 99,
    }
}

/// One record of `get_all`.
pub(super) fn transfer(world: &World, found: &SimTransfer, now: Timestamp) -> Value {
    let variants = &world.options().variants;
    let skew = world.options().clock_skew;
    let progress = found.progress(now);
    let mut record = Map::new();
    let mut put = |key: &str, value: Value| record.insert(key.to_owned(), value);
    put("id", json!(found.id));
    if !variants.no_user_id {
        put("userId", json!(world.reports_user(found.id).then_some(found.user)));
    }
    put("syncCycleId", json!(found.sync_cycle));
    put("retryBatchTransferID", json!(found.retry_batch.unwrap_or_default()));
    for (side, place) in
        [("source", &found.request.source), ("destination", &found.request.destination)]
    {
        let slash = variants.leading_slash && !place.path.starts_with('/');
        put(&format!("{side}CloudAccountId"), json!(place.account));
        put(&format!("{side}Bucket"), json!(place.bucket));
        put(&format!("{side}Region"), json!("eu-central-1"));
        put(
            &format!("{side}Path"),
            json!(format!("{}{}", if slash { "/" } else { "" }, place.path)),
        );
        put(&format!("{side}CloudAccount"), embedded_account(world, place.account));
    }
    put("requestDate", date(Some(found.requested_at), variants));
    put("startDate", date(found.started_at.map(|at| at + skew), variants));
    put("endDate", date(found.ended_at.map(|at| at + skew), variants));
    put("transferStatus", json!(status_number(found.status)));
    put("transferType", json!(found.kind));
    put("allowSkip", json!(found.request.allow_skip));
    put("allowDelete", json!(false));
    put("total", json!(progress.objects_total));
    put("failed", json!(progress.objects_failed));
    put("deleted", json!(0));
    put("skipped", json!(progress.objects_skipped));
    put("transferred", json!(progress.objects_transferred));
    put("skippedSize", json!(0));
    put("totalSize", json!(progress.bytes_total));
    put("transferredSize", json!(progress.bytes_transferred));
    put("totalSizeString", json!(format!("{} MB", progress.bytes_total / 1_000_000)));
    put("transferredSizeString", json!(format!("{} MB", progress.bytes_transferred / 1_000_000)));
    put("percent", json!(progress.percent));
    put("averageSpeed", json!(progress.speed));
    let cost = progress.cost_usd.filter(|_| !variants.no_cost);
    put("transferredCost", json!(cost));
    Value::Object(record)
}

fn embedded_account(world: &World, id: AccountId) -> Value {
    let found = world.options().accounts.iter().find(|account| account.id == id);
    found.map_or(Value::Null, cloud_account)
}

/// A page of `get_all`.
pub(super) fn page(world: &World, page: &ListPage, query: ListQuery, now: Timestamp) -> Value {
    let records: Vec<Value> = page
        .records
        .iter()
        .filter_map(|listed| world.transfer(listed.id))
        .map(|found| transfer(world, found, now))
        .collect();
    json!({
        "data": records,
        "total": page.total,
        "options": {
            "page": page.page,
            "pageSize": page.page_size,
            "sort": [{"field": "RequestDate", "descending": query.descending}],
        },
    })
}

/// A page of the transfer history.
pub(super) fn history(world: &World, page: &(Vec<HistoryFact>, usize)) -> Value {
    let (variants, skew) = (&world.options().variants, world.options().clock_skew);
    let (facts, total) = page;
    let row = |fact: &HistoryFact| {
        let found = world.transfer(fact.transfer)?;
        let at = found.ended_at?;
        let progress = found.progress(at);
        let user = world.options().users.iter().find(|user| user.id == found.user);
        let (source, destination) = (&found.request.source, &found.request.destination);
        Some(json!({
            "id": fact.id,
            "userId": fact.user,
            "accountId": world.account_id(),
            "userName": user.map(|user| &user.username),
            "origin": 1,
            "direction": 0,
            "transferStatus": status_number(found.status),
            "startDate": date(found.started_at.map(|at| at + skew), variants),
            "endDate": date(Some(at + skew), variants),
            "sourceCloudAccountId": source.account,
            "sourceBucket": source.bucket,
            "sourcePath": source.path,
            "destinationCloudAccountId": destination.account,
            "destinationBucket": destination.bucket,
            "destinationPath": destination.path,
            "totalObjects": progress.objects_total,
            "transferredObjects": progress.objects_transferred,
            "failedObjects": progress.objects_failed,
            "skippedObjects": progress.objects_skipped,
            "totalSize": progress.bytes_total,
            "transferredSize": progress.bytes_transferred,
            "averageSpeed": progress.speed,
            "errorMessage": fact.message,
            "name": destination.path,
        }))
    };
    json!({"data": facts.iter().filter_map(row).collect::<Vec<_>>(), "total": total})
}

/// The profile.
pub(super) fn profile(world: &World, user: &SimUser) -> Value {
    let mut profile = json!({
        "username": user.username,
        "firstName": "Sim",
        "lastName": "Operator",
        "accountId": world.account_id(),
        "accountName": "Simulated Studio",
        "userType": user.user_type,
        "userTypeString": user.role(),
    });
    if !world.options().variants.no_user_id {
        profile["userId"] = json!(user.id);
    }
    profile
}

/// Answer of `check_update`, of an agent that is up to date.
pub(super) fn versions(current: &str) -> Value {
    json!({"isUpdateRequired": false, "currentVersion": current, "newVersion": current})
}

/// A CloudAccount, its keys obfuscated.
pub(super) fn cloud_account(account: &CloudAccount) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "cloudType": account.cloud_type,
        "serviceUrl": account.service_url,
        "accessKey": "****",
        "secretKey": "****",
        "active": account.active,
        "shared": false,
        "deleted": false,
    })
}

/// Answer of `list_buckets`.
pub(super) fn buckets(names: &[String], now: Timestamp, variants: &Variants) -> Value {
    let bucket = |name: &String| json!({"name": name, "region": "eu-central-1", "createDate": date(Some(now), variants)});
    json!({"data": names.iter().map(bucket).collect::<Vec<_>>(), "continuationToken": ""})
}

/// Answer of `list_objects`.
pub(super) fn objects(page: &ObjectsPage, now: Timestamp, variants: &Variants) -> Value {
    let object = |key: &String| {
        json!({
            "id": key,
            "name": key.rsplit('/').next(),
            "path": key,
            "size": 1_048_576,
            "lastModifiedUtc": date(Some(now), variants),
            "type": 1,
        })
    };
    let next = page.next.map(|next| next.to_string()).unwrap_or_default();
    json!({"data": page.keys.iter().map(object).collect::<Vec<_>>(), "continuationToken": next})
}

/// Answer of `login` and `mfa_respond`.
pub(super) fn login(answer: &LoginAnswer) -> Value {
    json!({
        "jwtToken": answer.jwt_token,
        "challenge": answer.challenge,
        "session": answer.session,
    })
}

/// One API token.
pub(super) fn api_token(token: &ApiToken, variants: &Variants) -> Value {
    json!({
        "id": token.id,
        "title": token.title,
        "token": token.token,
        "expirationDate": date(token.expires_at, variants),
        "createDate": date(Some(token.created_at), variants),
    })
}

/// A notification frame; these are in PascalCase in every variant.
pub(super) fn notice(notice: &Notice, now: Timestamp) -> String {
    let plain = Variants::default();
    match notice {
        Notice::App { address, method, origin } => json!({"Type": 4, "Data": {
            "Operation": 2,
            "EndpointAddress": address,
            "HttpMethod": method,
            "Origin": origin,
        }})
        .to_string(),
        Notice::File(frame) => file_frame(frame, now, &plain).to_string(),
    }
}

fn file_frame(frame: &FileFrame, now: Timestamp, variants: &Variants) -> Value {
    let seconds = now.duration_since(frame.started_at).as_secs().max(0);
    let duration = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    json!({"Type": 1, "Data": {
        "TransferMode": "Upload",
        "Status": frame.status,
        "StorageType": 1,
        "Path": frame.path,
        "Bytes": frame.bytes,
        "Size": frame.size,
        "Error": frame.error,
        "Name": frame.path.rsplit('/').next(),
        "StorageName": "simulated",
        "Speed": 0,
        "Duration": duration,
        "TransferId": frame.transfer,
        "StartTimeUtc": date(Some(frame.started_at), variants),
        "ProgressTimeUtc": date(Some(now), variants),
    }})
}

/// Keys of a JSON object without regard to case, as ASP.NET reads them.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The object's fields; none for anything but an object.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let Value::Object(object) = serde_json::from_slice(body).ok()? else { return None };
        Some(Self::from(object))
    }

    fn from(object: Map<String, Value>) -> Self {
        Self(object.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect())
    }

    fn object(&self, key: &str) -> Option<Self> {
        self.0.get(key)?.as_object().cloned().map(Self::from)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    pub(super) fn uuid(&self, key: &str) -> Option<Uuid> {
        self.text(key).parse().ok()
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key).and_then(Value::as_u64)
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The body of `POST /cloud/list_objects`; absent if it lacks the account or the request.
    pub(super) fn objects_query(&self) -> Option<(AccountId, ObjectsQuery)> {
        let account = AccountId(self.object("account")?.uuid("id")?);
        let request = self.object("request")?;
        let count = request.number("count").and_then(|count| usize::try_from(count).ok());
        let query = ObjectsQuery {
            bucket: request.text("bucketname"),
            path: request.text("path"),
            from: request.text("continuationtoken").parse().unwrap_or(0),
            count: count.unwrap_or(1_000),
        };
        Some((account, query))
    }

    /// The body of `POST /transfer/transfer`; absent if it names no accounts.
    pub(super) fn transfer_request(&self) -> Option<TransferRequest> {
        let place = |side: &str| {
            Some(Place {
                account: AccountId(self.uuid(&format!("{side}cloudaccountid"))?),
                bucket: self.text(&format!("{side}bucket")),
                bucket_id: self.text(&format!("{side}bucketid")),
                path: self.text(&format!("{side}path")),
                id: self.text(&format!("{side}id")),
            })
        };
        Some(TransferRequest {
            source: place("source")?,
            destination: place("destination")?,
            allow_skip: self.flag("allowskip"),
            keep_source_tree: self.flag("keepsourcetree"),
        })
    }
}

/// The same JSON with property names in PascalCase.
pub(super) fn pascal_case(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .map(|(key, value)| (capitalised(&key), pascal_case(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(pascal_case).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

fn capitalised(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
