//! Users of this machine, as `agent.user` names them. Whether a user exists is checked when it
//! matters: a name may come later, from a directory service.

use super::node::{Kind, Node};
use super::problem::{Problem, cut};
use super::reader::{Read, Reader};
use super::values::{User, name};
use crate::settings::UserRef;

/// The largest uid: the one above means "no user" (chown(2)).
pub(crate) const USER_MAX: i64 = u32::MAX as i64 - 1;

/// Bytes of a login name (useradd(8) allows 32; names of a domain are longer).
const LOGIN_BYTES: usize = 256;

impl Read for User {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let spot = reader.spot(node);
        if let Kind::Integer(number) = &node.kind {
            let id = u32::try_from(*number).ok().filter(|id| *id < u32::MAX);
            if id.is_none() {
                let message = format!("`{number}` is not a uid: they go from 0 to {USER_MAX}");
                reader.tell(Problem::error(spot, message));
            }
            return id.map(|id| Self(UserRef::Id(id)));
        }
        let text = name(node, reader, "the name of a user")?;
        let odd = |c: char| matches!(c, ':' | '/' | ',');
        if text.starts_with(['-', ' ']) || text.contains(odd) || text.len() > LOGIN_BYTES {
            let message = format!("`{}` is not a valid user name", cut(text));
            let hint = match text.contains(',') {
                true => "write a list: `user: [alice, bob]`",
                false => "write a login name or a uid: `user: alice`, `user: 1000`",
            };
            reader.tell(Problem::error(spot, message).hint(hint));
            return None;
        }
        Some(Self(UserRef::Name(text.to_owned())))
    }
}
