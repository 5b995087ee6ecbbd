//! The named pipe that only this user can open, as something HTTP can be served on.
#![expect(unsafe_code, reason = "tokio takes security attributes as a raw pointer")]

use std::io;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
use tokio::time::sleep;

use super::sid::OnlyOwnUser;

/// After a refusal of the system, the next try comes this late.
const AGAIN: Duration = Duration::from_millis(100);

/// Listens on a named pipe. One instance always waits, so that a client never finds none.
#[derive(Debug)]
pub struct PipeListener {
    name: String,
    waiting: NamedPipeServer,
    who: OnlyOwnUser,
}

impl PipeListener {
    /// Makes the pipe, `\\.\pipe\…`, within a tokio runtime. Clients of other users and of other machines are refused.
    ///
    /// # Errors
    /// `PermissionDenied` if there is such a pipe already, whoever's.
    pub fn bind(name: &str) -> io::Result<Self> {
        let who = OnlyOwnUser::new()?;
        let waiting = instance(name, &who, Instance::First)?;
        Ok(Self { name: name.to_owned(), waiting, who })
    }

    /// A client, and a new instance in place of the one that it took.
    async fn accept_one(&mut self) -> io::Result<NamedPipeServer> {
        self.waiting.connect().await?;
        let next = instance(&self.name, &self.who, Instance::Further)?;
        Ok(std::mem::replace(&mut self.waiting, next))
    }
}

impl Listener for PipeListener {
    type Io = NamedPipeServer;
    /// The pipe's name: its clients have none.
    type Addr = String;

    async fn accept(&mut self) -> (NamedPipeServer, String) {
        loop {
            match self.accept_one().await {
                Ok(client) => return (client, self.name.clone()),
                Err(error) => {
                    tracing::warn!(%error, "pipe did not accept");
                    // A client that came and went leaves its instance unfit for the next.
                    let _ = self.waiting.disconnect();
                    sleep(AGAIN).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<String> {
        Ok(self.name.clone())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instance {
    First,
    Further,
}

fn instance(name: &str, who: &OnlyOwnUser, which: Instance) -> io::Result<NamedPipeServer> {
    let mut attributes = who.attributes();
    let mut options = ServerOptions::new();
    options.first_pipe_instance(which == Instance::First).reject_remote_clients(true);
    // SAFETY: the attributes, and the descriptor in them that `who` owns, live through the call, which copies them.
    unsafe { options.create_with_security_attributes_raw(name, (&raw mut attributes).cast()) }
}

/// Whether the other end has closed the pipe: here only a read or a write tells.
#[must_use]
pub fn has_hung_up(_: &impl Sized) -> bool {
    false
}
