//! `guard.sock`: one record, one answer. A client that connects and says nothing keeps nobody waiting.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
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
use styxy_core::Pid;
use styxy_core::guard::record;

use super::judge::Judge;
use crate::files::{self, FileId};
use crate::system::{self, LocalPeer, PeerProcess};

/// How many programs may wait to be accepted; more wait in the kernel.
const BACKLOG: i32 = 256;
/// How many are accepted before those that were are answered.
const AT_ONCE: usize = 256;
/// How many questions of one process are answered before it is the turn of others.
const TURNS: usize = 4;
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
        let mut heard = Heard::new(most);
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
                    room = accept_all(&listener, &mut heard, &mut judge);
                    heard.answer(&mut judge);
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
    all.extend(heard.clients.iter().map(|client| PollFd::new(&client.socket, PollFlags::IN)));
    match poll(&mut all, Some(&timeout)) {
        Ok(0) | Err(Errno::INTR) => Wait::Nothing,
        // Nothing can be waited for any more: without the guard everything passes.
        Err(_) => Wait::Ended,
        Ok(_) if !all[0].revents().is_empty() => Wait::Ended,
        Ok(_) => Wait::Some,
    }
}

/// A program that has connected.
struct Client {
    socket: OwnedFd,
    peer: LocalPeer,
}

impl Client {
    const fn pid(&self) -> Option<Pid> {
        match self.peer.process {
            PeerProcess::Seen { pid, .. } => Some(pid),
            PeerProcess::Unseen | PeerProcess::Unnamed => None,
        }
    }
}

/// The programs that have no answer yet, the oldest first.
struct Heard {
    clients: VecDeque<Client>,
    /// How many of them each process has.
    counts: HashMap<Option<Pid>, usize>,
    most: usize,
}

impl Heard {
    fn new(most: usize) -> Self {
        Self { clients: VecDeque::new(), counts: HashMap::new(), most }
    }

    fn add(&mut self, client: Client) {
        *self.counts.entry(client.pid()).or_default() += 1;
        self.clients.push_back(client);
    }

    /// Answers those that have asked; of each process a few, so that one that asks thousands keeps no other waiting.
    fn answer(&mut self, judge: &mut Judge) {
        let mut turns: HashMap<Option<Pid>, usize> = HashMap::new();
        let counts = &mut self.counts;
        self.clients.retain(|client| {
            let taken = turns.entry(client.pid()).or_default();
            let is_done = *taken < TURNS && answer(judge, client);
            *taken += usize::from(is_done);
            if is_done {
                forget(counts, client);
            }
            !is_done
        });
    }

    /// The oldest client of the process that has most of them makes room. One that has a few gets its answer, if it has asked by now.
    /// False if there is none.
    fn make_room(&mut self, judge: &mut Judge) -> bool {
        let most = self.counts.iter().max_by_key(|(_, count)| **count);
        let Some((pid, count)) = most.map(|(pid, count)| (*pid, *count)) else { return false };
        let oldest = self.clients.iter().position(|client| client.pid() == pid);
        let Some(client) = oldest.and_then(|at| self.clients.remove(at)) else { return false };
        forget(&mut self.counts, &client);
        if count <= TURNS {
            answer(judge, &client);
        }
        true
    }
}

fn forget(counts: &mut HashMap<Option<Pid>, usize>, client: &Client) {
    if let Entry::Occupied(mut count) = counts.entry(client.pid()) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

/// Accepts all who wait, so that a flood leaves room for others in the kernel's queue.
fn accept_all(listener: &OwnedFd, heard: &mut Heard, judge: &mut Judge) -> Room {
    for _ in 0..AT_ONCE {
        let socket = match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(socket) => socket,
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => return Room::Left,
            Err(_) if heard.make_room(judge) => continue,
            Err(_) => return Room::None,
        };
        let client = Client { peer: system::socket_peer(&socket), socket };
        // Another user's records are not read. Their program goes on as if there was no guard.
        if !client.peer.verdict.is_trusted() {
            continue;
        }
        if heard.clients.len() >= heard.most {
            heard.make_room(judge);
        }
        heard.add(client);
    }
    Room::Left
}

/// Answers if a record is there; says whether the connection is done with.
fn answer(judge: &mut Judge, client: &Client) -> bool {
    let Client { socket, peer } = client;
    let mut record = [0; record::QUESTION + 1];
    match recv(socket, &mut record[..], RecvFlags::DONTWAIT) {
        Ok((length, _)) if length > 0 => {
            // Whoever has gone was stopped or has waited too long, and has said so itself.
            let tell = |answer: &[u8]| {
                let _ = send(socket, answer, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            };
            match record.get(..length).and_then(record::read) {
                Some(question) => judge.answer(question, *peer, tell),
                None => tell(&record::passes()),
            }
            true
        }
        Err(Errno::AGAIN | Errno::INTR) => false,
        Ok(_) | Err(_) => true,
    }
}
