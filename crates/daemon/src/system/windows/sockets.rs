//! The table of listening TCP sockets, as the system keeps it.
//!
//! A socket counts whatever is known of its process: one that was left out would make its port look free.
#![expect(unsafe_code, reason = "the system's table of sockets has no safe wrapper that keeps all of it")]

use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use styxy_core::Pid;
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

/// How many times the table may grow between the question for its size and that for itself.
const TRIES: usize = 8;

/// Every listening TCP socket with its process. The process is none where the system does not name it.
///
/// # Errors
/// The system's refusal.
pub(in crate::system) fn listening() -> io::Result<Vec<(SocketAddr, Option<Pid>)>> {
    let v4 = rows::<MIB_TCPROW_OWNER_PID>()?.into_iter().map(|row| {
        // The bytes of the address in memory are in the order in which they are written.
        let address = Ipv4Addr::from(row.dwLocalAddr.to_ne_bytes());
        (SocketAddr::from((address, port(row.dwLocalPort))), Pid::new(row.dwOwningPid))
    });
    let v6 = rows::<MIB_TCP6ROW_OWNER_PID>()?.into_iter().map(|row| {
        let address = Ipv6Addr::from(row.ucLocalAddr);
        // Only a link-local address is another one on another interface; Wine gives `::1` a number too.
        let scope = if address.is_unicast_link_local() { row.dwLocalScopeId } else { 0 };
        let socket = SocketAddrV6::new(address, port(row.dwLocalPort), 0, scope);
        (SocketAddr::from(socket), Pid::new(row.dwOwningPid))
    });
    Ok(v4.chain(v6).collect())
}

/// The port in a field of a row: the first two of its bytes in memory, the higher one first. The others may hold anything.
fn port(field: u32) -> u16 {
    let [high, low, ..] = field.to_ne_bytes();
    u16::from_be_bytes([high, low])
}

/// A row of one of the tables.
///
/// # Safety
/// It is what the table for `FAMILY` has behind its count of rows, aligned to four bytes, and any bytes are one.
unsafe trait Row: Copy {
    const FAMILY: u16;
}
// SAFETY: `MIB_TCPTABLE_OWNER_PID` has an array of them; they are numbers of four bytes.
unsafe impl Row for MIB_TCPROW_OWNER_PID {
    const FAMILY: u16 = AF_INET;
}
// SAFETY: `MIB_TCP6TABLE_OWNER_PID` has an array of them; they are bytes, and numbers of four bytes.
unsafe impl Row for MIB_TCP6ROW_OWNER_PID {
    const FAMILY: u16 = AF_INET6;
}

fn rows<R: Row>() -> io::Result<Vec<R>> {
    let mut table: Vec<u32> = Vec::new();
    for _ in 0..TRIES {
        let mut bytes = u32::try_from(table.len() * size_of::<u32>()).map_err(io::Error::other)?;
        // SAFETY: `bytes` bytes of the table are writable, and aligned as the rows are.
        let code = unsafe {
            GetExtendedTcpTable(
                table.as_mut_ptr().cast(),
                &raw mut bytes,
                0,
                R::FAMILY.into(),
                TCP_TABLE_OWNER_PID_LISTENER,
                0,
            )
        };
        match code {
            NO_ERROR => return Ok(read(&table)),
            // A few rows more than the system asks for: others may begin to listen before the next try.
            ERROR_INSUFFICIENT_BUFFER => table.resize(bytes as usize / size_of::<u32>() + 256, 0),
            other => return Err(io::Error::from_raw_os_error(other.cast_signed())),
        }
    }
    Err(io::Error::other("the table of sockets grows faster than it is read"))
}

/// The rows behind the count that the table begins with.
fn read<R: Row>(table: &[u32]) -> Vec<R> {
    let Some((count, rows)) = table.split_first() else { return Vec::new() };
    let count = (*count as usize).min(size_of_val(rows) / size_of::<R>());
    // SAFETY: so many rows lie in `rows`, which is aligned to four bytes; any bytes are a row.
    unsafe { std::slice::from_raw_parts(rows.as_ptr().cast::<R>(), count) }.to_vec()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_in_the_table_on_whatever_address() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let local = listener.local_addr().unwrap();
            let found: Vec<SocketAddr> = listening().unwrap().into_iter().map(|(found, _)| found).collect();
            assert!(found.contains(&local), "{local}: {found:?}");
        }
    }

    #[test]
    fn the_table_names_the_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Wine names the processes that have changed a socket themselves; Windows names all of them.
        listener.set_ttl(64).unwrap();
        let local = listener.local_addr().unwrap();
        let found = listening().unwrap().into_iter().find(|(found, _)| *found == local).unwrap();
        assert_eq!(found.1.map(Pid::get), Some(std::process::id()));
    }

    #[test]
    fn upper_bytes_of_a_port_count_for_nothing() {
        assert_eq!(port(u32::from_ne_bytes([0x0b, 0xb8, 0xff, 0xff])), 3000);
    }
}
