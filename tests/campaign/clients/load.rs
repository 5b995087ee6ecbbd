//! Clients that ask for ports, hold them a while and give them back, until they are stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fastrand::Rng;

use super::{Ask, Client, CommandLine, Node, Raw, Reply, Transport};
use crate::daemon::{Home, SERVICE};
use crate::history::{Found, History, Lock, Named, Owner, Refusal, What, Who};
use crate::processes::Idle;

/// Who asks, and how.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How many clients of each transport.
    pub(crate) clients: [(Transport, usize); 4],
    /// How many of those by the socket make a connection for each call.
    pub(crate) reconnecting: usize,
    /// How many leases a client holds at most.
    pub(crate) hold: usize,
    /// A client pauses up to so long between two calls; a command so many times longer, since its process costs more.
    pub(crate) pause: Duration,
    pub(crate) command_pause: u32,
}

impl Plan {
    /// So many clients in equal parts; without the addon, its part goes by the socket.
    pub(crate) fn equal(clients: usize, addon: bool) -> Self {
        let part = clients / 4;
        let (socket, addon) = if addon { (part, part) } else { (2 * part, 0) };
        Self {
            clients: [
                (Transport::Socket, socket),
                (Transport::Tcp, part),
                (Transport::Command, part),
                (Transport::Addon, addon),
            ],
            reconnecting: 0,
            hold: 4,
            pause: Duration::from_millis(10),
            command_pause: 20,
        }
    }
}

/// A load that runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pub(crate) clients: usize,
}

impl Load {
    /// Starts every client of `plan`.
    pub(crate) fn start(home: &Arc<Home>, history: &History, plan: &Plan, rng: &mut Rng) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let mut nodes: Vec<Node> = Vec::new();
        for (transport, count) in plan.clients {
            for turn in 0..count {
                let client: Box<dyn Client> = match transport {
                    Transport::Socket if turn < plan.reconnecting => Box::new(home.client().reconnecting()),
                    Transport::Socket => Box::new(home.client()),
                    Transport::Tcp => Box::new(Raw::new(Transport::Tcp, home.find_tcp())),
                    Transport::Command => Box::new(CommandLine::new(Arc::clone(home))),
                    Transport::Addon => {
                        // Four to a process.
                        if turn % 4 == 0 {
                            nodes.push(Node::start(home));
                        }
                        Box::new(nodes[turn / 4].clone())
                    }
                };
                let pause = if transport == Transport::Command {
                    plan.pause * plan.command_pause
                } else {
                    plan.pause
                };
                let user = User {
                    who: threads.len(),
                    client,
                    history: history.clone(),
                    project: home.project(threads.len()),
                    rng: rng.fork(),
                    hold: plan.hold,
                    pause,
                    owner: Idle::start(),
                    held: Vec::new(),
                    asked: 0,
                };
                let stop = Arc::clone(&stop);
                threads.push(thread::spawn(move || user.work(&stop)));
            }
        }
        Self { stop, clients: threads.len(), threads }
    }

    /// Stops every client, and waits until each has given back what it holds.
    pub(crate) fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

/// One client, and what it holds.
struct User {
    who: Who,
    client: Box<dyn Client>,
    history: History,
    /// Each has a checkout of its own.
    project: String,
    rng: Rng,
    hold: usize,
    pause: Duration,
    owner: Idle,
    held: Vec<(Lock, Owner)>,
    asked: u64,
}

impl User {
    fn work(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            match self.rng.u32(0..100) {
                0..2 => self.lose_owner(),
                _ if self.held.len() >= self.hold => self.release(),
                2..50 => self.allocate(),
                _ if self.held.is_empty() => self.allocate(),
                _ => self.release(),
            }
            // Not a wait for anything: so much work a client does.
            thread::sleep(self.pause.mul_f64(self.rng.f64()));
        }
        while !self.held.is_empty() {
            self.release();
        }
    }

    fn allocate(&mut self) {
        self.asked += 1;
        // Half of what has an owner has it by its process, as `styxy run` does.
        let owner = if self.rng.bool() { Owner::Process(self.owner.pid()) } else { Owner::Listener };
        let ask = Ask {
            service: SERVICE.to_owned(),
            name: None,
            project: self.project.clone(),
            pid: if let Owner::Process(pid) = owner { Some(pid) } else { None },
            exact: None,
            request_id: format!("{}-{}-{:016x}", self.who, self.asked, self.rng.u64(..)),
        };
        if let Some(lock) = allocate(self.client.as_mut(), &self.history, self.who, &ask, owner) {
            self.held.push((lock, owner));
        }
    }

    fn release(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let (lock, _) = self.held.swap_remove(self.rng.usize(..self.held.len()));
        release(self.client.as_mut(), &self.history, self.who, lock);
    }

    /// kill -9 of the process that owns leases, and another one in its place.
    fn lose_owner(&mut self) {
        let pid = self.owner.pid();
        self.history.add(What::OwnerDies { owner: pid });
        self.owner.kill();
        self.held.retain(|(_, owner)| *owner != Owner::Process(pid));
        self.owner = Idle::start();
    }
}

/// Asks for a port, and adds what came of it to the history.
pub(crate) fn allocate(
    client: &mut dyn Client,
    history: &History,
    who: Who,
    ask: &Ask,
    owner: Owner,
) -> Option<Lock> {
    let (by, sent) = (client.transport(), history.now());
    let named = ask.exact.map_or(Named::Nothing, Named::Port);
    match client.allocate(ask) {
        Reply::Granted { lock, port, daemon } => {
            history.add(What::Granted { who, by, sent, lock, port, owner, daemon });
            Some(lock)
        }
        Reply::Released | Reply::ReleasedBefore => None,
        Reply::Refused { code, rule, reason, text } => {
            let refusal = Refusal { asked: "allocate", named, code, rule, reason, text };
            history.add(What::Refused { who, by, sent, refusal });
            None
        }
        Reply::Failed(error) => {
            history.add(What::Failed { who, by, sent, asked: "allocate", error });
            None
        }
    }
}

/// Gives a lease back, and adds what came of it to the history.
pub(crate) fn release(client: &mut dyn Client, history: &History, who: Who, lock: Lock) {
    let by = client.transport();
    let sent = history.add(What::ReleaseSent { lock });
    match client.release(lock) {
        Reply::Released => {
            history.add(What::Released { who, by, sent, lock, found: Found::Live });
        }
        Reply::ReleasedBefore => {
            history.add(What::Released { who, by, sent, lock, found: Found::ReleasedBefore });
        }
        Reply::Refused { code, rule, reason, text } => {
            let refusal = Refusal { asked: "release", named: Named::Lease(lock), code, rule, reason, text };
            history.add(What::Refused { who, by, sent, refusal });
        }
        Reply::Failed(error) => {
            history.add(What::Failed { who, by, sent, asked: "release", error });
        }
        Reply::Granted { .. } => {}
    }
}

/// Lists every live lease, and adds it to the history.
///
/// # Errors
/// There was no listing; that is in the history as an error that a client sees.
pub(crate) fn list(client: &mut Raw, history: &History) -> Result<usize, String> {
    let sent = history.now();
    let listed = client.get("/allocations").and_then(|json| {
        let leases = json["allocations"].as_array().ok_or_else(|| format!("not a listing: {json}"))?;
        let lease = |json: &serde_json::Value| {
            let lock: Lock = json["lock_id"].as_str()?.parse().ok()?;
            Some((lock, u16::try_from(json["port"].as_u64()?).ok()?))
        };
        Ok(leases.iter().filter_map(lease).collect())
    });
    match listed {
        Ok(leases) => {
            let count = std::collections::BTreeMap::len(&leases);
            history.add(What::Listed { sent, leases });
            Ok(count)
        }
        Err(error) => {
            let by = Transport::Socket;
            history.add(What::Failed { who: usize::MAX, by, sent, asked: "list", error: error.clone() });
            Err(error)
        }
    }
}
