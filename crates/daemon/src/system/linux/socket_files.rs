//! The table of listening sockets from `/proc/net/tcp` and `tcp6`, for kernels and sandboxes without `sock_diag`: gVisor,
//! WSL 1, some Android systems.
//!
//! The files have what a dump has, but for cookies. The kernel gives them in pages, between which sockets open and close,
//! so that one reading may miss a socket. They are read twice; a socket that closed in between is in the table once more.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::{fs, path::Path};

use styxy_core::Port;
use styxy_core::order::Order as _;

use crate::system::ListeningSocket;

const TCP: &str = "/proc/net/tcp";
const TCP6: &str = "/proc/net/tcp6";
/// `TCP_LISTEN`, as the files write it.
const LISTEN: &str = "0A";

/// Every listening TCP socket, by port. Takes some 10 µs for each TCP socket of the machine.
///
/// # Errors
/// A file cannot be read or understood.
pub(super) fn listening() -> io::Result<Vec<ListeningSocket>> {
    in_two_readings(|| read(Path::new(TCP), Path::new(TCP6)))
}

fn in_two_readings(
    mut read: impl FnMut() -> io::Result<Vec<ListeningSocket>>,
) -> io::Result<Vec<ListeningSocket>> {
    let mut sockets = read()?;
    sockets.extend(read()?);
    sockets.order_by_key(|socket| (socket.port, socket.inode));
    sockets.dedup_by_key(|socket| socket.inode);
    Ok(sockets)
}

fn read(tcp: &Path, tcp6: &Path) -> io::Result<Vec<ListeningSocket>> {
    let mut sockets = parse(&fs::read_to_string(tcp)?)?;
    match fs::read_to_string(tcp6) {
        Ok(text) => sockets.extend(parse(&text)?),
        // A kernel without IPv6.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(sockets)
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 12345 …`, below a line of titles.
fn parse(text: &str) -> io::Result<Vec<ListeningSocket>> {
    let broken = || io::Error::new(ErrorKind::InvalidData, "a line of the table of sockets cannot be read");
    let rows = text.lines().skip(1).map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    rows.filter(|words| words.get(3).is_none_or(|state| *state == LISTEN))
        .map(|words| socket(&words).ok_or_else(broken))
        .collect()
}

fn socket(words: &[&str]) -> Option<ListeningSocket> {
    let (address, port) = words.get(1)?.split_once(':')?;
    Some(ListeningSocket {
        port: Port::new(u16::from_str_radix(port, 16).ok()?).ok()?,
        address: parse_address(address)?,
        inode: words.get(9)?.parse().ok()?,
        uid: Some(words.get(7)?.parse().ok()?),
        cookie: 0,
        pid: None,
    })
}

/// One or four words of 32 bits, each as a number of this machine.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn only_sockets_that_listen_are_read_with_their_address_user_and_inode() {
        let text = format!(
            "{TITLES}   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77 1 0 100\n   \
             1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 78 1 0 20 4 30\n   \
             2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0  33 0 79 1\n"
        );
        let found: Vec<_> = parse(&text)
            .unwrap()
            .iter()
            .map(|socket| (socket.address.to_string(), socket.port.get(), socket.uid, socket.inode))
            .collect();
        assert_eq!(
            found,
            [("127.0.0.1".to_owned(), 8080, Some(1000), 77), ("::1".to_owned(), 80, Some(33), 79)]
        );
        assert!(parse(&format!("{TITLES}   0: 0100007F:1F90")).is_err(), "a line that is cut off");
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_socket_that_one_reading_missed_is_in_the_table_once() {
        let socket = |inode| ListeningSocket {
            port: Port::new(80).unwrap(),
            address: Ipv4Addr::LOCALHOST.into(),
            inode,
            uid: Some(0),
            cookie: 0,
            pid: None,
        };
        let mut readings = [vec![socket(1), socket(2)], vec![socket(3), socket(1)]].into_iter();
        let table = in_two_readings(|| Ok(readings.next().unwrap())).unwrap();
        assert_eq!(table, [socket(1), socket(2), socket(3)]);
    }
}
