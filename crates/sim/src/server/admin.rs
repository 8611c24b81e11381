//! Routes under `/_sim`: not part of the Click API, and asking for no token. They steer the world
//! and show its state. ARCHITECTURE.md lists them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::world::{ForeignTransfer, PlannedFault, World, WorldOptions};
use transferd_engine::ids::{TransferId, UserId};
use transferd_engine::transfer::AgentState;

use super::shared::Shared;

/// The default time for which the agent is away: while it is, these routes are too.
const DOWN_FOR_MS: i64 = 5_000;

#[derive(Deserialize)]
struct Which {
    id: TransferId,
}

#[derive(Deserialize)]
struct Down {
    #[serde(default = "down_for")]
    for_ms: i64,
}

fn down_for() -> i64 {
    DOWN_FOR_MS
}

#[derive(Deserialize)]
struct Status {
    state: AgentState,
}

#[derive(Deserialize)]
struct Token {
    token: String,
    #[serde(default)]
    user: Option<UserId>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
    #[serde(default)]
    revoke: bool,
}

#[derive(Deserialize)]
struct Clock {
    by_ms: i64,
}

/// Carries out an admin request.
pub(super) fn handle(shared: &Shared, method: &str, path: &str, body: &[u8]) -> Response {
    let result = match (method, path) {
        ("GET", _) => Ok(show(shared, path)),
        ("POST", "faults") => {
            read::<PlannedFault>(body).map(|fault| does(shared, |world, _| world.plan_fault(fault)))
        }
        ("POST", "foreign") => read::<ForeignTransfer>(body).map(|foreign| {
            act(shared, |world, now| Some(json!({"id": world.start_foreign(&foreign, now)})))
        }),
        ("POST", "pause") => of_transfer(shared, body, World::pause),
        ("POST", "resume") => of_transfer(shared, body, World::resume),
        ("POST", "cancel") => of_transfer(shared, body, World::cancel_by_person),
        ("POST", "vanish") => of_transfer(shared, body, World::vanish),
        ("POST", "down" | "restart") => read::<Down>(body).map(|down| {
            let away = SignedDuration::from_millis(down.for_ms);
            does(shared, |world, now| world.go_down_for(away, now))
        }),
        ("POST", "status") => read::<Status>(body)
            .map(|status| does(shared, |world, now| world.set_agent_state(status.state, now))),
        ("POST", "clock") => read::<Clock>(body).map(|clock| {
            let by = SignedDuration::from_millis(clock.by_ms);
            does(shared, |world, _| world.step_clock(by))
        }),
        ("POST", "token") => read::<Token>(body).map(|token| change_token(shared, &token)),
        ("POST", "options") => change_options(shared, body),
        _ => Ok(None),
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    match result {
        Ok(Some(value)) => (json, value.to_string()).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body })
}

fn done() -> Option<Value> {
    Some(json!({"done": true}))
}

fn does(shared: &Shared, act: impl FnOnce(&mut World, Timestamp)) -> Option<Value> {
    shared.with_durably(act);
    done()
}

fn act(shared: &Shared, act: impl FnOnce(&mut World, Timestamp) -> Option<Value>) -> Option<Value> {
    shared.with_durably(act)
}

fn of_transfer(
    shared: &Shared,
    body: &[u8],
    verb: impl FnOnce(&mut World, TransferId, Timestamp) -> bool,
) -> Result<Option<Value>, serde_json::Error> {
    let which: Which = read(body)?;
    Ok(act(shared, |world, now| Some(json!({"done": verb(world, which.id, now)}))))
}

fn change_token(shared: &Shared, change: &Token) -> Option<Value> {
    act(shared, |world, _| {
        let first = world.options().users.first().map(|user| user.id);
        let user = change.user.or(first)?;
        if change.revoke {
            world.revoke_token(&change.token);
        } else {
            world.add_token(&change.token, user, change.expires_at);
        }
        done()
    })
}

/// Options are changed by a JSON merge patch (RFC 7386).
fn change_options(shared: &Shared, body: &[u8]) -> Result<Option<Value>, serde_json::Error> {
    let patch: Value = read(body)?;
    shared.with_durably(|world, now| {
        let mut options = serde_json::to_value(world.options())?;
        merge(&mut options, patch);
        let options: WorldOptions = serde_json::from_value(options)?;
        world.set_options(options, now);
        Ok(done())
    })
}

fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(patch) => {
            if !target.is_object() {
                *target = json!({});
            }
            for (key, value) in patch {
                if value.is_null() {
                    target[key] = Value::Null;
                } else {
                    merge(&mut target[key], value);
                }
            }
        }
        plain @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => *target = plain,
    }
}

fn show(shared: &Shared, path: &str) -> Option<Value> {
    match path {
        "transfers" => shared.with(|world, now| {
            world.advance(now);
            let record = |found| {
                let progress = crate::world::SimTransfer::progress(found, now);
                json!({"transfer": found, "active": found.is_active(), "progress": progress})
            };
            Some(world.transfers().map(record).collect())
        }),
        "posts" => shared.with(|world, now| {
            world.advance(now);
            let post = |(number, fact)| json!({"number": number, "post": fact});
            Some(world.posts().map(post).collect())
        }),
        "requests" => Some(json!(shared.seen())),
        "faults" => Some(shared.with(|world, _| json!(world.faults_fired()))),
        "options" => Some(shared.with(|world, _| json!(world.options()))),
        "status" => Some(shared.with(
            |world, now| json!({"state": world.agent_state(), "down": world.is_down(), "now": now}),
        )),
        _ => None,
    }
}
