//! What the keeper does when something happens: requests, ends of processes, what was found out about a service.

use styxy_core::config::EndWith;
use styxy_core::order::{Order as _, set};

use super::Keeper;
use super::clients::Wants;
use super::fate::{again, fate, foresee, is_gone, renamed};
use super::happen::{End, Exited, Happening, Over, Server};
use super::ready::Found;
use super::service::{Goal, Life, Progress, Rest, Service};
use super::{memory, watch};
use crate::say::age::now;
use crate::say::output;
use crate::up::lines::ends;
use crate::up::wire::{
    Attachment, Expects, Extent, Fate, Foreseen, Hurry, Order, Outside, Request, Said, Up,
};

impl Keeper {
    pub(super) fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Came { client, say } => self.clients.came(client, say),
            Happening::Asked { client, request } => self.asked(client, request),
            Happening::Went { client } => {
                self.clients.went(client);
                let mut waited_for = Vec::new();
                for service in self.owned(client) {
                    service.owner = None;
                    if !service.state().is_settled() {
                        waited_for.push(service.order.label.clone());
                    }
                    service.end(Hurry::None);
                }
                for label in &waited_for {
                    self.clients.ends(None, label);
                }
            }
            Happening::Child { pid, end } => {
                let its = |service: &&Service| service.process().is_some_and(|process| process.pid == pid);
                if let Some(label) = self.services.iter().find(its).map(|service| service.order.label.clone())
                {
                    self.process_ended(&label, Some(end));
                }
            }
            Happening::Adopted { label, start, end } => {
                if self.is_start(&label, start) {
                    self.process_ended(&label, end);
                }
            }
            Happening::Looked { label, start, outside } if self.is_start(&label, start) => {
                self.looked(&label, outside);
            }
            Happening::Found { label, start, found } if self.is_start(&label, start) => {
                self.found(&label, found);
            }
            Happening::Late { label, start, why, advice } if self.is_start(&label, start) => {
                self.progresses(&label, Progress::Late { why, advice });
            }
            Happening::Heir { label, start, heir, exited } if self.is_start(&label, start) => {
                self.succeeded(&label, heir, exited);
            }
            Happening::Ended { label, start, over } if self.is_start(&label, start) => {
                self.gone(&label, over);
            }
            Happening::GivenBack { label, start, over } if self.is_start(&label, start) => {
                self.ended(&label, &over);
            }
            Happening::Root { folder, why } => {
                if self.ends.with != EndWith::Never && folder == self.folder {
                    let why = format!("the worktree {}: {why}", self.root.display());
                    self.end_since(why);
                }
            }
            Happening::SessionEnded { pid } => {
                if let Some(session) = self.session_with(pid) {
                    let said = format!("{session} has ended; in {}, its services end", self.grace());
                    self.tell(&format!("{said}, unless somebody types styxy up"));
                }
            }
            Happening::SessionOver { pid } => {
                if let Some(session) = self.session_with(pid) {
                    self.end_since(format!("{session} has ended"));
                }
            }
            Happening::Terminate => self.end_all(Hurry::None),
            // The first two are the loop's; the others are about an earlier start.
            Happening::Left
            | Happening::Alone
            | Happening::Looked { .. }
            | Happening::Found { .. }
            | Happening::Late { .. }
            | Happening::Heir { .. }
            | Happening::Ended { .. }
            | Happening::GivenBack { .. } => {}
        }
    }

    fn is_start(&mut self, label: &str, start: u64) -> bool {
        self.service(label).is_some_and(|service| service.start == start)
    }

    /// Tells everybody who is attached, and those who look into the keeper's own log.
    pub(super) fn tell(&self, text: &str) {
        output::note(text);
        self.clients.note(text);
    }

    fn asked(&mut self, client: u64, request: Request) {
        if matches!(request, Request::Up(_) | Request::Down(_)) {
            for text in std::mem::take(&mut self.unsaid) {
                self.clients.say(client, Said::Note { text });
            }
        }
        match request {
            Request::Up(up) => self.up(client, *up),
            Request::Down(down) => {
                // One that was killed before has left what needs it.
                if self.environment.is_empty() {
                    self.environment.clone_from(&down.environment);
                }
                self.down(client, *down);
            }
            Request::Foresee { orders, extent } => {
                let services = self.foresee(&orders, extent);
                self.clients.say(client, Said::Foreseen { services });
            }
            Request::Show => self.clients.wants(client, Wants::Now),
            Request::Watch => self.clients.wants(client, Wants::Changes),
            Request::Typed { service, bytes } => {
                if let Some(terminal) = self.service(&service).and_then(Service::terminal) {
                    terminal.type_in(&bytes);
                }
            }
            Request::Size { rows, columns } => {
                for service in &mut self.services {
                    if let Some(terminal) = service.terminal() {
                        terminal.resize(rows, columns);
                    }
                }
            }
            Request::Detach => self.owned(client).for_each(|service| service.owner = None),
            Request::Leave => drop(self.happen.send(Happening::Left)),
        }
    }

    fn up(&mut self, client: u64, up: Up) {
        self.environment = up.environment;
        self.over = None;
        self.look_at_root();
        let session = up.session.as_ref().map(|session| session.instance.clone());
        self.take_session(client, up.session, up.ends);
        let wanted: Vec<String> = up.orders.iter().map(|order| order.label.clone()).collect();
        for order in up.orders {
            let label = order.label.clone();
            if self.wish(Order { session: session.clone(), ..order }) {
                self.clients.starts(client, &label);
                if let Some(service) = self.service(&label) {
                    service.owner = (up.attachment == Attachment::Owns).then_some(client);
                }
            }
        }
        self.warn_of_owners(client, up.attachment);
        if up.extent == Extent::All {
            for service in self.services.iter_mut().filter(|service| !wanted.contains(&service.order.label)) {
                if is_gone(service, &wanted) {
                    let text = ends(&service.order.label, &up.source);
                    self.clients.say(client, Said::Note { text });
                }
                if !service.state().is_settled() {
                    self.clients.ends(Some(client), &service.order.label);
                }
                service.drop_it();
            }
            // In the order of the file, which may have changed.
            let place = |service: &Service| wanted.iter().position(|label| *label == service.order.label);
            self.services.order_by_key(|service| place(service).unwrap_or(usize::MAX));
        }
        self.clients.wants(client, Wants::Settled(set(wanted)));
    }

    /// The services that end with this connection (R137).
    fn owned(&mut self, client: u64) -> impl Iterator<Item = &mut Service> {
        self.services.iter_mut().filter(move |service| service.owner == Some(client))
    }

    /// Who wants services to stay learns which of them end with somebody else's terminal.
    fn warn_of_owners(&self, client: u64, attachment: Attachment) {
        let others =
            self.services.iter().filter(|service| service.owner.is_some_and(|owner| owner != client));
        let others: Vec<&str> = others.map(|service| service.order.label.as_str()).collect();
        if attachment == Attachment::Detached && !others.is_empty() {
            let text = format!("these end with the styxy up that has started them: {}", others.join(", "));
            self.clients.say(client, Said::Note { text });
        }
    }

    /// If another folder is at the worktree's path now, what runs is of the one before: it ends, and is started afresh.
    fn look_at_root(&mut self) {
        let now = memory::identity(&self.root);
        if now.is_none() || now == self.folder {
            return;
        }
        self.folder = now;
        watch::root(&self.root, now, &self.happen);
        self.end_all(Hurry::None);
    }

    /// Has this service run; returns whether it is started for that.
    fn wish(&mut self, order: Order) -> bool {
        let known = self.services.iter().find(|service| service.order.label == order.label);
        let fate = fate(known, &order);
        let Some(service) = self.service(&order.label) else {
            self.services.push(Service::new(order));
            return true;
        };
        service.is_dropped = false;
        match fate {
            Fate::Stays => {
                self.stays(order);
                return false;
            }
            Fate::Starts | Fate::Outside | Fate::Ends | Fate::Fails => {
                let said = renamed(service, &order);
                service.take(order);
                service.begin();
                if let Some(said) = said {
                    self.tell(&said);
                }
            }
            Fate::Again => {
                let said = [again(service, &order), renamed(service, &order)];
                service.next = Some(order);
                if let Goal::Runs = service.goal {
                    service.goal = Goal::Ends(Hurry::None);
                }
                for said in said.iter().flatten() {
                    self.tell(said);
                }
            }
        }
        true
    }

    /// A service runs, and goes on.
    fn stays(&mut self, order: Order) {
        let Some(service) = self.service(&order.label) else { return };
        match &mut service.life {
            // What was found without an order is ready as this one says.
            Life::Runs(_, progress) if service.order.definition.is_empty() => {
                *progress = Progress::Starts;
                let label = order.label.clone();
                service.order = order;
                self.listen(&label);
            }
            Life::Waits => service.take(order),
            Life::Rests(_)
            | Life::Looks
            | Life::Runs(..)
            | Life::Done(_)
            | Life::Outside { .. }
            | Life::Ends(..) => {
                // Its process has the environment that it has; what is said about it may have changed.
                (service.order.after, service.order.turn) = (order.after, order.turn);
                // One that an older version has started wishes for what it wishes for now.
                service.order.wished = service.order.wished.or(order.wished);
                if order.stop.is_some() {
                    (service.order.stop, service.order.env) = (order.stop, order.env);
                }
            }
        }
    }

    /// What an `up` with these orders would do.
    fn foresee(&self, orders: &[Order], extent: Extent) -> Vec<Foreseen> {
        let now = memory::identity(&self.root);
        // What runs in a folder that is not there any more ends first.
        let is_moved = now.is_some() && now != self.folder;
        foresee(if is_moved { &[] } else { &self.services }, orders, extent)
    }

    /// Everything ends.
    pub(super) fn end_all(&mut self, hurry: Hurry) {
        for service in &mut self.services {
            if !service.state().is_settled() {
                self.clients.ends(None, &service.order.label);
            }
            service.end(hurry);
        }
    }

    /// Whether the server of a service runs already is known now.
    fn looked(&mut self, label: &str, outside: Option<Server>) {
        let Some(service) = self.service(label) else { return };
        if !matches!(service.life, Life::Looks) {
            return;
        }
        match outside {
            Some(Server { pid, port, session }) => {
                service.life = Life::Outside { pid, port };
                // Whoever asks for the service has not started this one (R147).
                service.order.session = session;
                if service.outside == Outside::Stays {
                    service.goal = Goal::Runs;
                    self.watch_adopted(label);
                }
            }
            None if service.goal == Goal::Runs => self.start(label),
            // It rested before, and its server was looked for only to be ended.
            None if service.outside == Outside::Ends => service.rest(Rest::default()),
            None if service.may_run
                && let Goal::Ends(hurry) = service.goal =>
            {
                service.stop_again(hurry);
            }
            None => self.gone(label, Over::default()),
        }
    }

    fn found(&mut self, label: &str, found: Found) {
        let progress = match found {
            Found::Ready(port) => Progress::Ready(port),
            Found::Running => Progress::Running,
            Found::Late(why) => return self.look_for_advice(label, why),
        };
        self.progresses(label, progress);
    }

    fn progresses(&mut self, label: &str, now: Progress) {
        if let Some(Life::Runs(_, progress)) = self.service(label).map(|service| &mut service.life) {
            *progress = now;
        }
    }

    /// The process that was started has ended. Its server may live on.
    fn process_ended(&mut self, label: &str, end: Option<End>) {
        let Some(service) = self.service(label) else { return };
        if let Life::Outside { .. } = &service.life {
            return service.rest(Rest::default());
        }
        let Life::Runs(..) = &service.life else { return };
        if service.order.expects == Expects::End && end.is_some_and(End::is_good) {
            service.life = Life::Done(now());
            return;
        }
        self.look_for_heir(label, end);
    }

    /// Whether a server lives on after the process that was started is known now.
    fn succeeded(&mut self, label: &str, heir: Option<u32>, exited: Exited) {
        let Exited { end, after, advice } = exited;
        let Some(service) = self.service(label) else { return };
        let Life::Runs(process, progress) = &mut service.life else { return };
        let heir = heir.and_then(|pid| Some((pid, crate::process::started(styxy_core::Pid::new(pid)?)?)));
        if let Some((pid, started)) = heir {
            (process.pid, process.started) = (pid, started);
            self.watch_adopted(label);
            return;
        }
        let was_ready = matches!(progress, Progress::Ready(_) | Progress::Running);
        let is_good = end.is_some_and(End::is_good);
        let is_failed = match service.order.expects {
            Expects::Listener => !is_good || !was_ready,
            Expects::Perhaps | Expects::Nothing | Expects::End | Expects::Done => !is_good && end.is_some(),
        };
        let why = match end {
            Some(end) if is_failed && is_good => format!("{} after {after}, before it listened", end.shown()),
            Some(end) => format!("{} after {after}", end.shown()),
            None => format!("it has ended; with which code is unknown (after {after})"),
        };
        let advice = advice.filter(|_| is_failed);
        let rest = Rest { is_failed, why: Some(why), code: end.map(End::code), advice, ..Rest::default() };
        self.sweep(label, rest);
    }
}
