//! `styxy mcp`: what is not a request, or not even JSON, has an answer that says so, and the server goes on.

use serde_json::{Value, json};

use crate::support::{Agent, Home, initialize};

#[test]
fn malformed_messages_do_not_end_the_server() {
    let home = Home::new();
    let mut agent = Agent::unknown(&mut home.styxy_command(&["mcp"]));
    agent.say("not json");
    assert_eq!(agent.hear()["error"]["code"], -32700);
    assert!(agent.ask("tools/list", &json!({}))["error"].is_object(), "before it is initialized");
    assert!(agent.ask("ping", &json!({}))["result"].is_object());
    agent.ask("initialize", &initialize());
    for line in ["not json", "{broken", "[1,2"] {
        agent.say(line);
        let answer = agent.hear();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32700), &Value::Null), "{answer}");
    }
    for line in ["", " ", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/nosuch\"}"] {
        agent.say(line);
    }
    agent.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
    assert!(agent.ask("ping", &json!({}))["result"].is_object(), "none of these has an answer");
    for (line, id) in [
        ("[1, 2]", Value::Null),
        ("{\"id\": 3}", json!(3)),
        ("{\"jsonrpc\":\"2.0\",\"id\":\"nine\"}", json!("nine")),
        ("\"text\"", Value::Null),
    ] {
        agent.say(line);
        let answer = agent.hear();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32600), &id), "{line}");
    }
    for (method, params, code) in [
        ("no/such", json!({}), -32601),
        ("resources/list", json!({}), -32601),
        ("tools/call", json!({ "name": "no_such", "arguments": {} }), -32602),
        ("tools/call", json!({ "name": "check_port", "arguments": [3000] }), -32602),
    ] {
        let answer = agent.ask(method, &params);
        assert_eq!(answer["error"]["code"], code, "{answer}");
        let is_named =
            answer["error"]["message"].as_str().unwrap().contains(&format!("unknown method {method:?}"));
        assert_eq!(is_named, code == -32601, "{answer}");
    }
    agent.done("list_ports", &json!({}));
}

#[test]
fn the_last_line_has_an_answer_without_its_end() {
    let home = Home::new();
    for (said, code) in [("{broken", -32700), (r#"{"jsonrpc":"2.0","id":9}"#, -32600)] {
        let mut mcp = home.shell("printf %s \"$SAID\" | $STYXY mcp");
        let said = crate::support::finish(mcp.env("SAID", said)).done();
        let answer: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
}
