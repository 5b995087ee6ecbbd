//! `guard.sock`: one record, one answer. A client that connects and says nothing keeps nobody waiting.

use std::collections::VecDeque;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen,
    recv, send, socket_with,
};
use styxy_core::guard::record;

use super::judge::Judge;
use crate::files::{self, FileId};
use crate::system::{self, LocalPeer};

/// How many programs may wait to be accepted; more wait in the kernel.
const BACKLOG: i32 = 256;
/// How long nobody is accepted after there was no descriptor for it: the socket stays ready, so that the thread would spin.
const FULL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// How often the socket is looked for while nobody asks: a cleaner of old files may have removed its name.
const LOOK: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// The guard, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Running {
    /// Its other end tells the thread to end.
    _alive: UnixStream,
    socket: Socket,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.socket.is_in_place() {
            let _ = files::remove(&self.socket.path);
        }
    }
}

/// The name of a socket, and which one it is.
#[derive(Debug, Clone)]
struct Socket {
    path: PathBuf,
    id: FileId,
}

impl Socket {
    fn is_in_place(&self) -> bool {
        FileId::at(&self.path).is_ok_and(|found| found == self.id)
    }
}

/// Answers at `path` on a thread of its own, and hears `most` programs at once.
///
/// # Errors
/// The path cannot be listened on, or there is no thread.
pub(super) fn start(mut judge: Judge, path: &Path, most: usize) -> io::Result<Running> {
    let (alive, ended) = UnixStream::pair()?;
    let (mut listener, mut socket) = open(path)?;
    let first = socket.clone();
    let serve = move || {
        let mut heard = Heard { clients: VecDeque::new(), most };
        let mut room = Room::Left;
        loop {
            match wait(&ended, &listener, &heard, room) {
                Wait::Ended => return,
                Wait::Nothing => {
                    if !socket.is_in_place()
                        && let Ok(new) = open(&socket.path)
                    {
                        (listener, socket) = new;
                    }
                    room = Room::Left;
                }
                Wait::Some => {
                    heard.answer(&mut judge);
                    room = accept_all(&listener, &mut heard, &mut judge);
                }
            }
        }
    };
    std::thread::Builder::new().name("guard".into()).spawn(serve)?;
    Ok(Running { _alive: alive, socket: first })
}

/// A socket of this user's alone, which replaces what a daemon left behind.
fn open(path: &Path) -> io::Result<(OwnedFd, Socket)> {
    files::remove(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    bind(&listener, &SocketAddrUnix::new(path)?)?;
    // Until here the socket is protected by its folder, which is closed to others.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    listen(&listener, BACKLOG)?;
    Ok((listener, Socket { path: path.to_owned(), id: FileId::at(path)? }))
}

enum Wait {
    Ended,
    Nothing,
    Some,
}

/// Whether a program can be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Left,
    /// There was no descriptor for it.
    None,
}

fn wait(ended: &UnixStream, listener: &OwnedFd, heard: &Heard, room: Room) -> Wait {
    let mut all = vec![PollFd::new(ended, PollFlags::IN)];
    let timeout = match room {
        Room::Left => {
            all.push(PollFd::new(listener, PollFlags::IN));
            LOOK
        }
        Room::None => FULL,
    };
    all.extend(heard.clients.iter().map(|(client, _)| PollFd::new(client, PollFlags::IN)));
    match poll(&mut all, Some(&timeout)) {
        Ok(0) | Err(Errno::INTR) => Wait::Nothing,
        // Nothing can be waited for any more: without the guard everything passes.
        Err(_) => Wait::Ended,
        Ok(_) if !all[0].revents().is_empty() => Wait::Ended,
        Ok(_) => Wait::Some,
    }
}

/// The programs that have connected and not asked yet, the oldest first.
struct Heard {
    clients: VecDeque<(OwnedFd, LocalPeer)>,
    most: usize,
}

impl Heard {
    fn answer(&mut self, judge: &mut Judge) {
        self.clients.retain(|(client, peer)| !answer(judge, client, *peer));
    }

    /// The one that has said nothing for longest makes room, unless it has asked by now; false if there is none.
    fn drop_oldest(&mut self, judge: &mut Judge) -> bool {
        let oldest = self.clients.pop_front();
        oldest.is_some_and(|(client, peer)| {
            answer(judge, &client, peer);
            true
        })
    }
}

fn accept_all(listener: &OwnedFd, heard: &mut Heard, judge: &mut Judge) -> Room {
    for _ in 0..BACKLOG {
        let client = match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(client) => client,
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => return Room::Left,
            Err(_) if heard.drop_oldest(judge) => continue,
            Err(_) => return Room::None,
        };
        let peer = system::socket_peer(&client);
        // Another user's records are not read. Their program goes on as if there was no guard. Most have asked already.
        if !peer.verdict.is_trusted() || answer(judge, &client, peer) {
            continue;
        }
        if heard.clients.len() >= heard.most {
            heard.drop_oldest(judge);
        }
        heard.clients.push_back((client, peer));
    }
    Room::Left
}

/// Answers if a record is there; says whether the connection is done with.
fn answer(judge: &mut Judge, client: &OwnedFd, peer: LocalPeer) -> bool {
    let mut record = [0; record::QUESTION + 1];
    match recv(client, &mut record[..], RecvFlags::DONTWAIT) {
        Ok((length, _)) if length > 0 => {
            let answer = record.get(..length).and_then(record::read);
            let answer = answer.map_or_else(record::passes, |question| judge.answer(question, peer));
            // Whoever has gone was stopped or has waited too long, and has said so itself.
            let _ = send(client, &answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            true
        }
        Err(Errno::AGAIN | Errno::INTR) => false,
        Ok(_) | Err(_) => true,
    }
}
