//! A bare HTTP client: one request, one connection, as little as HTTP/1.1 needs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::failure::{Failure, failed};
use crate::limits::ANSWER;

/// Asks for a document of the agent's books.
pub(crate) fn get(address: &str, path: &str) -> Result<Value, Failure> {
    Ok(serde_json::from_str(&exchange(address, "GET", path, "")?)?)
}

/// Steers the agent.
pub(crate) fn post(address: &str, path: &str, body: &str) -> Result<(), Failure> {
    exchange(address, "POST", path, body).map(drop)
}

fn exchange(address: &str, method: &str, path: &str, body: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => failed(format!("{method} {path}: {}", answer.lines().next().unwrap_or("no answer"))),
    }
}
