//! The tools as a client lists them: names, descriptions, and what they do to the world.

use std::sync::Arc;

use rmcp::model::{Tool as Declaration, ToolAnnotations};

use super::schema;

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Allocate,
    Release,
    List,
    Check,
    WhoOwns,
}

/// What a call may change.
enum Effect {
    /// Nothing.
    Reads,
    /// It adds, and asking again adds nothing.
    Adds,
    /// It ends something.
    Ends,
}

impl Tool {
    pub(super) const ALL: [Self; 5] = [Self::Allocate, Self::Release, Self::List, Self::Check, Self::WhoOwns];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Allocate => "allocate_port",
            Self::Release => "release_port",
            Self::List => "list_ports",
            Self::Check => "check_port",
            Self::WhoOwns => "who_owns_port",
        }
    }

    /// The tool of that name, if there is one.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Allocate => "Get a port",
            Self::Release => "Give a port back",
            Self::List => "List leased ports",
            Self::Check => "Look at a port",
            Self::WhoOwns => "Whose server is on a port",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Allocate => {
                "Leases a TCP port to a dev server of this worktree. Nobody else is given it while the lease stands. \
                 The same service and name get the same port again. A wished port that somebody holds is not taken: \
                 another is given, and the answer says who holds it."
            }
            Self::Release => {
                "Ends a lease, by port or by lock_id. A server on the port keeps running. A lease that another \
                 worktree's or agent session's server uses is refused."
            }
            Self::List => {
                "Lists the leases of this machine, all or those that match: port, service, whether a server listens, \
                 agent session, worktree."
            }
            Self::Check => {
                "Says whether a port is free, and if not, which lease or process has it. Changes nothing."
            }
            Self::WhoOwns => {
                "Says whose the server on a port is, seen from this worktree: mine, nobody, sibling (another worktree \
                 of this repository), foreign (another project or user) or orphan (its worktree was deleted); with \
                 process, pid, worktree, branch and agent session. Command lines are never told."
            }
        }
    }

    const fn effect(self) -> Effect {
        match self {
            Self::Allocate => Effect::Adds,
            Self::Release => Effect::Ends,
            Self::List | Self::Check | Self::WhoOwns => Effect::Reads,
        }
    }

    /// As a client lists it.
    pub(super) fn declaration(self) -> Declaration {
        let effect = self.effect();
        let annotations = ToolAnnotations::with_title(self.title())
            .read_only(matches!(effect, Effect::Reads))
            .destructive(matches!(effect, Effect::Ends))
            .idempotent(true)
            .open_world(false);
        Declaration::new(self.name(), self.description(), Arc::new(schema::input(self)))
            .with_title(self.title())
            .with_raw_output_schema(Arc::new(schema::output(self)))
            .with_annotations(annotations)
    }
}
