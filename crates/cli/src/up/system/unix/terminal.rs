//! A terminal of a service's own, for one whose keys somebody uses. It needs the keeper, which writes what is printed there into
//! the log: the service ends with it (R132).

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::pty::{OpenptFlags, grantpt, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How large a terminal is before anybody says it.
const USUAL: (u16, u16) = (24, 80);

/// The keeper's end of a service's terminal.
pub(in crate::up) struct Terminal {
    keys: File,
}

impl Terminal {
    /// Makes one, and the service's end of it; what is printed there goes into `log`.
    ///
    /// # Errors
    /// There is no terminal left, or no room for a thread.
    pub(super) fn open(log: &File) -> io::Result<(Self, OwnedFd)> {
        let ours = own_end()?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let end = other_end(&ours)?;
        // For both directions: whoever types must not wait for a service that does not read.
        rustix::io::ioctl_fionbio(&ours, true)?;
        let keys = File::from(ours);
        resize(&keys, USUAL.0, USUAL.1);
        let (mut printed, mut log) = (keys.try_clone()?, log.try_clone()?);
        thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            let mut room = [0; 8192];
            loop {
                match printed.read(&mut room) {
                    Ok(count) if count > 0 => {
                        // A full disk loses what is printed now, and not the service.
                        let _ = log.write_all(&room[..count]);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        let mut prints = [PollFd::new(&printed, PollFlags::IN)];
                        // A signal ends the wait too, and the next look begins it again.
                        let _ = poll(&mut prints, None);
                    }
                    // Nobody holds the other end any more.
                    Ok(_) | Err(_) => return,
                }
            }
        })?;
        Ok((Self { keys }, end))
    }

    /// Types `bytes`. A service that does not read them loses those that find no room.
    pub(in crate::up) fn type_in(&mut self, bytes: &[u8]) {
        let _ = self.keys.write_all(bytes);
    }

    pub(in crate::up) fn resize(&self, rows: u16, columns: u16) {
        resize(&self.keys, rows, columns);
    }
}

fn resize(terminal: &File, rows: u16, columns: u16) {
    // A program that is not told draws for another size.
    let _ = tcsetwinsize(terminal, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 });
}

#[cfg(target_os = "linux")]
const FLAGS: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY).union(OpenptFlags::CLOEXEC);

#[cfg(target_os = "linux")]
fn own_end() -> io::Result<OwnedFd> {
    Ok(openpt(FLAGS)?)
}

#[cfg(target_os = "linux")]
fn other_end(ours: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::pty::ioctl_tiocgptpeer(ours, FLAGS)?)
}

/// `posix_openpt` takes no `O_CLOEXEC` here. Only this thread starts services.
#[cfg(not(target_os = "linux"))]
fn own_end() -> io::Result<OwnedFd> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
    Ok(ours)
}

#[cfg(not(target_os = "linux"))]
fn other_end(ours: &OwnedFd) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open};
    let name = rustix::pty::ptsname(ours, Vec::new())?;
    Ok(open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?)
}
