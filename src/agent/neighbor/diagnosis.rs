//! Asks the kernel about the two ends of one connection: sock_diag(7), which finds a socket by its
//! addresses without a walk through all connections of the machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use super::Ends;

/// An answer about one socket has some 100 bytes, or repeats the question in an error.
const ANSWER_MAX: usize = 1024;

/// The user who holds the other end of a connection: who has accepted it, else who listens there.
///
/// # Errors
/// The kernel can't be asked.
pub(super) fn holder(ends: &Ends) -> io::Result<Option<u32>> {
    let socket = question_socket()?;
    if let Some(uid) = owner(&socket, ends.theirs, ends.ours)? {
        return Ok(Some(uid));
    }
    // Nobody has accepted it yet. No connection comes from port 0: that finds who listens.
    let nobody: IpAddr = match ends.theirs {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    owner(&socket, ends.theirs, SocketAddr::new(nobody, 0))
}

fn question_socket() -> io::Result<OwnedFd> {
    // The answer is there once the question is sent: nothing is waited for.
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let protocol = Some(netlink::SOCK_DIAG);
    Ok(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?)
}

/// The user of the socket between two addresses, else of the one that listens at the first of them.
/// None if there is none, or no process has it.
fn owner(socket: &OwnedFd, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    send(socket, &question(local, remote), SendFlags::empty())?;
    let mut answer = [0; ANSWER_MAX];
    let (length, _) = recv(socket, &mut answer[..], RecvFlags::empty())?;
    let answer = answer.get(..length).unwrap_or_default();
    let answer =
        NetlinkMessage::<SockDiagMessage>::deserialize(answer).map_err(io::Error::other)?;
    match answer.payload {
        NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => {
            Ok((found.header.inode != 0).then_some(found.header.uid))
        }
        NetlinkPayload::Error(error) => match error.to_io() {
            error if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(None),
            error => Err(error),
        },
        other => Err(io::Error::other(format!("not an answer about a socket: {other:?}"))),
    }
}

fn question(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    /// "Any": the addresses alone name the socket.
    const NO_COOKIE: [u8; 8] = [0xff; 8];
    let request = InetRequest {
        family: if local.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id: SocketId {
            source_port: local.port(),
            destination_port: remote.port(),
            source_address: local.ip(),
            destination_address: remote.ip(),
            interface_id: 0,
            cookie: NO_COOKIE,
        },
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}
