//! The named pipe that only this user can open, as something HTTP can be served on.
#![expect(unsafe_code, reason = "tokio takes security attributes as a raw pointer")]

use std::io;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::sid::OnlyOwnUser;

/// After a refusal of the system, the next try comes this late.
const AGAIN: Duration = Duration::from_millis(100);

/// So many instances wait at once: clients that come together find one each.
const WAITING: usize = 8;

/// Listens on a named pipe. Several instances always wait, so that a client rarely finds none.
#[derive(Debug)]
pub struct PipeListener {
    name: String,
    /// Each resolves with its client.
    waiting: JoinSet<io::Result<NamedPipeServer>>,
    who: OnlyOwnUser,
}

impl PipeListener {
    /// Makes the pipe, `\\.\pipe\…`, within a tokio runtime. Clients of other users and of other machines are refused.
    ///
    /// # Errors
    /// `PermissionDenied` if there is such a pipe already, whoever's.
    pub fn bind(name: &str) -> io::Result<Self> {
        let who = OnlyOwnUser::new()?;
        let mut waiting = JoinSet::new();
        waiting.spawn(client_of(instance(name, &who, Instance::First)?));
        let mut listener = Self { name: name.to_owned(), waiting, who };
        listener.refill()?;
        Ok(listener)
    }

    /// The next client. May be dropped and called again.
    pub async fn client(&mut self) -> NamedPipeServer {
        loop {
            if let Err(error) = self.refill() {
                tracing::warn!(%error, "no further instance of the pipe can be made");
                if self.waiting.is_empty() {
                    sleep(AGAIN).await;
                    continue;
                }
            }
            match self.waiting.join_next().await {
                Some(Ok(Ok(client))) => return client,
                // A client that came and went leaves its instance unfit for the next.
                Some(Ok(Err(error))) => tracing::warn!(%error, "pipe did not accept"),
                // No task is cancelled or panics, and one waits at least.
                Some(Err(_)) | None => {}
            }
        }
    }

    /// Makes new instances in place of those that have a client.
    fn refill(&mut self) -> io::Result<()> {
        while self.waiting.len() < WAITING {
            self.waiting.spawn(client_of(instance(&self.name, &self.who, Instance::Further)?));
        }
        Ok(())
    }
}

/// The instance, once it has a client.
async fn client_of(instance: NamedPipeServer) -> io::Result<NamedPipeServer> {
    instance.connect().await?;
    Ok(instance)
}

impl Listener for PipeListener {
    type Io = NamedPipeServer;
    /// The pipe's name: its clients have none.
    type Addr = String;

    async fn accept(&mut self) -> (NamedPipeServer, String) {
        (self.client().await, self.name.clone())
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

/// Whether the other end has closed the pipe: here only a read or a write shows it.
#[must_use]
pub fn has_hung_up(_: &impl Sized) -> bool {
    false
}
