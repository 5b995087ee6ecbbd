//! The keeper: the parent of a worktree's services, one process for each worktree, found by its lock (R130).
//!
//! Everything that happens reaches it as a [`Happening`], in one order; it decides, and threads and tasks do what takes time.
//! It restarts nothing, and sleeps while nothing happens. When it is killed the services go on, and the next keeper adopts them
//! (R131).

mod clients;
mod decide;
mod down;
mod ending;
mod fate;
mod give_back;
mod happen;
mod hearing;
mod lock;
mod log;
mod memory;
mod ready;
mod requests;
mod service;
mod session;
mod start;
mod survivors;
mod watch;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use styxy_client::{Caller, Client};
use styxy_core::api::Lease;
use styxy_core::layout::Layout;
use styxy_core::order::map;
use styxy_core::{LockId, ProjectPath};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::here::caller;
use crate::here::context::{self, Autostart};
use crate::process::table::shared::Looks;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::kept::{Kept, One};
use crate::up::place::{Place, of};
use crate::up::system;
use crate::up::wire::{Ends, Extent, Foreseen, Order, Session, State, View};
use crate::up::wished::Wished;

use clients::Clients;
use happen::{Happening, Server};
use memory::Memory;
use service::{Life, Service};

/// What a keeper says to whoever starts it, once it can be asked.
pub(super) const OPEN: &str = "open";
/// What it says if another one is there.
pub(super) const TAKEN: &str = "taken";

/// A worktree's services, and who is attached to them.
struct Keeper {
    place: Place,
    root: PathBuf,
    /// Which folder that is.
    folder: Option<(u64, u64)>,
    project: Option<ProjectPath>,
    /// Where the worktree is, which is known even when its folder is gone.
    caller: Caller,
    client: Client,
    hearing: hearing::Hearing,
    /// At the processes that run, for those that end services.
    looks: Looks,
    services: Vec<Service>,
    /// What all services have in their environments.
    environment: Vec<(String, String)>,
    clients: Clients,
    logs: BTreeMap<String, File>,
    rings: log::Rings,
    happen: UnboundedSender<Happening>,
    session: Option<Session>,
    ends: Ends,
    /// Why all services end that nobody has ended by hand.
    over: Option<String>,
    starts: u64,
    /// What was written down last.
    written: Vec<u8>,
    /// Why it could not be written down since.
    unwritten: Option<String>,
    /// What the next one who asks for something learns.
    unsaid: Vec<String>,
}

/// Keeps the services of the worktree at `root`, until nothing of them is left.
///
/// # Errors
/// The folder of its files cannot be made, or there is no room for a process of its kind.
pub(crate) fn keep(root: PathBuf) -> Result<Exit, Failure> {
    system::close_inherited();
    let layout = context::layout()?;
    let place = Place::of(&layout, &root);
    let cannot = |error: io::Error| {
        let error = format!("{}: {error}", layout.stacks().display());
        Failure::from(styxy_core::api::Refusal::new(styxy_core::api::Code::NotRunning, error))
    };
    place.make().map_err(cannot)?;
    let Some(lock) = place.lock().map_err(cannot)? else {
        output::next_text(format!("{TAKEN}\n").as_bytes())?;
        return Ok(Exit::Done);
    };
    let caller = caller::caller().at(&root);
    let project = caller.project().unwrap_or_default();
    system::leave_starter(layout.root());
    let client = context::client(Autostart::FromEnvironment)?;
    let kept = context::block_on(async {
        let (happen, happenings) = unbounded_channel();
        let mut keeper = Keeper {
            folder: memory::identity(&root),
            clients: Clients::listen(&place, &happen)?,
            rings: log::Rings::new()?,
            place,
            root,
            project,
            caller,
            client,
            hearing: hearing::Hearing::default(),
            looks: Looks::default(),
            services: Vec::new(),
            environment: Vec::new(),
            logs: BTreeMap::new(),
            happen,
            session: None,
            ends: Ends::default(),
            over: None,
            starts: 0,
            written: Vec::new(),
            unwritten: None,
            unsaid: Vec::new(),
        };
        watch::signals(&keeper.happen)?;
        watch::root(&keeper.root, keeper.folder, &keeper.happen);
        keeper.adopt();
        keeper.adopt_survivors();
        keeper.adopt_session();
        output::next_text(format!("{OPEN}\n").as_bytes())?;
        system::close_output();
        let alone = watch::alone(&keeper.happen);
        prune(&layout);
        keeper.run(happenings, &alone).await;
        io::Result::Ok(())
    })?;
    drop(lock);
    kept.map_err(cannot)?;
    Ok(Exit::Done)
}

pub(super) use ready::{runs_already, with_server};
pub(super) use survivors::unknown;

/// Whether a keeper that was killed has left anything that the next one ends: a process, or a container, which has none.
pub(super) fn has_left(place: &Place) -> bool {
    let (memory, problem) = Memory::read_only(place);
    let is_left = |memory: Memory| memory.services.iter().any(memory::Remembered::is_left);
    problem.is_some()
        || memory.is_some_and(is_left)
        || place.is_there() && !survivors::find(place, &[]).is_empty()
}

/// What the last keeper of a place has written down, where none runs; and why that is not all.
pub(super) fn last_seen(place: &Place) -> (Vec<View>, Option<String>) {
    let (memory, problem) = Memory::read_only(place);
    let mut views = memory.map(|memory| remembered(place, memory)).unwrap_or_default();
    if !place.is_there() {
        return (views, None);
    }
    let known: Vec<&str> = views.iter().map(|view| view.service.as_str()).collect();
    let survivors = survivors::find(place, &known).into_iter().map(|(label, process)| {
        let mut view = survivors::service(&label, process, place.root()).view(place.log(&label), false, None);
        view.why = Some("nothing was written down about it; styxy up adopts it".to_owned());
        view
    });
    let survivors: Vec<View> = survivors.collect();
    views.extend(survivors);
    let said = |why| {
        format!(
            "{} is not readable ({why}); what runs is known by its processes only",
            place.state().display()
        )
    };
    (views, problem.map(said))
}

fn remembered(place: &Place, memory: Memory) -> Vec<View> {
    let view = |remembered: memory::Remembered| {
        let service = remembered.service();
        let log = place.log(&service.order.label);
        let mut view = service.view(log, false, None);
        if view.pid.is_some() && view.state != State::Outside {
            view.why = Some("its keeper was killed; styxy up adopts it".to_owned());
        }
        view
    };
    memory.services.into_iter().map(view).collect()
}

/// What an `up` with these orders would do where no keeper runs: what the last one has left is adopted then.
pub(super) fn foreseen(place: &Place, orders: &[Order], extent: Extent) -> Vec<Foreseen> {
    let (memory, _) = Memory::read_only(place);
    let current = memory.filter(|memory| memory.is_current(memory::identity(place.root())));
    let mut services: Vec<Service> = Vec::new();
    for remembered in current.map(|memory| memory.services).unwrap_or_default() {
        services.push(remembered.service());
    }
    if place.is_there() {
        survivors::join(&mut services, place);
    }
    fate::foresee(&services, orders, extent)
}

/// The wishes that the services of a place were started with that have a process; an older version has written none down.
pub(super) fn wishes(place: &Place) -> BTreeMap<String, Option<Wished>> {
    let services = Memory::read_only(place).0.map(|memory| memory.services).unwrap_or_default();
    let running = services.into_iter().filter(|one| one.process.is_some());
    map(running.map(|one| (one.order.label, one.order.wished)))
}

/// The leases of services that have ended, all of a place if none is named.
pub(super) fn locks(place: &Place, services: &[String]) -> Vec<LockId> {
    let all = Memory::read_only(place).0.map(|memory| memory.services).unwrap_or_default();
    let is_meant = |one: &memory::Remembered| services.is_empty() || services.contains(&one.order.label);
    let over = all.into_iter().filter(|one| is_meant(one) && !one.is_left());
    over.filter_map(|one| one.order.lease?.lock_id).collect()
}

/// The service of `order` as people see it while a server of it runs that nobody's keeper has started.
pub(super) fn by_hand(place: &Place, order: Order, server: &Lease) -> View {
    let log = place.log(&order.label);
    let mut service = Service::new(order);
    let Server { pid, port, session } = ready::server(server);
    service.life = Life::Outside { pid, port };
    service.order.session = session;
    service.view(log, false, None)
}

/// What the keeper whose files are in `folder` keeps, as it has written it down.
pub(super) fn kept(folder: &Path) -> Option<Kept> {
    let memory: Memory = serde_json::from_slice(&std::fs::read(folder.join("state.json")).ok()?).ok()?;
    let is_current = memory.is_current(memory::identity(&memory.root));
    let one = |remembered: memory::Remembered| One {
        pid: remembered.process.as_ref().and_then(memory::Seen::process).map(|process| process.pid),
        is_container: is_current && remembered.has_container(),
        mark: remembered.process.map(|seen| seen.mark),
        lock: remembered.order.lease.and_then(|key| key.lock_id),
        service: remembered.order.label,
    };
    Some(Kept { root: memory.root, services: memory.services.into_iter().map(one).collect() })
}

impl Keeper {
    /// Does what happens, until nothing is left to keep and nobody is attached.
    async fn run(&mut self, mut happenings: UnboundedReceiver<Happening>, alone: &AbortHandle) {
        // Until then whoever has started it is on the way.
        let mut may_end = false;
        while let Some(happening) = happenings.recv().await {
            match happening {
                Happening::Left => break,
                Happening::Alone => may_end = true,
                happening => self.happens(happening),
            }
            // What follows is for all services: of many that start or end at once it is done once.
            if self.clients.are_there() && !happenings.is_empty() {
                may_end = true;
                alone.abort();
                self.advance();
                continue;
            }
            if self.clients.are_there() {
                may_end = true;
                alone.abort();
            }
            self.advance();
            self.remember();
            self.show();
            if may_end && self.is_done() && happenings.is_empty() {
                break;
            }
        }
        self.rings.settle();
        self.clients.close();
    }

    fn is_done(&self) -> bool {
        !self.clients.are_there() && !self.services.iter().any(Service::is_alive)
    }

    fn service(&mut self, label: &str) -> Option<&mut Service> {
        self.services.iter_mut().find(|service| service.order.label == label)
    }

    /// The log of a service, open for its end.
    fn log(&mut self, label: &str) -> io::Result<File> {
        let path = self.place.log(label);
        if let Some(log) = self.logs.get(label).filter(|log| log::is_there(log, &path)) {
            return log.try_clone();
        }
        let log = log::open(&path).map_err(|error| of(&path, &error))?;
        if let Err(error) = self.rings.add(log.try_clone()?, &path) {
            output::warning(&format!("the log of {label} may become long: {error}"));
        }
        self.logs.insert(label.to_owned(), log.try_clone()?);
        Ok(log)
    }

    /// Writes down what runs, for the next keeper.
    fn remember(&mut self) {
        let memory =
            Memory::new(&self.root, self.folder, self.session.clone(), self.ends, self.services.iter());
        let text = memory.text();
        if text != self.written {
            match self.place.write_state(&text) {
                Ok(()) => (self.written, self.unwritten) = (text, None),
                Err(error) => {
                    let why = Some(error.to_string());
                    // It is tried again whenever something happens.
                    if self.unwritten != why {
                        self.unwritten = why;
                        self.tell(&format!("what runs could not be written down: {error}"));
                    }
                }
            }
        }
    }

    /// Shows everybody who is attached what is there now.
    fn show(&mut self) {
        let place = &self.place;
        let services = &self.services;
        self.clients.show(|client, is_new| {
            let view = |service: &Service| {
                let label = &service.order.label;
                service.view(place.log(label), is_new(label), Some(client))
            };
            services.iter().map(view).collect()
        });
    }
}

/// Removes what earlier keepers knew of worktrees that are gone. A folder whose lock is taken has a keeper.
fn prune(layout: &Layout) {
    for entry in std::fs::read_dir(layout.stacks()).into_iter().flatten().flatten() {
        let folder = entry.path();
        let Ok(text) = std::fs::read(folder.join("state.json")) else { continue };
        let Ok(memory) = serde_json::from_slice::<Memory>(&text) else { continue };
        let is_gone = std::fs::symlink_metadata(&memory.root)
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !is_gone
            || memory
                .services
                .iter()
                .any(|one| one.process.as_ref().is_some_and(|seen| seen.process().is_some()))
        {
            continue;
        }
        let lock = File::options().write(true).open(folder.join("lock"));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            // What cannot be removed stays, and is looked at again.
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
}
