//! The table of tools: how a client sees each, its arguments, and what it does with them.

use std::pin::Pin;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool as Declaration, ToolAnnotations};
use styxy_core::api::Refusal;

use super::arguments::{
    Allocate, Check, List, Release, ServiceLogs, StartService, StopService, WaitFor, WhoOwns, read,
};
use super::calls::{self, Answer};
use super::{schema, services};
use crate::here::context::Context;
use crate::say::failure::Failure;

/// A tool that an agent can call.
pub(super) struct Tool {
    pub(super) name: &'static str,
    title: &'static str,
    description: &'static str,
    effect: Effect,
    takes: Takes,
    /// The type of its answer, as the REST API's document calls it.
    gives: &'static str,
}

/// What a call may change.
#[derive(Debug, Clone, Copy)]
enum Effect {
    /// Nothing.
    Reads,
    /// It adds, and asking again adds nothing.
    Adds,
    /// It ends something.
    Ends,
}

/// The arguments of a tool, as a client sees them and as a call reads them.
struct Takes {
    schema: fn() -> JsonObject,
    call: for<'c> fn(&'c Context, JsonObject) -> Answering<'c>,
}

type Answering<'c> = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'c>>;

/// The client sees the schema of the type that the call reads.
macro_rules! takes {
    ($arguments:ty => $call:path) => {
        Takes {
            schema: schema::input::<$arguments>,
            call: |context, said| Box::pin(async move { $call(context, read::<$arguments>(said)?).await }),
        }
    };
}

/// Every tool, in the order in which they are listed.
pub(super) static TOOLS: [Tool; 9] = [
    Tool {
        name: "allocate_port",
        title: "Get a port",
        description: "Leases a TCP port to a dev server of this worktree. Nobody else gets it while the lease is live. \
                      The same service and name get the same port again. A preferred port that somebody else has is not \
                      taken from them: you get another one, and the answer says who has it.",
        effect: Effect::Adds,
        takes: takes!(Allocate => calls::allocate),
        gives: "Grant",
    },
    Tool {
        name: "release_port",
        title: "Release a port",
        description: "Ends a lease, by port or by lock_id. A server on the port keeps running. Leases that a server of \
                      another worktree or agent session uses are refused.",
        effect: Effect::Ends,
        takes: takes!(Release => calls::release),
        gives: "ReleaseAnswer",
    },
    Tool {
        name: "list_ports",
        title: "List leased ports",
        description: "Lists the leases of this machine, all or those that match: port, service, whether a server \
                      listens, agent session, worktree.",
        effect: Effect::Reads,
        takes: takes!(List => calls::list),
        gives: "AllocationsAnswer",
    },
    Tool {
        name: "check_port",
        title: "Check a port",
        description: "Says whether a port is free, and if not, which lease or process has it. Changes nothing.",
        effect: Effect::Reads,
        takes: takes!(Check => calls::check),
        gives: "CheckAnswer",
    },
    Tool {
        name: "who_owns_port",
        title: "Whose server is on a port",
        description: "Says whose the server on a port is, seen from this worktree: mine, nobody, sibling (another \
                      worktree of this repository), foreign (another project or user) or orphan (its worktree was \
                      deleted); with process, pid, worktree, branch and agent session. Command lines are never shown.",
        effect: Effect::Reads,
        takes: takes!(WhoOwns => calls::who),
        gives: schema::WHO,
    },
    Tool {
        name: "start_service",
        title: "Start a worktree's services",
        description: "Starts a service of this worktree, or all of them, each on its own port, and waits until they are ready. \
                      What runs already stays as it is. What a service runs is what .styxy.json says, else Procfile.dev, else the \
                      dev script. They go on running when this session ends.",
        effect: Effect::Adds,
        takes: takes!(StartService => services::start),
        gives: schema::SERVICES,
    },
    Tool {
        name: "stop_service",
        title: "Stop a service",
        description: "Ends a service of this worktree that start_service or styxy up has started, with everything that it has \
                      started. Its port stays its own. One that belongs to a person's terminal is refused.",
        effect: Effect::Ends,
        takes: takes!(StopService => services::stop),
        gives: schema::SERVICES,
    },
    Tool {
        name: "service_logs",
        title: "Read a service's output",
        description: "The last lines that a service of this worktree has printed, without colours: at most 200 lines and 32 KiB.",
        effect: Effect::Reads,
        takes: takes!(ServiceLogs => services::logs),
        gives: schema::LOGS,
    },
    Tool {
        name: "wait_for",
        title: "Wait for a service",
        description: "Waits until a service of this worktree is ready, or with `path` until it answers there; ends early if the \
                      service has failed, and says why.",
        effect: Effect::Reads,
        takes: takes!(WaitFor => services::wait),
        gives: schema::SERVICES,
    },
];

impl Tool {
    /// The tool of that name, if there is one.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TOOLS.iter().find(|tool| tool.name == name)
    }

    /// Runs a call of it.
    ///
    /// # Errors
    /// The arguments are invalid, the daemon refuses, or it cannot be reached.
    pub(super) async fn call(&self, context: &Context, said: JsonObject) -> Result<Answer, Refusal> {
        (self.takes.call)(context, said).await.map_err(Failure::into_refusal)
    }

    /// How a client lists it.
    pub(super) fn declaration(&self) -> Declaration {
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(matches!(self.effect, Effect::Reads))
            .destructive(matches!(self.effect, Effect::Ends))
            .idempotent(true)
            .open_world(false);
        Declaration::new(self.name, self.description, Arc::new((self.takes.schema)()))
            .with_title(self.title)
            .with_raw_output_schema(Arc::new(schema::output(self.gives)))
            .with_annotations(annotations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};
    use serde_json::Value;

    #[test]
    fn every_tool_is_listed_as_it_was_reviewed() {
        // The answers are those of the REST API, which has its own file.
        let shown = TOOLS.iter().map(|tool| {
            let mut listed = serde_json::to_value(tool.declaration()).unwrap();
            listed.as_object_mut().unwrap().remove("outputSchema");
            (tool.name, format!("{listed:#}\n"))
        });
        snapshot!("tools", each(shown));
    }

    #[test]
    fn every_reference_of_an_output_leads_somewhere_in_it() {
        for tool in &TOOLS {
            let schema = Value::Object(schema::output(tool.gives));
            let text = schema.to_string();
            assert!(!text.contains(schema::COMPONENTS) && !text.contains("examples"), "{text}");
            assert!(!text.contains("\"null\""), "{text}");
            let references: Vec<&str> = text.split("\"$ref\":\"#").skip(1).collect();
            assert!(references.len() > 1, "{text}");
            for reference in references {
                let pointer = reference.split('"').next().unwrap();
                assert!(schema.pointer(pointer).is_some_and(Value::is_object), "{pointer}");
            }
        }
    }
}
