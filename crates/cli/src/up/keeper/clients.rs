//! Who is attached to the keeper: each connection has a task that reads it, and one that writes to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::happen::Happening;
use crate::up::place::{Place, of};
use crate::up::system::{self, FromClient, Listener, ToClient};
use crate::up::wire::{Picture, Request, Said, State, VERSION, View};

/// Everybody who is attached.
pub(super) struct Clients {
    all: BTreeMap<u64, Client>,
    place: Place,
}

struct Client {
    say: UnboundedSender<Said>,
    wants: Wants,
    /// The services that were started for it.
    started: BTreeSet<String>,
    /// Those of which somebody else wants the opposite since.
    overtaken: BTreeSet<String>,
    shown: Option<Picture>,
}

/// What somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wants {
    /// It has not said so yet.
    Nothing,
    /// What is there now, once.
    Now,
    /// Every change.
    Changes,
    /// Every change, until these have settled.
    Settled(BTreeSet<String>),
    /// The same until they have ended.
    Ended(BTreeSet<String>),
}

impl Clients {
    /// Listens on the keeper's socket. A socket that is there is an earlier keeper's: this one has the lock.
    ///
    /// # Errors
    /// The folder has no room for a socket, or its path is too long.
    pub(super) fn listen(place: &Place, happen: &UnboundedSender<Happening>) -> io::Result<Self> {
        let path = place.socket();
        let listener = Listener::open(path).map_err(|error| of(path, &error))?;
        tokio::spawn(accept(listener, happen.clone()));
        Ok(Self { all: BTreeMap::new(), place: place.clone() })
    }

    pub(super) fn came(&mut self, client: u64, say: UnboundedSender<Said>) {
        let _ = say.send(Said::Hello { version: VERSION, pid: std::process::id() });
        self.all.insert(
            client,
            Client {
                say,
                wants: Wants::Nothing,
                started: BTreeSet::new(),
                overtaken: BTreeSet::new(),
                shown: None,
            },
        );
    }

    pub(super) fn went(&mut self, client: u64) {
        self.all.remove(&client);
    }

    pub(super) fn are_there(&self) -> bool {
        !self.all.is_empty()
    }

    pub(super) fn wants(&mut self, client: u64, wants: Wants) {
        if let Some(client) = self.all.get_mut(&client) {
            client.wants = wants;
            client.overtaken.clear();
            client.shown = None;
        }
    }

    /// This service is started for somebody's request; whoever waits for its end learns it.
    pub(super) fn starts(&mut self, client: u64, label: &str) {
        self.overtake(Some(client), label, |wants| match wants {
            Wants::Ended(labels) => labels.contains(label),
            Wants::Nothing | Wants::Now | Wants::Changes | Wants::Settled(_) => false,
        });
        for (id, other) in &mut self.all {
            if *id == client {
                other.started.insert(label.to_owned());
            } else {
                other.started.remove(label);
            }
        }
    }

    /// This service, which is not settled, ends for somebody's request or without one; whoever waits for it learns it.
    pub(super) fn ends(&mut self, client: Option<u64>, label: &str) {
        self.overtake(client, label, |wants| match wants {
            Wants::Settled(labels) => labels.contains(label),
            Wants::Nothing | Wants::Now | Wants::Changes | Wants::Ended(_) => false,
        });
    }

    fn overtake(&mut self, by: Option<u64>, label: &str, waits: impl Fn(&Wants) -> bool) {
        for (_, client) in self.all.iter_mut().filter(|(id, client)| Some(**id) != by && waits(&client.wants))
        {
            client.overtaken.insert(label.to_owned());
        }
    }

    pub(super) fn say(&self, client: u64, said: Said) {
        if let Some(client) = self.all.get(&client) {
            let _ = client.say.send(said);
        }
    }

    /// Tells everybody.
    pub(super) fn note(&self, text: &str) {
        for client in self.all.values() {
            let _ = client.say.send(Said::Note { text: text.to_owned() });
        }
    }

    /// Shows everybody who waits for it what is there, if it is another picture than before.
    pub(super) fn show(&mut self, views: impl Fn(u64, &dyn Fn(&str) -> bool) -> Vec<View>) {
        for (id, client) in &mut self.all {
            if client.wants == Wants::Nothing {
                continue;
            }
            let services = views(*id, &|label| client.started.contains(label));
            let settled = client.wants.are_met(&services, &client.overtaken);
            let overtaken = client.overtaken.iter().cloned().collect();
            let picture = Picture { services, settled, overtaken };
            if client.shown.as_ref() != Some(&picture) {
                let _ = client.say.send(Said::Now(picture.clone()));
                client.shown = Some(picture);
            }
        }
    }

    /// Nobody is answered any more.
    pub(super) fn close(&mut self) {
        self.all.clear();
        system::close(self.place.socket());
    }
}

impl Wants {
    /// Nobody waits for what somebody else has prevented.
    fn are_met(&self, services: &[View], overtaken: &BTreeSet<String>) -> bool {
        let is = |labels: &BTreeSet<String>, is: fn(State) -> bool| {
            let is_meant =
                |view: &&View| labels.contains(&view.service) && !overtaken.contains(&view.service);
            services.iter().filter(is_meant).all(|view| is(view.state))
        };
        match self {
            Self::Nothing | Self::Changes => false,
            Self::Now => true,
            Self::Settled(labels) => is(labels, State::is_settled),
            Self::Ended(labels) => is(labels, |state| match state {
                State::Ended | State::Failed | State::Outside => true,
                State::Waiting | State::Starting | State::Ready | State::Running | State::Ending => false,
            }),
        }
    }
}

async fn accept(mut listener: Listener, happen: UnboundedSender<Happening>) {
    let mut client = 0;
    loop {
        let ends = listener.client().await;
        client += 1;
        let (say, said) = unbounded_channel();
        let _ = happen.send(Happening::Came { client, say });
        tokio::spawn(speak(client, ends, said, happen.clone()));
    }
}

/// Reads what one connection asks, and writes what it is told.
async fn speak(
    client: u64,
    (read, mut write): (FromClient, ToClient),
    mut said: UnboundedReceiver<Said>,
    happen: UnboundedSender<Happening>,
) {
    let asked = async {
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let Ok(request) = serde_json::from_slice::<Request>(line.as_bytes()) else { break };
            let _ = happen.send(Happening::Asked { client, request });
        }
    };
    let told = async {
        while let Some(said) = said.recv().await {
            let mut line = serde_json::to_vec(&said).unwrap_or_default();
            line.push(b'\n');
            if write.write_all(&line).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = asked => {}
        () = told => {}
    }
    let _ = happen.send(Happening::Went { client });
}
