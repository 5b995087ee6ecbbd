//! The agent session that the services end with, if the user's settings say so (R146).

use std::time::Duration;

use styxy_core::config::EndWith;

use super::Keeper;
use super::service::Service;
use super::watch;
use crate::up::wire::{Ends, Hurry, Said, Session};

impl Keeper {
    /// Whoever asks last takes the services over: a person from an agent session, one session from another (R146).
    pub(super) fn take_session(&mut self, client: u64, session: Option<Session>, ends: Ends) {
        if (&session, ends) == (&self.session, self.ends) {
            return;
        }
        let before = self.session_that_ends_them().map(|session| session.instance.clone());
        (self.session, self.ends) = (session, ends);
        self.watch_session();
        let now = self.session_that_ends_them().map(|session| session.instance.clone());
        let text = match (before, now) {
            (None, None) => return,
            (_, Some(now)) => format!("the services end {} after the agent session {now}", self.grace()),
            (Some(before), None) => format!("the services no longer end with the agent session {before}"),
        };
        self.clients.say(client, Said::Note { text });
    }

    fn session_that_ends_them(&self) -> Option<&Session> {
        self.session.as_ref().filter(|session| self.ends.with == EndWith::Session && session.pid.is_some())
    }

    /// `the agent session claude-812`, if it is that process that the services end with.
    pub(super) fn session_with(&self, pid: u32) -> Option<String> {
        let session = self.session_that_ends_them().filter(|session| session.pid == Some(pid))?;
        Some(format!("the agent session {}", session.instance))
    }

    pub(super) fn grace(&self) -> String {
        crate::say::age::span(self.ends.grace_ms / 1000)
    }

    /// What an earlier keeper's services were to end with counts while any of them runs.
    pub(super) fn adopt_session(&mut self) {
        if self.services.iter().any(Service::is_alive) {
            self.watch_session();
        } else {
            self.session = None;
        }
    }

    /// Waits for the end of the session that the services end with.
    fn watch_session(&self) {
        if let Some(session) = self.session_that_ends_them() {
            watch::session(session, Duration::from_millis(self.ends.grace_ms), &self.happen);
        }
    }

    /// Everything ends, and each service says why.
    pub(super) fn end_since(&mut self, why: String) {
        self.tell(&format!("{why}; its services end"));
        self.over = Some(why);
        self.end_all(Hurry::None);
    }
}
