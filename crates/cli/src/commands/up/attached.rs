//! An attached `styxy up`: it follows the logs, and the services that it has started end with it.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use styxy_core::api::{Code, Refusal};
use tokio::time::{MissedTickBehavior, interval};

use super::shown::{self, Shown, Waiting, was_ended};
use super::system::{Keys, Signal, Signals};
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::ask::{self, Asked};
use crate::up::follow::Follow;
use crate::up::wire::{Down, Extent, Hurry, Outside, Picture, Request, Said, State, View};

/// How often the logs are looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// An attached command.
pub(super) struct Attached {
    asked: Asked,
    extent: Extent,
    follow: Follow,
    told: Shown,
    /// All services of the worktree, as they were last seen.
    all: Vec<View>,
    /// Those that another command has added since, and that are followed too.
    added: BTreeSet<String>,
    keys: Keys,
    signals: Signals,
    /// How often Ctrl-C was pressed.
    hurry: Option<Hurry>,
    /// How this command ends once its services have, if that is known.
    exit: Option<Exit>,
    is_owner: bool,
    has_settled: bool,
    /// A service had failed when Ctrl-C was pressed.
    had_failed: bool,
    /// Those that another command has ended before they were ready.
    overtaken: BTreeSet<String>,
}

/// What comes next.
enum Next {
    Goes,
    /// Once what this command has started has ended.
    GivesUp(Exit),
    Ends(Exit),
}

impl Attached {
    pub(super) fn new(asked: Asked, follow: Follow, extent: Extent) -> io::Result<Self> {
        Ok(Self {
            asked,
            extent,
            follow,
            told: Shown::default(),
            all: Vec::new(),
            added: BTreeSet::new(),
            keys: Keys::new()?,
            signals: Signals::new()?,
            hurry: None,
            exit: None,
            is_owner: false,
            has_settled: false,
            had_failed: false,
            overtaken: BTreeSet::new(),
        })
    }

    pub(super) async fn follow(mut self) -> Result<Exit, Failure> {
        let mut glance = interval(GLANCE);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wait = Waiting::new();
        self.size().await;
        loop {
            let next = tokio::select! {
                said = self.asked.keeper.said() => self.said(said)?,
                signal = self.signals.next() => match signal {
                    Signal::Interrupt => self.interrupted().await?,
                    Signal::Terminate(code) => Next::GivesUp(Exit::Child(code)),
                    // The services end with this connection.
                    Signal::End(code) => return Ok(Exit::Child(code)),
                    Signal::Size => { self.size().await; Next::Goes }
                },
                bytes = self.keys.next() => self.typed(bytes).await?,
                _ = glance.tick() => { self.logs()?; Next::Goes }
                () = wait.is_long(), if !self.has_settled => { self.told.waits(); Next::Goes }
            };
            let next = match next {
                Next::GivesUp(exit) => self.gives_up(exit).await?,
                Next::Goes | Next::Ends(_) => next,
            };
            if let Next::Ends(exit) = next {
                self.logs()?;
                print(&self.follow.rest())?;
                return Ok(exit);
            }
        }
    }

    fn logs(&mut self) -> io::Result<()> {
        print(&self.follow.more()?)
    }

    fn said(&mut self, said: Option<Said>) -> Result<Next, Failure> {
        match said {
            Some(Said::Now(picture)) => self.shows(picture),
            Some(Said::Note { text }) => {
                output::note(&text);
                Ok(Next::Goes)
            }
            Some(Said::Hello { .. } | Said::Foreseen { .. }) => Ok(Next::Goes),
            Some(Said::Refused { why }) => Err(Refusal::new(Code::InvalidRequest, why).into()),
            None => Err(ask::gone()),
        }
    }

    fn shows(&mut self, picture: Picture) -> Result<Next, Failure> {
        self.is_owner = picture.services.iter().any(|view| view.mine && goes_on(view));
        self.all = picture.services;
        self.told.begins(&self.all);
        // What a service has printed comes before what became of it.
        self.logs()?;
        self.joins()?;
        let wanted = |view: &&View| self.is_ordered(view) || self.added.contains(&view.service);
        let text = self.told.changes(self.all.iter().filter(wanted).cloned().collect());
        output::next_text(text.as_bytes())?;
        for label in picture.overtaken {
            if !self.has_settled && self.hurry.is_none() && self.overtaken.insert(label.clone()) {
                was_ended(&label);
            }
        }
        let views = || self.told.views.iter().filter(|view| self.is_ordered(view));
        let has_failed = views().any(|view| view.state == State::Failed);
        // After a Ctrl-C only those count that end with this command.
        let mut counted = views().filter(|view| self.hurry.is_none() || view.mine);
        let runs = counted.any(goes_on);
        // Whoever waits for the servers without reading what is printed here learns of the first one that does not come.
        let is_early = has_failed && !self.has_settled && !io::stdout().is_terminal();
        if !self.has_settled && picture.settled {
            self.has_settled = true;
            if runs {
                self.hint();
            }
        }
        if runs && is_early && self.hurry.is_none() {
            return Ok(Next::GivesUp(Exit::Refused));
        }
        if runs {
            return Ok(Next::Goes);
        }
        if self.hurry.is_some() {
            let others: Vec<&View> = self.all.iter().filter(|view| !view.mine && goes_on(view)).collect();
            shown::go_on(&others);
        }
        let is_bad = match self.hurry {
            None => has_failed || !self.overtaken.is_empty(),
            Some(_) => self.had_failed,
        };
        let exit = if is_bad { Exit::Refused } else { Exit::Done };
        Ok(Next::Ends(self.exit.unwrap_or(exit)))
    }

    /// Follows what another command adds to the worktree; not where some services were asked for by name.
    fn joins(&mut self) -> io::Result<()> {
        if self.extent == Extent::Some {
            return Ok(());
        }
        let is_new = |view: &&View| {
            self.told.is_anothers(view) && !self.is_ordered(view) && !self.added.contains(&view.service)
        };
        let new: Vec<View> = self.all.iter().filter(is_new).cloned().collect();
        for View { service, log, .. } in new {
            print(&self.follow.add(&service, log)?)?;
            self.added.insert(service);
        }
        Ok(())
    }

    fn is_ordered(&self, view: &View) -> bool {
        self.asked.orders.iter().any(|order| order.label == view.service)
    }

    /// What can be typed now.
    fn hint(&self) {
        if !io::stdin().is_terminal() || !output::is_seen() {
            return;
        }
        let is_all = self.told.views.iter().all(|view| view.mine || !view.state.is_good());
        output::note(match (self.is_owner, self.terminal()) {
            (true, None) if !is_all => {
                "Ctrl-C ends the services that were started here; d leaves them running"
            }
            (true, None) => "Ctrl-C ends the services; d leaves them running",
            (true, Some(_)) => "Ctrl-C ends the services; other keys are for the service with the terminal",
            (false, _) => "the services stay up when you leave with Ctrl-C; styxy down ends them",
        });
    }

    /// The service that keys are for.
    fn terminal(&self) -> Option<&View> {
        self.told.views.iter().find(|view| view.tty && view.pid.is_some())
    }

    async fn interrupted(&mut self) -> Result<Next, Failure> {
        if self.hurry.is_none() {
            self.had_failed = self.told.views.iter().any(|view| view.state == State::Failed);
        }
        if !self.is_owner {
            output::note("the services stay up; styxy down ends them");
            return Ok(Next::Ends(if self.had_failed { Exit::Refused } else { Exit::Done }));
        }
        let hurry = self.hurry.map_or(Hurry::None, Hurry::more);
        self.hurry = Some(hurry);
        let stays = |view: &View| !view.mine && goes_on(view);
        output::note(match hurry {
            Hurry::None if self.all.iter().any(stays) => {
                "the services that were started here end; Ctrl-C again is faster"
            }
            Hurry::None => "the services end; Ctrl-C again is faster",
            Hurry::Some => "the services are told to terminate; Ctrl-C again kills them",
            Hurry::Most => "the services are killed",
        });
        self.end_mine(hurry).await
    }

    /// Ends what this command has started, and then this command; at once if it is told so again.
    async fn gives_up(&mut self, exit: Exit) -> Result<Next, Failure> {
        if !self.is_owner || self.exit.replace(exit).is_some() {
            return Ok(Next::Ends(exit));
        }
        let hurry = self.hurry.unwrap_or_default();
        self.hurry = Some(hurry);
        self.end_mine(hurry).await
    }

    async fn end_mine(&mut self, hurry: Hurry) -> Result<Next, Failure> {
        let mine = self.told.views.iter().filter(|view| view.mine);
        let services = mine.map(|view| view.service.clone()).collect();
        let request = Request::Down(Box::new(Down::of(services, hurry, Outside::Stays)));
        self.ask(&request).await
    }

    async fn ask(&mut self, request: &Request) -> Result<Next, Failure> {
        match self.asked.keeper.ask(request).await {
            Ok(()) => Ok(Next::Goes),
            Err(_) => Err(ask::gone()),
        }
    }

    async fn typed(&mut self, bytes: Vec<u8>) -> Result<Next, Failure> {
        if let Some(view) = self.terminal() {
            let request = Request::Typed { service: view.service.clone(), bytes };
            return self.ask(&request).await;
        }
        if bytes.contains(&b'd') {
            self.ask(&Request::Detach).await?;
            output::note("the services stay up; styxy down ends them");
            return Ok(Next::Ends(Exit::Done));
        }
        Ok(Next::Goes)
    }

    /// Says how large the terminal is.
    async fn size(&mut self) {
        if io::stdout().is_terminal() {
            let (columns, rows) = output::size();
            let size = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
            let _ = self.asked.keeper.ask(&Request::Size { rows: size(rows), columns: size(columns) }).await;
        }
    }
}

/// Prints what services have printed, or what became of them.
fn print(bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() { Ok(()) } else { output::raw(bytes) }
}

/// Whether it runs, or is about to.
fn goes_on(view: &View) -> bool {
    match view.state {
        State::Failed => view.pid.is_some() || view.ending,
        State::Ended | State::Outside => false,
        State::Waiting | State::Starting | State::Ready | State::Running | State::Ending => true,
    }
}
