//! The keeper's named pipe, which only this user can open.

use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use styxy_client::process::is_own_pipe;
use styxy_core::layout::Layout;
use styxy_daemon::system::PipeListener;
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer};
use tokio::time::{Instant, sleep};
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;
use windows_sys::Win32::Storage::FileSystem::SECURITY_ANONYMOUS;

/// How long all instances of the pipe may be taken, or an earlier keeper's may be there.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(5);

pub(in crate::up) type FromClient = ReadHalf<NamedPipeServer>;
pub(in crate::up) type ToClient = WriteHalf<NamedPipeServer>;
pub(in crate::up) type FromKeeper = ReadHalf<NamedPipeClient>;
pub(in crate::up) type ToKeeper = WriteHalf<NamedPipeClient>;

/// Where the keeper of the worktree at `root` listens.
pub(in crate::up) fn address(layout: &Layout, root: &Path) -> PathBuf {
    layout.stack_pipe(root).into()
}

/// Both directions to the keeper; none if nobody listens.
///
/// # Errors
/// The pipe cannot be used, or another user has made it.
pub(in crate::up) async fn connect(address: &Path) -> io::Result<Option<(FromKeeper, ToKeeper)>> {
    let busy = i32::try_from(ERROR_PIPE_BUSY).ok();
    let deadline = Instant::now() + PATIENCE;
    let mut options = ClientOptions::new();
    // Whoever serves it learns nothing of this user.
    options.security_qos_flags(SECURITY_ANONYMOUS);
    loop {
        match options.open(address) {
            Ok(pipe) => {
                // Its name can be foreseen, and whoever makes it first has it.
                return if is_own_pipe(&File::from(pipe.as_handle().try_clone_to_owned()?))? {
                    Ok(Some(split(pipe)))
                } else {
                    Err(foreign(address))
                };
            }
            Err(error) if error.raw_os_error() == busy && Instant::now() < deadline => sleep(AGAIN).await,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(foreign(address)),
            Err(error) => return Err(error),
        }
    }
}

fn foreign(address: &Path) -> io::Error {
    let said = format!("the pipe {} is another user's", address.display());
    io::Error::new(io::ErrorKind::PermissionDenied, said)
}

/// What the keeper listens on.
pub(in crate::up) struct Listener(PipeListener);

impl Listener {
    /// A pipe that is there is an earlier keeper's, which ends: whoever calls this has the lock.
    ///
    /// # Errors
    /// The pipe is another user's, or the earlier keeper does not end.
    pub(in crate::up) fn open(address: &Path) -> io::Result<Self> {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            match PipeListener::bind(&address.to_string_lossy()) {
                Err(error)
                    if error.kind() == io::ErrorKind::PermissionDenied
                        && std::time::Instant::now() < deadline =>
                {
                    std::thread::sleep(AGAIN);
                }
                made => return made.map(Self),
            }
        }
    }

    /// The next client, which is this user's.
    pub(in crate::up) async fn client(&mut self) -> (FromClient, ToClient) {
        split(self.0.client().await)
    }
}

/// The pipe goes with the process.
pub(in crate::up) const fn close(_: &Path) {}
