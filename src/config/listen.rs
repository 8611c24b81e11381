//! `listen`: an address and a port, other than the agent's. Names are not looked up, so that a valid
//! file stays valid.

use std::net::Ipv4Addr;

use super::node::{Kind, Node};
use super::problem::{Problem, cut};
use super::raw::RawAgent;
use super::reader::{Found, Read, Reader};
use super::values::{Listen, text};
use crate::address;
use crate::settings::AgentConnection;

impl Read for Listen {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let spot = reader.spot(node);
        if let Kind::Integer(port) = &node.kind {
            reader.tell(
                Problem::error(spot, format!("expected an address and a port, found `{port}`"))
                    .hint(format!("write `127.0.0.1:{port}`")),
            );
            return None;
        }
        let text = text(node, reader, "an address and a port")?;
        if let Ok(address) = text.parse() {
            return Some(Self(address));
        }
        let hint = match text.rsplit_once(':') {
            _ if text.starts_with("unix:") || text.starts_with('/') => {
                "it is reached over TCP alone: write an address and a port such as \
                 `127.0.0.1:29180`"
                    .to_owned()
            }
            _ if text.contains("://") => {
                let address = text.split_once("://").map_or("", |(_, rest)| rest);
                match address.trim_end_matches('/').parse::<std::net::SocketAddr>() {
                    Ok(address) => format!("write the address and the port alone: `{address}`"),
                    Err(_) => "write the address and the port alone: `127.0.0.1:29180`".to_owned(),
                }
            }
            Some((address, port))
                if port.parse::<u16>().is_err()
                    && address.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() =>
            {
                "a port is a number from 1 to 65535".to_owned()
            }
            Some(("localhost", port)) => format!("write `127.0.0.1:{port}`"),
            Some(("" | "*", port)) => {
                format!("write `127.0.0.1:{port}`, or `0.0.0.0:{port}` for the whole network")
            }
            Some(_) => "names are not looked up: write an address such as `127.0.0.1:29180`, \
                        or `[::1]:29180`"
                .to_owned(),
            None if text.parse::<Ipv4Addr>().is_ok() => {
                format!("write the port too: `{text}:29180`")
            }
            None => {
                "write an address and a port such as `127.0.0.1:29180`, or leave the key out to \
                     listen nowhere"
                    .to_owned()
            }
        };
        let message = format!("`{}` is not an address and port", cut(text));
        reader.tell(Problem::error(spot, message).hint(hint));
        None
    }
}

/// The problem that a daemon which listens there would keep the agent from starting, and take its
/// place: it would send the token to itself.
pub(crate) fn at_the_agents(
    listen: &Found<Listen>,
    agent: Option<&Found<RawAgent>>,
) -> Option<Problem> {
    let url = agent.and_then(|agent| agent.value.url.as_ref());
    let meant = match url {
        Some(url) => url.value.url.clone(),
        None => address::of_agent(&AgentConnection::default().url).ok()?,
    };
    address::takes_from(listen.value.0, &meant).then(|| {
        let problem = Problem::error(listen.at, "this is where the agent listens")
            .hint("write another port, for example `127.0.0.1:29180`");
        match url {
            Some(url) => problem.see(url.at, "the agent's address"),
            None => problem,
        }
    })
}
