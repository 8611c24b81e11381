//! The kernel's tables of connections (proc_pid_net(5)), for a system that can't be asked about one
//! connection. The kernel walks all connections of the machine for them, which takes milliseconds.

use std::fs;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Ends;
use crate::agent::limits::SOCKET_TABLE_MAX;

/// The user who holds the other end of a connection: who has accepted it, else who listens there.
/// None where the tables don't tell.
pub(super) fn holder(ends: &Ends) -> Option<u32> {
    let tables: Vec<String> = ["tcp", "tcp6"].iter().filter_map(|name| table(name).ok()).collect();
    holder_in(&tables, ends)
}

fn table(name: &str) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(format!("/proc/self/net/{name}"))?;
    file.take(SOCKET_TABLE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A socket of the tables.
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    listens: bool,
    uid: u32,
    inode: u64,
}

fn holder_in(tables: &[String], ends: &Ends) -> Option<u32> {
    let at = ends.theirs;
    // A busy machine has thousands of rows, nearly all of them about other ports.
    let port = format!(":{:04X}", at.port());
    let about = |line: &&str| {
        line.split_ascii_whitespace().nth(1).is_some_and(|address| address.ends_with(&port))
    };
    let rows: Vec<Row> = tables
        .iter()
        .flat_map(|table| table.lines())
        .filter(about)
        .filter_map(row)
        // Sockets that no process has any more hold nothing.
        .filter(|row| row.inode != 0)
        .collect();
    let accepted = |row: &&Row| !row.listens && row.local == at && row.remote == ends.ours;
    let listens_here = |row: &&Row| row.listens && row.local == at;
    let listens_anywhere = |row: &&Row| row.listens && row.local.ip().is_unspecified();
    let found = rows.iter().find(accepted);
    let found = found.or_else(|| rows.iter().find(listens_here));
    found.or_else(|| rows.iter().find(listens_anywhere)).map(|row| row.uid)
}

fn row(line: &str) -> Option<Row> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let [_, local, remote, state, _, _, _, uid, _, inode] = fields.as_slice() else { return None };
    Some(Row {
        local: address(local)?,
        remote: address(remote)?,
        listens: *state == LISTEN,
        uid: uid.parse().ok()?,
        inode: inode.parse().ok()?,
    })
}

/// `0100007F:71C3`: words of four bytes in the machine's own order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index * 8)?);
            }
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    #[cfg(target_endian = "little")]
    #[test]
    fn the_one_who_has_accepted_our_connection_holds_it_else_the_one_who_listens() {
        const LISTEN: &str = "0: 0100007F:71C3 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534 0 4242 1 0 100 0 0 10 0";
        const ACCEPTED: &str = "1: 0100007F:71C3 0100007F:C452 01 00000000:00000000 00:00000000 00000000 1000 0 4243 1 0 20 4 30 10 -1";
        const UNACCEPTED: &str = "1: 0100007F:71C3 0100007F:C452 01 00000000:00000000 00:00000000 00000000 0 0 0 1 0 20 4 30 10 -1";
        const ANOTHER: &str = "1: 0100007F:71C3 0100007F:C453 01 00000000:00000000 00:00000000 00000000 1001 0 4244 1 0 20 4 30 10 -1";
        const OURS: &str = "2: 0100007F:C452 0100007F:71C3 01 00000000:00000000 00:00000000 00000000 77 0 4250 1 0 20 4 30 10 -1";
        let holder = |rows: &[&str], port: u16| {
            let at = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
            let ends = Ends { theirs: at(port), ours: at(0xC452) };
            holder_in(&[HEAD.to_owned() + &rows.join("\n")], &ends)
        };
        const THEIRS: u16 = 29_123;
        assert_eq!(holder(&[LISTEN, ACCEPTED, OURS], THEIRS), Some(1000));
        assert_eq!(holder(&[ACCEPTED, OURS], THEIRS), Some(1000), "it listens no more");
        assert_eq!(holder(&[LISTEN, UNACCEPTED, OURS], THEIRS), Some(65534));
        assert_eq!(holder(&[LISTEN, ANOTHER, OURS], THEIRS), Some(65534), "another connection");
        assert_eq!(holder(&[LISTEN], THEIRS + 1), None);
        assert_eq!(holder(&[OURS], THEIRS), None);
        // One that listens on all addresses, in the other table.
        const ALL: &str = "0: 00000000000000000000000000000000:71C3 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 1001 0 4244 1 0 100 0 0 10 0";
        assert_eq!(holder(&[ALL], THEIRS), Some(1001));
        assert_eq!(holder(&[ALL, LISTEN], THEIRS), Some(65534));
        const MAPPED: &str = "1: 0000000000000000FFFF00000100007F:71C3 0000000000000000FFFF00000100007F:C452 01 00000000:00000000 00:00000000 00000000 1002 0 4245 1 0 20 4 30 10 -1";
        assert_eq!(holder(&[ALL, MAPPED, OURS], THEIRS), Some(1002));
    }
}
