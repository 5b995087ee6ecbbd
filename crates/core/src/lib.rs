//! What is true of Styxy's leases: which port belongs to whom, and what follows from each thing that happens.
//!
//! No input, no output, no clock, no thread: time, fresh ids and the state of the machine's ports come in as
//! arguments, and what follows goes out as [`Event`]s. `clippy.toml` beside this crate's manifest enforces it.

mod ancestry;
pub mod api;
pub mod belongs;
mod causes;
pub mod checkout;
mod command;
pub mod config;
mod door_rules;
mod event;
pub mod guard;
pub mod handshake;
mod invalid;
pub mod json;
pub mod label;
pub mod layout;
mod lease;
pub mod locks;
mod names;
mod nearest;
pub mod order;
mod port;
mod port_set;
pub mod printable;
mod process;
pub mod project;
mod refusal;
mod registry;
#[cfg(feature = "schema")]
mod schema;
pub mod session;
mod time;
pub mod version;
pub mod view;

pub use ancestry::{Link, ancestors};
pub use causes::{with_causes, with_root_cause};
pub use command::{Allocation, AllocationMode, AnswerForm, Ask, Command, Registration, Reuse, Wish};
pub use door_rules::{DoorRules, HostHeader};
pub use event::{Answered, EndReason, Event, Fact, Seq};
pub use invalid::Invalid;
pub use lease::{Conflict, Instance, Key, Lease, Left, Listening, Naming, Owner};
pub use names::{InstanceId, LockId, ProjectId, ProjectPath, RequestId, ServiceName, ServiceType};
pub use nearest::{is_slip, nearest};
pub use port::{InvalidRange, Occupancy, Port, PortRange};
pub use port_set::{PortSet, Spacing};
pub use process::{Listener, Pid, Process, ProcessKey, Relation};
pub use refusal::{Holder, Refusal};
pub use registry::{AtHost, Policy, Registry, Snapshot};
pub use time::{Millis, Timestamp, WallTime, duration};
