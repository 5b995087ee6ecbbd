//! A coding agent's side of `styxy mcp`: JSON-RPC by hand, so that anything can be said.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::helper::Server;
use super::home::Home;

/// A session with a server: what an agent says, line by line, and what it hears.
pub(crate) struct Agent {
    pub(crate) server: Server,
    last: u64,
}

impl Agent {
    /// A session that has been initialized, in the project of `home`.
    #[track_caller]
    pub(crate) fn new(home: &Home) -> Self {
        Self::of(&mut home.styxy_command(&["mcp"]))
    }

    /// A session that has been initialized, with the server that `command` runs.
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut agent = Self::unknown(command);
        let answer = agent.ask("initialize", &initialize());
        assert_eq!(answer["result"]["serverInfo"]["name"], "styxy", "{answer}");
        agent.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        agent
    }

    /// A session in which nothing was said yet.
    #[track_caller]
    pub(crate) fn unknown(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { server: Server::reading(command), last: 0 }
    }

    /// Says one line, whatever it is.
    pub(crate) fn say(&mut self, line: &str) {
        self.server.tell(line);
    }

    /// The next line, which is a message of the protocol as everything on stdout.
    #[track_caller]
    pub(crate) fn hear(&self) -> Value {
        let line = self.server.hear();
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        message
    }

    /// Sends a request, and gives its id.
    pub(crate) fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.last += 1;
        let id = self.last;
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        id
    }

    /// The answer to a request.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        let answer = self.hear();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// What a tool answers, be it a refusal.
    #[track_caller]
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Said {
        let answer = self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }));
        let said = Said(answer["result"].clone());
        // Agents' models see either the words or the structured content, and a null says nothing to them.
        assert_eq!(said.wire()["summary"], said.text(), "{}", said.0);
        assert!(!said.wire().to_string().contains(":null"), "{}", said.0);
        said
    }

    /// What a tool answers that does as it is told.
    #[track_caller]
    pub(crate) fn done(&mut self, tool: &str, arguments: &Value) -> Said {
        let said = self.call(tool, arguments);
        assert_eq!(said.0["isError"], false, "{}", said.0);
        said
    }

    /// What a tool answers that refuses.
    #[track_caller]
    pub(crate) fn refused(&mut self, tool: &str, arguments: &Value) -> Said {
        let said = self.call(tool, arguments);
        assert_eq!(said.0["isError"], true, "{}", said.0);
        assert_eq!(said.wire()["success"], false, "{}", said.0);
        assert!(said.text().contains(said.wire()["error"].as_str().unwrap()), "{}", said.0);
        said
    }

    /// The port that `allocate_port` gives.
    #[track_caller]
    pub(crate) fn port(&mut self, arguments: &Value) -> u16 {
        u16::try_from(self.done("allocate_port", arguments).wire()["port"].as_u64().unwrap()).unwrap()
    }
}

/// The result of a call.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Value);

impl Said {
    /// The facts in words.
    pub(crate) fn text(&self) -> &str {
        self.0["content"][0]["text"].as_str().unwrap()
    }
    /// The same for programs.
    pub(crate) fn wire(&self) -> &Value {
        &self.0["structuredContent"]
    }
}

/// What a client says first.
pub(crate) fn initialize() -> Value {
    json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } })
}
