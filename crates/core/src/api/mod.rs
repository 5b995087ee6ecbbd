//! The wire: one type per message, the same in REST, `--json`, the client and the addon.
//!
//! JSON with `snake_case` names. Requests refuse unknown fields by name; an explicit null is the same as absent. Durations are
//! numbers of seconds, times RFC 3339, sizes bytes.

mod allocate;
mod daemon;
mod event;
mod inspect;
mod instance;
mod lease;
mod local;
mod read;
mod refusal;
mod refused;
mod rule;
mod view;

pub use allocate::{AllocateAnswer, AllocateRequest, Grant, GroupAnswer, MemberRequest, block};
pub use daemon::{
    CleanupAnswer, CleanupRequest, ConfigAnswer, Journal, JournalMode, Listen, Memory, StatusAnswer, Watches,
};
pub use event::{EventMessage, EventName};
pub use inspect::{
    CheckAnswer, Container, PortInUse, ScanAnswer, ScanQuery, SuggestAnswer, SuggestQuery, SystemUsage, count,
};
pub use instance::{
    BeatAnswer, BeatRequest, EndInstanceAnswer, InstanceView, InstancesAnswer, RegisterAnswer,
    RegisterRequest,
};
pub use lease::{
    AllocationsAnswer, AllocationsQuery, ConflictView, Lease, ListenerView, OwnerKind, OwnerView,
    ReleaseAnswer, ReleaseQuery, State,
};
pub use local::{
    Again, Ended, Ending, KillAnswer, Manager, OpenAnswer, Spared, UpService, WaitAnswer, WhoAnswer, Whose,
};
pub use read::{decode, read, read_node};
pub use refusal::{Code, Refusal};
pub use refused::{RefusalsAnswer, RefusalsQuery, Refused, ReportRequest, Wanted};
pub use rule::Rule;
pub use view::{RepositoryView, ServiceState, ServiceView, SessionView, ViewAnswer, WorktreeView};

/// The major version of this contract: clients and daemons of one number understand each other.
pub const API_VERSION: u32 = 1;

/// The TCP port the daemon listens on unless the configuration says otherwise.
pub const DEFAULT_PORT: u16 = 9876;

/// A body longer than this, in bytes, is refused.
pub const MAX_BODY: usize = 16 * 1024;
