//! What a command and a keeper say to each other over the keeper's socket: one line of JSON for each message.
//!
//! A keeper may be older than a command, and the other way round: [`VERSION`] says whether they understand each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use styxy_core::config::EndWith;
use styxy_core::{LockId, Port, ServiceName, ServiceType, WallTime};

pub(crate) use crate::up::state::State;
use crate::up::wished::Wished;

/// Which messages there are. A keeper of another version is replaced: its services go on.
pub(crate) const VERSION: u32 = 3;

/// What a command asks for. Its first line; the following ones are for a command that stays attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// These services are to run.
    Up(Box<Up>),
    /// These are to end, all if none is named.
    Down(Box<Down>),
    /// What an `up` with these orders would do; nothing is done.
    Foresee { orders: Vec<Order>, extent: Extent },
    /// What there is now.
    Show,
    /// What there is now, and every change.
    Watch,
    /// Bytes that were typed for a service with a terminal.
    Typed { service: String, bytes: Vec<u8> },
    /// How large the terminal is now.
    Size { rows: u16, columns: u16 },
    /// The services no longer end with this connection.
    Detach,
    /// The keeper is to go, without its services.
    Leave,
}

/// How fast something ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hurry {
    /// It is interrupted, and has its time.
    #[default]
    None,
    /// It is asked to terminate now.
    Some,
    /// It is killed.
    Most,
}

impl Hurry {
    /// The next one: for who presses Ctrl-C again.
    pub(crate) const fn more(self) -> Self {
        match self {
            Self::None => Self::Some,
            Self::Some | Self::Most => Self::Most,
        }
    }
}

/// Whether servers that were started without the keeper end too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outside {
    #[default]
    Stays,
    Ends,
}

/// The services that are to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Up {
    pub(crate) orders: Vec<Order>,
    /// Whether these are all: what is not among them ends then.
    pub(crate) extent: Extent,
    pub(crate) attachment: Attachment,
    /// The agent session that asks.
    pub(crate) session: Option<Session>,
    #[serde(default)]
    pub(crate) ends: Ends,
    /// What the services are from, as people call it.
    #[serde(default)]
    pub(crate) source: String,
    /// The environment of all of them, before their own variables.
    pub(crate) environment: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Extent {
    All,
    Some,
}

/// The services that are to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Down {
    /// All if none is named.
    pub(crate) services: Vec<String>,
    pub(crate) hurry: Hurry,
    pub(crate) outside: Outside,
    /// That of whoever asks, for a keeper that has none from an `up`.
    #[serde(default)]
    pub(crate) environment: Vec<(String, String)>,
    /// Services whose servers run and were started by hand: the keeper may never have started these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_hand: Vec<Order>,
}

impl Down {
    /// Ends `services`, all if none is named.
    pub(crate) const fn of(services: Vec<String>, hurry: Hurry, outside: Outside) -> Self {
        Self { services, hurry, outside, environment: Vec::new(), by_hand: Vec::new() }
    }
}

/// What the connection of `up` is to the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attachment {
    /// Services that are started for it end with it.
    Owns,
    /// They stay.
    Detached,
}

/// The agent session that a request is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) instance: String,
    pub(crate) pid: Option<u32>,
    /// With the pid this identifies its process.
    #[serde(default)]
    pub(crate) started: Option<u64>,
}

/// With what a stack ends that nobody ends by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ends {
    #[serde(default)]
    pub(crate) with: EndWith,
    /// How long it outlives the session that it ends with.
    #[serde(default)]
    pub(crate) grace_ms: u64,
}

/// One service, ready to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) label: String,
    /// A hash of its definition as it is written: another one means that it is started again.
    pub(crate) definition: String,
    /// A hash of each key of it, by the key's name, to say which one has changed. None from an older version.
    #[serde(default)]
    pub(crate) keys: Vec<(String, String)>,
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
    /// The command as people wrote it.
    pub(crate) shown: String,
    pub(crate) cwd: PathBuf,
    /// Its own variables, on top of the environment of all.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) lease: Option<LeaseKey>,
    /// On which port it is to be. None from an older version, and where that is not Styxy's to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wished: Option<Wished>,
    pub(crate) expects: Expects,
    pub(crate) ready: Option<ReadyBy>,
    pub(crate) after: Vec<String>,
    pub(crate) tty: bool,
    pub(crate) timeout_ms: u64,
    /// What its tool locks while it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lock: Option<PathBuf>,
    /// The agent session that has asked for its start, as the keeper knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    /// What ends it, where that is more than a signal: it has no process of its own then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop: Option<Vec<String>>,
    /// The container that compose is asked for first, however that turns out: two at once would both make the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<String>,
    /// Why it cannot be started at all. What runs of it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<Refused>,
}

impl Order {
    /// Whether it waits for `label`, or for its turn after that.
    pub(crate) fn is_behind(&self, label: &str) -> bool {
        self.after.iter().chain(&self.turn).any(|before| before == label)
    }
}

/// Why a service cannot be started, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) why: String,
    pub(crate) advice: Option<String>,
}

/// The lease of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseKey {
    pub(crate) kind: ServiceType,
    pub(crate) name: Option<ServiceName>,
    /// The port that the service and its peers are told.
    pub(crate) port: Port,
    pub(crate) lock_id: Option<LockId>,
    pub(crate) named_url: Option<String>,
}

/// When a service counts as ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expects {
    /// Once it listens.
    Listener,
    /// Once it listens, and it counts as running without that after some seconds.
    Perhaps,
    /// At once.
    Nothing,
    /// Once its command has ended well; it has no process then.
    End,
    /// That it ends well, which is all that it has to do.
    Done,
}

/// The answer that says that a service is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadyBy {
    pub(crate) path: String,
    pub(crate) status: Option<u16>,
    pub(crate) text: Option<String>,
}

/// What a keeper says. `Hello` is said to commands of every version: it keeps its form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// The first line: who speaks.
    Hello { version: u32, pid: u32 },
    /// All services, as they are now.
    Now(Picture),
    /// A sentence about the stack as a whole.
    Note { text: String },
    /// What an `up` would do.
    Foreseen { services: Vec<Foreseen> },
    /// The request cannot be done.
    Refused { why: String },
}

/// What an `up` does with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    Starts,
    /// It runs, and goes on.
    Stays,
    /// What runs of it ends, and it starts again.
    Again,
    /// Its server runs, and no keeper has started it: it goes on.
    Outside,
    /// It is not in the file any more.
    Ends,
    /// It cannot be started, or comes after one that cannot.
    Fails,
}

/// What an `up` would do with a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Foreseen {
    pub(crate) service: String,
    pub(crate) fate: Fate,
    /// Why it starts again, or fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Where it serves, or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<Port>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
}

/// All services at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub(crate) services: Vec<View>,
    /// Whether the request of this connection is done: all that it is about have settled.
    pub(crate) settled: bool,
    /// The services of this request of which another request wants the opposite since: nobody waits for these any more.
    #[serde(default)]
    pub(crate) overtaken: Vec<String>,
}

/// One service as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own in what the keeper writes")]
pub(crate) struct View {
    pub(crate) service: String,
    pub(crate) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<Port>,
    /// The others that its processes listen on, where that was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) further_ports: Vec<Port>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) named_url: Option<String>,
    /// Since when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<WallTime>,
    /// Whether it was started for the request of this connection.
    pub(crate) started: bool,
    /// Why it is in this state, where that does not go without saying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// What can be done about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
    /// The code that its program ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<i32>,
    /// Whether it was not started at all: what its log says is of an earlier start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unstarted: bool,
    /// Whether it has failed, and what it has left behind still ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ending: bool,
    /// Whether something of it had to be killed, the last time that it was ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) killed: bool,
    /// Whether it ends with this connection.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mine: bool,
    /// Whether it ends with another one, which a person sees.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) anothers: bool,
    /// The agent session that has started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    /// Whether something of it may run all the same: a container that has failed, or what could not be ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) may_be_left: bool,
    pub(crate) log: PathBuf,
    pub(crate) tty: bool,
}

impl View {
    /// Whether it has failed, so that nobody waits for the others any longer. One that could not be started at all harms no other.
    pub(crate) fn has_given_up(&self) -> bool {
        self.state == State::Failed && !self.unstarted
    }
}
