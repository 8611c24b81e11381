//! The Click API's routes, matched without regard to case, and answers in its error model.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Query, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{HistoryPage, ListQuery, Notice, Outcome, ProblemCode, Reply, World};
use transferd_engine::ids::{AccountId, TransferId};

use super::connection::Kill;
use super::shared::Shared;
use super::{admin, dates, notifications, wire};

/// The largest body that is read.
const BODY_MAX: usize = 1 << 20;

/// Query parameters with their names in lower case.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    fn of(uri: &axum::http::Uri) -> Self {
        let pairs: Vec<(String, String)> =
            Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        Self(pairs.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect())
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn parsed<T: std::str::FromStr>(&self, key: &str, default: T) -> T {
        self.0.get(key).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}

/// Handles every request.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(kill): ConnectInfo<Kill>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_lowercase();
    let method = parts.method.as_str().to_owned();
    if let Some(admin_path) = path.strip_prefix("/_sim/") {
        let body = axum::body::to_bytes(body, BODY_MAX).await.unwrap_or_default();
        return admin::handle(&shared, &method, admin_path, &body);
    }
    shared.saw(&method, &path);
    if path == "/notification" {
        return match WebSocketUpgrade::from_request_parts(&mut parts, &shared).await {
            Ok(upgrade) => {
                // Subscribed now, so that nothing between the answer and the upgrade is missed.
                let frames = shared.frames.subscribe();
                upgrade.on_upgrade(move |socket| notifications::tell(shared, frames, socket))
            }
            Err(rejection) => rejection.into_response(),
        };
    }
    let parameters = Parameters::of(&parts.uri);
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let route = format!("{method} {path}");
    let origin = parts.headers.get("x-app-origin").and_then(|value| value.to_str().ok());
    let origin = origin.unwrap_or_default().to_owned();
    let notice = Notice::App { address: path, method, origin };
    let Some(reply) = route_to_world(&shared, &route, &parameters, &body, &notice) else {
        return (StatusCode::NOT_FOUND, headers(&shared)).into_response();
    };
    if !route.starts_with("GET ") && route != QUEUES && matches!(reply.outcome, Outcome::Answer(_))
    {
        shared.with(|world, _| world.tell(notice));
    }
    if reply.after.is_positive() {
        tokio::time::sleep(reply.after.unsigned_abs()).await;
    }
    render(&shared, &kill, reply.outcome).await
}

/// The route that queues a transfer.
const QUEUES: &str = "POST /transfer/transfer";

/// Asks the world. `None`: there is no such route. `notice` is called with a transfer that is
/// queued, whatever happens to the answer.
fn route_to_world(
    shared: &Shared,
    route: &str,
    parameters: &Parameters,
    body: &Bytes,
    notice: &Notice,
) -> Option<Reply<Value>> {
    let token = parameters.text("token");
    let reply = match route {
        "GET /management/agent_status" => shared.with(|world, now| {
            let known = !world.options().variants.no_status;
            let reply = world.agent_status(now);
            known.then(|| map(reply, |state| json!(wire::agent_number(state))))
        })?,
        "GET /management/check_update" => shared.with(|world, now| {
            let reply = world.check_update(now);
            map(reply, |version| cased(world, wire::versions(version)))
        }),
        "POST /management/command/0" => {
            shared.with_durably(|world, now| map(world.start(token, now), |()| Value::Null))
        }
        "GET /transfer/get_all" => shared.with(|world, now| {
            let plain = ListQuery::default();
            let query = ListQuery {
                page: parameters.parsed("page", plain.page),
                page_size: parameters.parsed("pagesize", plain.page_size),
                descending: parameters.text("descending").to_lowercase() != "false",
                types: parameters.parsed("type", plain.types),
            };
            let reply = world.get_all(token, query, now);
            map(reply, |page| cased(world, wire::page(world, &page, query, now)))
        }),
        "GET /transferhistory/get_all" => shared.with(|world, now| {
            let query = HistoryPage {
                page: parameters.parsed("page", 1),
                page_size: parameters.parsed("pagesize", 50),
                status: parameters.parsed("status", 0),
            };
            let known = !world.options().variants.no_history;
            known.then(|| {
                let reply = world.history(token, query, now);
                map(reply, |page| cased(world, wire::history(world, &page)))
            })
        })?,
        QUEUES => {
            let request = wire::Fields::of(body).and_then(|fields| fields.transfer_request());
            match request {
                Some(request) => shared.with_durably(|world, now| {
                    let result = world.post_transfer(token, &request, now);
                    if world.post(result.number).is_some_and(|fact| fact.transfer.is_some()) {
                        world.tell(notice.clone());
                    }
                    map(result.reply, |()| Value::Null)
                }),
                None => unreadable(),
            }
        }
        "POST /transfer/cancel_transfer" => {
            match wire::Fields::of(body).and_then(|fields| fields.uuid("id")) {
                Some(id) => shared.with_durably(|world, now| {
                    map(world.cancel(token, TransferId(id), now), |()| Value::Null)
                }),
                None => unreadable(),
            }
        }
        "GET /authentication/user" => shared.with(|world, now| {
            map(world.user(token, now), |user| cased(world, wire::profile(world, &user)))
        }),
        "GET /cloud/accounts" => shared.with(|world, now| {
            let reply = world.accounts(token, now);
            map(reply, |all| cased(world, all.iter().map(wire::cloud_account).collect()))
        }),
        "GET /cloud/account" => {
            let id = AccountId(parameters.parsed("id", Uuid::nil()));
            shared.with(|world, now| {
                let reply = world.account(token, id, now);
                map(reply, |account| cased(world, wire::cloud_account(&account)))
            })
        }
        "POST /cloud/list_buckets" => {
            let id = wire::Fields::of(body).and_then(|fields| fields.uuid("id"));
            shared.with(|world, now| {
                let reply = world.buckets(token, AccountId(id.unwrap_or_default()), now);
                let variants = world.options().variants;
                map(reply, |names| cased(world, wire::buckets(&names, now, &variants)))
            })
        }
        "POST /cloud/list_objects" => {
            match wire::Fields::of(body).and_then(|fields| fields.objects_query()) {
                Some((id, query)) => shared.with(|world, now| {
                    let reply = world.objects(token, id, &query, now);
                    let variants = world.options().variants;
                    map(reply, |page| cased(world, wire::objects(&page, now, &variants)))
                }),
                None => unreadable(),
            }
        }
        _ => return route_to_sign_in(shared, route, parameters, body),
    };
    Some(reply)
}

/// The routes about users and tokens.
fn route_to_sign_in(
    shared: &Shared,
    route: &str,
    parameters: &Parameters,
    body: &Bytes,
) -> Option<Reply<Value>> {
    let token = parameters.text("token");
    let Some(fields) = wire::Fields::of(if body.is_empty() { b"{}" } else { body }) else {
        return Some(unreadable());
    };
    let reply = match route {
        "POST /authentication/login" => shared.with_durably(|world, now| {
            let kind = fields.number("type").and_then(|number| u32::try_from(number).ok());
            let (name, password) = (fields.text("username"), fields.text("password"));
            let reply = world.login(&name, &password, kind.unwrap_or(0), now);
            map(reply, |answer| cased(world, wire::login(&answer)))
        }),
        "POST /authentication/mfa_respond" => shared.with_durably(|world, now| {
            let reply = world.mfa_respond(&fields.text("usercode"), &fields.text("session"), now);
            map(reply, |answer| cased(world, wire::login(&answer)))
        }),
        "POST /authentication/logout" => shared.with_durably(|world, now| {
            map(world.logout(&fields.text("jwttoken"), now), |()| Value::Null)
        }),
        "POST /apitoken/insert" => shared.with_durably(|world, now| {
            let expires_at = fields.text("expirationdate").parse().ok();
            let reply = world.insert_api_token(token, &fields.text("title"), expires_at, now);
            let variants = world.options().variants;
            map(reply, |minted| cased(world, wire::api_token(&minted, &variants)))
        }),
        "GET /apitoken/get_all" => shared.with(|world, now| {
            let reply = world.api_tokens(token, now);
            let variants = world.options().variants;
            let render = |token: &_| wire::api_token(token, &variants);
            map(reply, |all| cased(world, all.iter().map(render).collect()))
        }),
        "DELETE /apitoken/delete" => {
            let id = parameters.parsed("id", Uuid::nil());
            shared.with_durably(|world, now| {
                map(world.delete_api_token(token, id, now), |()| Value::Null)
            })
        }
        _ => return None,
    };
    Some(reply)
}

fn map<T>(reply: Reply<T>, change: impl FnOnce(T) -> Value) -> Reply<Value> {
    Reply { after: reply.after, outcome: reply.outcome.map(change) }
}

/// A body that can't be read is an application error: 400 is not used.
fn unreadable() -> Reply<Value> {
    let outcome = Outcome::Problem(ProblemCode::Default);
    Reply { after: jiff::SignedDuration::ZERO, outcome }
}

fn cased(world: &World, value: Value) -> Value {
    if world.options().variants.pascal_case { wire::pascal_case(value) } else { value }
}

/// The headers of every answer: the agent's own idea of the time.
fn headers(shared: &Shared) -> HeaderMap {
    let date = shared.with(|world, now| {
        let known = !world.options().variants.no_date_header;
        known.then(|| agent_date(world, now))
    });
    // Without it the HTTP library would add the machine's own.
    let date = date.unwrap_or_else(|| "unknown".to_owned());
    let mut headers = HeaderMap::new();
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.insert(header::DATE, date);
    }
    headers
}

fn agent_date(world: &World, now: Timestamp) -> String {
    dates::http_date(world.agent_time(now))
}

async fn render(shared: &Shared, kill: &Kill, outcome: Outcome<Value>) -> Response {
    let headers = headers(shared);
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    match outcome {
        Outcome::Answer(Value::Null) => (StatusCode::OK, headers).into_response(),
        Outcome::Answer(value) => (headers, json, value.to_string()).into_response(),
        Outcome::Unauthorized => (StatusCode::UNAUTHORIZED, headers).into_response(),
        Outcome::Problem(code) => problem(code, headers),
        Outcome::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, headers).into_response(),
        Outcome::Dropped | Outcome::NotReached => {
            kill.now();
            StatusCode::OK.into_response()
        }
        Outcome::Stalled => std::future::pending().await,
        Outcome::Malformed => {
            (headers, json, r#"{"data":[{"id":"6f1c2f0e-"#.to_owned()).into_response()
        }
        Outcome::Oversized => {
            let chunk = || Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b' '; 65_536]));
            let body = Body::from_stream(futures_util::stream::repeat_with(chunk));
            (headers, json, body).into_response()
        }
        Outcome::Redirected => {
            let location = format!("{}/elsewhere", shared.url);
            (StatusCode::FOUND, headers, [(header::LOCATION, location)]).into_response()
        }
    }
}

fn problem(code: ProblemCode, mut headers: HeaderMap) -> Response {
    let status = StatusCode::from_u16(499).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    headers.insert("error-code", HeaderValue::from_static(code.as_str()));
    let body = json!({
        "type": code.as_str(),
        "title": "One or more validation errors occurred.",
        "status": 499,
        "errors": {code.as_str(): [code.words()]},
    });
    let json = [(header::CONTENT_TYPE, "application/problem+json; charset=utf-8")];
    (status, headers, json, body.to_string()).into_response()
}
