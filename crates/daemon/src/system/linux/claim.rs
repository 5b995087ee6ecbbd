//! A name that one process of this network namespace can have, whatever happens to files.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A name that this process has until it ends or drops it. One descriptor.
#[derive(Debug)]
pub struct Claim {
    /// Bound to the abstract name, and never read: nobody can send to it anything that counts.
    _name: UnixDatagram,
}

impl Claim {
    /// Claims `name`; none if another process has it.
    ///
    /// # Errors
    /// No descriptor is left, or a sandbox refuses such names.
    pub fn to(name: &str) -> io::Result<Option<Self>> {
        match UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name)?) {
            Ok(socket) => Ok(Some(Self { _name: socket })),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_owners_until_it_is_dropped() {
        let name = format!("styxy-test-{}", std::process::id());
        let claim = Claim::to(&name).unwrap().expect("nobody has it");
        assert!(Claim::to(&name).unwrap().is_none());
        drop(claim);
        assert!(Claim::to(&name).unwrap().is_some());
    }
}
