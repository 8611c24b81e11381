//! Addresses in the job file. An alert's address is a secret: no message quotes it.

use super::names::is_none;
use super::node::{Kind, Node};
use super::problem::{Problem, Spot};
use super::reader::{Read, Reader};
use super::values::{AgentUrl, PublicUrl, SecretUrl, text};
use crate::address::{self, Flaw};

/// The problem at this place.
pub(crate) fn problem(spot: Spot, flaw: Flaw) -> Problem {
    Problem::error(spot, flaw.message).maybe_hint(flaw.hint)
}

/// The problem of a text that is not an address.
fn no_address(text: &str, spot: Spot, flaw: Flaw) -> Problem {
    let problem = problem(spot, flaw);
    if text.is_empty() || is_none(text) { problem.example() } else { problem }
}

impl Read for AgentUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let spot = reader.spot(node);
        if let Kind::Integer(port) = &node.kind {
            reader.tell(
                Problem::error(spot, format!("expected an address, found the number `{port}`"))
                    .hint(format!("write `http://localhost:{port}`")),
            );
            return None;
        }
        let written = text(node, reader, "an address such as `http://localhost:29123`")?;
        match address::of_agent(written) {
            Ok(url) => Some(Self { written: tidy(written), url }),
            Err(flaw) => {
                reader.tell(no_address(written, spot, flaw));
                None
            }
        }
    }
}

impl Read for PublicUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let written = text(node, reader, "an address such as `https://transfers.example.com`")?;
        let spot = reader.spot(node);
        match address::parse(written) {
            Err(flaw) => {
                reader.tell(no_address(written, spot, flaw));
                None
            }
            Ok(url) if address::has_user(&url) || address::has_tail(&url) => {
                reader.tell(
                    Problem::error(
                        spot,
                        "`external_url` is scheme, host, port and path, without a name, `?` or `#`",
                    )
                    .hint("for example `https://transfers.example.com`"),
                );
                None
            }
            Ok(_) => Some(Self(tidy(written))),
        }
    }
}

impl Read for SecretUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let url = text(node, reader, "an address that starts with `https://`")?;
        let spot = reader.spot(node);
        match address::parse(url) {
            Err(flaw) => {
                reader.tell(no_address(url, spot, flaw));
                None
            }
            Ok(_) => Some(Self(url.to_owned())),
        }
    }
}

/// The address as written, with its scheme in lower case and without a slash at its end.
fn tidy(written: &str) -> String {
    let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
    format!("{}://{}", scheme.to_ascii_lowercase(), rest.trim_end_matches('/'))
}
