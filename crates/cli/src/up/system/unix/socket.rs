//! The keeper's socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use styxy_core::layout::Layout;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

/// After a refusal of the system, the next try comes this late.
const AGAIN: Duration = Duration::from_millis(100);

pub(in crate::up) type FromClient = OwnedReadHalf;
pub(in crate::up) type ToClient = OwnedWriteHalf;
pub(in crate::up) type FromKeeper = OwnedReadHalf;
pub(in crate::up) type ToKeeper = OwnedWriteHalf;

/// Where the keeper of the worktree at `root` listens.
pub(in crate::up) fn address(layout: &Layout, root: &Path) -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let runtime = styxy_core::layout::runtime_folder(|name| std::env::var_os(name), uid);
    layout.stack_socket(root, &runtime)
}

/// Both directions to the keeper; none if nobody listens.
///
/// # Errors
/// The socket cannot be used.
pub(in crate::up) async fn connect(address: &Path) -> io::Result<Option<(FromKeeper, ToKeeper)>> {
    match UnixStream::connect(address).await {
        Ok(stream) => Ok(Some(stream.into_split())),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// What the keeper listens on.
pub(in crate::up) struct Listener(UnixListener);

impl Listener {
    /// A socket that is there is an earlier keeper's: whoever calls this has the lock.
    ///
    /// # Errors
    /// The folder has no room for a socket, or its path is too long.
    pub(in crate::up) fn open(address: &Path) -> io::Result<Self> {
        if let Some(folder) = address.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match std::fs::remove_file(address) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        UnixListener::bind(address).map(Self)
    }

    /// The next client, which is this user's.
    pub(in crate::up) async fn client(&mut self) -> (FromClient, ToClient) {
        loop {
            match self.0.accept().await {
                Ok((stream, _)) if is_ours(&stream) => return stream.into_split(),
                Ok(_) => {}
                // No descriptor is left: others may be given back.
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// Nobody finds the socket any more.
pub(in crate::up) fn close(address: &Path) {
    let _ = std::fs::remove_file(address);
}
