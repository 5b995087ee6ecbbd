//! `styxy mcp`: tools of the Model Context Protocol, over stdin and stdout.
//!
//! The server keeps no state: each call finds out where it is and asks the daemon. Its leases are owned by its own process,
//! so they end when it does, however it ends. Only the protocol goes to stdout.

mod arguments;
mod bounded;
mod calls;
mod lines;
mod schema;
mod services;
mod tool;

use std::io;
use std::sync::LazyLock;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult,
    ErrorCode, ErrorData, Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
    ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer, ServerInitializeError};
use rmcp::{ServerHandler, ServiceExt};
use serde_json::Value;
use styxy_core::api::Refusal;

use crate::here::context::{self, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::say::voice::answers;
use bounded::Bounded;
use calls::Answer;
use lines::Lines;
use tool::{TOOLS, Tool};

const INSTRUCTIONS: &str = "\
Styxy leases the TCP ports of dev servers on this machine: one port, one holder. A lease is for a worktree, a service \
(dev, api, test, storybook, …) and, where there are several of one service, a name; asking again gives the same port. \
Without `project` the worktree is the one around this server's working folder; a session that works in another \
worktree names that. Leases made here end with this server, unless a server listens on the port: then with that one. \
Ports that others have stay theirs: allocate_port gives a free one and says who has the preferred one. Where the worktree \
says what its services are (.styxy.json, Procfile.dev, a dev script), start_service starts them, each on its port, and they \
stay when this server ends; service_logs and wait_for tell what becomes of them.";

/// Serve the tools of the Model Context Protocol to a coding agent
///
/// The agent starts it and talks to it over stdin and stdout. Its tools allocate, release, list and check ports, and say who
/// owns one. Its leases end with it, however it ends; a server that is listening keeps its port.
///
/// The project is the worktree of the current folder, unless a call names another.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy mcp                         started by the agent, not by hand
  claude mcp add styxy -- styxy mcp   once, for Claude Code
  {\"mcpServers\": {\"styxy\": {\"command\": \"styxy\", \"args\": [\"mcp\"]}}}
                                    in a project's .mcp.json, for everybody who works on it"))]
pub(crate) struct Args {}

impl Args {
    #[expect(clippy::unused_self, reason = "has the form of every command")]
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        #[cfg(unix)]
        rename();
        if output::can_ask() {
            output::note("This command is for agents; it waits for one on stdin. Ctrl-D ends it.");
        }
        let server = Server { context: context.clone() };
        context::block_on(serve(server))??;
        Ok(Exit::Done)
    }
}

/// Becomes this program as `styxy mcp`, so that no `pkill -f node` means it, wherever the program is. If that fails it stays as
/// it is.
#[cfg(unix)]
fn rename() {
    use std::os::unix::process::CommandExt as _;
    const NAME: &str = "styxy";
    let mut words = std::env::args_os();
    if words.next().is_some_and(|called| called != NAME)
        && let Ok(program) = styxy_client::own_program()
    {
        let _ = std::process::Command::new(program).arg0(NAME).args(words).exec();
    }
}

/// What a client lists. Made once: it takes hundreds of kilobytes until it is made.
static DECLARED: LazyLock<Vec<rmcp::model::Tool>> =
    LazyLock::new(|| TOOLS.iter().map(Tool::declaration).collect());

/// Answers until stdin ends.
async fn serve(server: Server) -> io::Result<()> {
    let (stdin, stdout) = rmcp::transport::stdio();
    let lines = Lines::new(tokio::io::BufReader::new(stdin), stdout);
    let running = match server.serve(Bounded::new(lines)).await {
        Ok(running) => running,
        // Nothing was sent; that is not a failure.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(io::Error::other(error)),
    };
    running.waiting().await.map(drop).map_err(io::Error::other)
}

struct Server {
    context: Context,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("styxy", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(DECLARED.clone()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = Tool::named(&request.name) else {
            let known = TOOLS.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", ");
            let error = format!("unknown tool {:?}; allowed: {known}", request.name);
            return Err(ErrorData::invalid_params(error, None));
        };
        let result = match tool.call(&self.context, request.arguments.unwrap_or_default()).await {
            Ok(answer) => answered(answer),
            Err(refusal) => refused(&refusal),
        };
        Ok(result.into())
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        // Requests that the SDK does not know arrive here, and malformed tool calls too.
        Err(if request.method == "tools/call" {
            let error = "tools/call: invalid params; allowed: a name, and arguments as an object";
            ErrorData::invalid_params(error, None)
        } else {
            let error = format!("unknown method {:?}", request.method);
            ErrorData::new(ErrorCode::METHOD_NOT_FOUND, error, None)
        })
    }
}

fn answered(answer: Answer) -> CallToolResult {
    with_words(CallToolResult::success, answer.wire.into(), answer.text)
}

/// A refusal is an answer, which the agent reads, and not a protocol error, which clients hide.
fn refused(refusal: &Refusal) -> CallToolResult {
    let wire = serde_json::to_value(refusal).unwrap_or_default();
    with_words(CallToolResult::error, wire, answers::refused(refusal))
}

/// The words are in both: Claude Code and Codex give their models only the structured content, and Gemini CLI only the text.
fn with_words(
    kind: fn(Vec<ContentBlock>) -> CallToolResult,
    mut wire: Value,
    text: String,
) -> CallToolResult {
    schema::leave_out_nulls(&mut wire);
    if let Value::Object(fields) = &mut wire {
        fields.insert(schema::SUMMARY.to_owned(), text.clone().into());
    }
    let mut result = kind(vec![ContentBlock::text(text)]);
    result.structured_content = Some(wire);
    result
}
