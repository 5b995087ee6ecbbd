//! What `styxy up` says of a service that was not started, has changed, is gone from the file, or has another port than its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use serde_json::json;

use crate::door::get;
use crate::support::stack::{Stack, ask, named};
use crate::support::{alive, has_ended, kill, until};

#[test]
fn a_service_that_was_not_started_shows_no_log_of_an_earlier_start() {
    let file = |db: &str| {
        json!({
            "db": { "run": db, "port": false },
            "web": { "run": "echo of before; sleep 1000", "port": false, "after": ["db"] },
        })
    };
    let stack = Stack::new(&file("sleep 1000"));
    stack.up();
    stack.styxy(&["down"]).done();
    stack.say(&file("exit 3"));
    let said = stack.styxy(&["up", "-d"]).exits(1);
    assert!(said.stderr.contains("web: failed: not started: db failed\n"), "{said:?}");
    assert!(!said.stderr.contains("of before") && said.stderr.contains("db: failed: exit 3"), "{said:?}");
}

#[test]
fn a_program_that_does_not_exist_is_said_without_advice_for_styxy_run() {
    let stack = Stack::new(&json!({ "web": { "run": ["dev"] } }));
    let manifest = r#"{ "scripts": { "dev": "vite" } }"#;
    fs::write(stack.home.project().join("package.json"), manifest).unwrap();
    let said = stack.styxy(&["up", "-d"]).exits(1);
    assert!(said.stderr.contains("web: failed: exit 127") && !said.stderr.contains("styxy run"), "{said:?}");
}

#[test]
fn what_changes_and_what_is_gone_is_said_once() {
    let css = json!({ "run": "sleep 1000", "port": false });
    let api =
        |value: &str| json!({ "run": "exec python3 server.py api", "ready": "/", "env": { "WORD": value } });
    let stack = Stack::new(&json!({ "api": api("one"), "css": css.clone() }));
    let before = stack.up();
    let pid = u32::try_from(named(&before, "css")["pid"].as_u64().unwrap()).unwrap();
    stack.say(&json!({ "api": api("two"), "css": css }));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(said.stderr.contains("api: starts again, since env has changed\n"), "{said:?}");
    assert!(alive(pid) && stack.ask("api", "WORD").ends_with(" two"));
    stack.say(&json!({ "api": api("two") }));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(said.stderr.contains("css: ends, no longer in .styxy.json\n"), "{said:?}");
    assert!(!said.stderr.contains("starts again"), "{said:?}");
    until("css ends", || has_ended(pid));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(!said.stderr.contains("css"), "{said:?}");
}

#[test]
fn a_service_of_another_type_than_before_is_said_with_what_keeps_its_port_and_its_name() {
    let web = |more: &[(&str, &str)]| {
        let mut web = json!({ "run": "exec python3 server.py web", "ready": "/" });
        for (key, value) in more {
            web[*key] = json!(value);
        }
        json!({ "web": web })
    };
    let dev = [("type", "dev"), ("name", "web")];
    let stack = Stack::new(&web(&dev)).with_own_dev();
    let before = named(&stack.up(), "web")["port"].clone();
    let sentence = "web: it is web now and was dev/web, so its port and its name are others; \"type\": \"dev\", \"name\": \"web\" keeps both\n";
    stack.say(&web(&[]));
    let foretold = stack.styxy(&["up", "--print", "--json"]).done().json()["services"][0]["now"].clone();
    assert_eq!((foretold["fate"].as_str(), stack.home.leases().len()), (Some("again"), 1));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(
        said.stderr.contains(sentence)
            && said.stderr.contains("web: starts again, since type, name have changed\n"),
        "{said:?}"
    );
    let port = stack.service("web")["port"].clone();
    assert!(foretold["port"] == port && port != before, "{foretold}, {port}");
    stack.say(&web(&dev));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(
        said.stderr.contains(
            "web: it is dev/web now and was web, so its port and its name are others; \"type\": \"web\""
        ),
        "{said:?}"
    );
    assert_eq!(stack.service("web")["port"], before);
    stack.styxy(&["down"]).done();
    stack.say(&web(&[]));
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(said.stderr.contains(sentence) && !said.stderr.contains("starts again"), "{said:?}");
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(!said.stderr.contains("it is web now"), "{said:?}");
}

#[test]
fn a_port_that_somebody_has_is_named_with_who_has_it() {
    let stack = Stack::new(&json!({}));
    let taken = stack.home.spare_port();
    let _holds = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    stack.say(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/", "port": taken } }));
    let said = stack.styxy(&["up", "-d"]).done();
    let port = stack.service("web")["port"].as_u64().unwrap();
    let line = said.stderr.lines().find(|line| line.starts_with("web: "));
    let line = line.unwrap_or_else(|| panic!("{said:?}"));
    assert!(
        line.starts_with(&format!("web: port {port}, since preferred port {taken} is in use by ")),
        "{line}"
    );
    assert!(line.contains(&std::process::id().to_string()), "{line}");
    let said = stack.styxy(&["up", "-d"]).done();
    assert!(!said.stderr.contains("since preferred"), "it runs, so nothing is said: {said:?}");
}

#[test]
fn the_port_in_a_line_of_a_procfile_is_a_wish() {
    let stack = Stack::new(&json!({})).with_own_dev();
    let project = stack.home.project();
    fs::remove_file(project.join(".styxy.json")).unwrap();
    let taken = stack.home.spare_port();
    let _holds = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    for line in ["PORT=", "env PORT="] {
        fs::write(project.join("Procfile.dev"), format!("api: {line}{taken} python3 server.py api\n"))
            .unwrap();
        let up = stack.up();
        assert_ne!(up[0]["port"], taken, "{up:?}");
        assert!(stack.ask("api", "PORT").ends_with(&up[0]["port"].to_string()));
        stack.styxy(&["down"]).done();
    }
}

#[test]
fn a_server_that_listens_elsewhere_is_shown_where_it_listens_also_after_it_has_served_on_its_port() {
    let file = |run: String| json!({ "web": { "run": run }, "api": { "run": "sleep 1000; true" } });
    let stack = Stack::new(&file("exec python3 server.py web".to_owned()));
    let port = named(&stack.up(), "web")["port"].clone();
    let elsewhere = stack.home.spare_port();
    stack.say(&file(format!("PORT=$((0+{elsewhere})) exec python3 server.py web")));
    stack.up();
    until("it is shown where it listens", || stack.service("web")["port"] == elsewhere);
    let web = stack.service("web");
    assert_eq!(web["why"], format!("it listens on port {elsewhere} and not on {port}"), "{web}");
    assert!(ask(elsewhere, "").is_some());
    // Nothing is at the address of one that does not listen at all.
    let idle = stack.service("api");
    assert_eq!((&idle["state"], &idle["url"]), (&json!("running"), &serde_json::Value::Null), "{idle}");
    assert_eq!(idle["why"], format!("nothing listens on its port {}", idle["port"]), "{idle}");
    // The next keeper knows where it listens too.
    let keeper = stack.keeper();
    kill(keeper, Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
    assert_eq!(stack.service("web")["port"], elsewhere);
    assert_eq!(named(&stack.up(), "web")["port"], elsewhere);
}

#[test]
fn who_has_the_port_that_a_service_did_not_get_is_said_with_what_to_do() {
    let taken = {
        let stack = Stack::new(&json!({}));
        let taken = stack.home.spare_port();
        let holds = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
        let insists = "import socket, sys\nsocket.socket().bind(('127.0.0.1', int(sys.argv[2])))\n";
        fs::write(stack.home.project().join("insists.py"), insists).unwrap();
        // Python does not say which port it wanted; Node does.
        let python = format!("exec python3 insists.py --port {taken}");
        let node =
            format!("echo 'Error: listen EADDRINUSE: address already in use 127.0.0.1:{taken}'; exit 1");
        for run in [&python, &node] {
            stack.say(&json!({ "web": { "run": run } }));
            let said = stack.styxy(&["up", "-d"]).exits(1);
            let begins = format!("port {taken} is in use by ");
            let line = said.stderr.lines().map(str::trim).find(|line| line.starts_with(&begins));
            let line = line.unwrap_or_else(|| panic!("{said:?}"));
            assert!(line.contains(&format!("({})", std::process::id())), "{line}");
            let web = stack.service("web");
            assert_eq!((&web["port"], &web["url"]), (&serde_json::Value::Null, &serde_json::Value::Null));
            let port = stack.home.leases()[0].port;
            let what =
                format!("; let web listen on $PORT, which is {port}, or end that one: styxy kill {taken}");
            assert!(line.ends_with(&what), "{line}");
            assert_eq!(stack.service("web")["advice"], line);
        }
        // What has started it waits for a change, as nodemon does.
        let waits = format!("{}; exec sleep 1000", node.trim_end_matches("; exit 1"));
        stack.say(&json!({ "web": { "type": "web", "run": waits, "ready": "/", "timeout": 1 } }));
        let said = stack.styxy(&["up", "-d"]).exits(1);
        assert!(said.stderr.contains(&format!("\n  port {taken} is in use by ")), "{said:?}");
        stack.say(&json!({ "web": { "run": &node } }));
        stack.styxy(&["up", "-d"]).exits(1);
        drop(holds);
        let said = stack.styxy(&["up", "-d"]).exits(1);
        let line =
            format!("port {taken} was in use, and nobody listens on it now; styxy up tries it again\n");
        assert!(said.stderr.contains(&line), "{said:?}");
        taken
    };
    // Who reads that a port is in use, and of a service that goes on, learns nothing more.
    let stack = Stack::new(&json!({
        "web": { "run": format!("echo 'Error: Port {taken} is already in use'; exit 0") },
    }));
    let said = stack.styxy(&["up", "-d"]);
    assert!(!said.stderr.contains("styxy kill"), "{said:?}");
}

#[test]
fn a_server_that_listens_elsewhere_again_is_ready_at_once_and_its_name_leads_there() {
    let file = |run: String| json!({ "web": { "run": run } });
    let stack = Stack::new(&file("exec python3 server.py web".to_owned()));
    let first = named(&stack.up(), "web");
    let host = first["named_url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    let elsewhere = stack.home.spare_port();
    // The shell owns the lease, and its child listens.
    stack.say(&file(format!("PORT=$((0+{elsewhere})) python3 server.py web; true")));
    stack.up();
    until("it is known where it listens", || stack.service("web")["port"] == elsewhere);
    assert_eq!(get(&stack.home, &host).status, 200);
    stack.styxy(&["down"]);
    let again = named(&stack.up(), "web");
    assert_eq!((&again["state"], &again["port"]), (&json!("ready"), &json!(elsewhere)), "{again}");
    assert_eq!(again["named_url"], first["named_url"], "{again}");
    assert_eq!(
        again["why"],
        format!("it listens on port {elsewhere} and not on {}", first["port"]),
        "{again}"
    );
    assert_eq!(get(&stack.home, &host).status, 200);
}

#[test]
fn all_ports_that_a_service_listens_on_are_shown() {
    let stack = Stack::new(&json!({}));
    let further = stack.home.spare_port();
    let two = format!(
        "import socket, subprocess, sys\nother = socket.create_server(('127.0.0.1', {further}))\n\
         sys.exit(subprocess.call(['python3', 'server.py', 'web']))\n"
    );
    fs::write(stack.home.project().join("two.py"), two).unwrap();
    stack.say(&json!({
        "web": { "run": "exec python3 two.py", "ready": "/" },
        "api": { "run": "exec python3 server.py api", "ready": "/" },
    }));
    let up = stack.up();
    let web = stack.service("web");
    assert_eq!(
        (&web["port"], &web["further_ports"]),
        (&named(&up, "web")["port"], &json!([further])),
        "{web}"
    );
    assert_eq!(stack.service("api")["further_ports"], serde_json::Value::Null);
    let shown = stack.styxy(&["ps"]).done().stdout;
    assert!(shown.contains(&format!("{}, {further}", web["port"])), "{shown}");
    // Without a daemon the own port is shown all the same.
    stack.styxy(&["daemon", "stop"]).done();
    assert_eq!(stack.service("web")["port"], web["port"]);
}

#[test]
fn what_has_failed_is_not_called_ending_and_has_no_address() {
    let stack = Stack::new(&json!({
        "web": { "run": ["nosuchprog", "x"] },
        "api": { "run": "nosuchprog x" },
    }));
    let said = stack.styxy(&["up", "-d"]).exits(1);
    assert!(!said.stdout.contains("ending") && said.stderr.contains(": failed: exit 127"), "{said:?}");
    until("both have failed", || stack.ps().iter().all(|view| view["state"] == "failed"));
    for view in stack.ps() {
        assert_eq!((&view["url"], &view["named_url"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    }
}

#[test]
fn a_server_that_closes_its_port_is_not_called_ready_until_it_listens_again() {
    let moves = "import os, socket, time\n\
        def listen(port):\n    server = socket.socket()\n    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n    \
        server.bind(('127.0.0.1', port))\n    server.listen()\n    return server\n\
        def wait(name):\n    while not os.path.exists(name):\n        time.sleep(0.02)\n\
        own = int(os.environ['PORT'])\nserver = listen(own)\nwait('close')\nserver.close()\nother = listen(0)\n\
        wait('again')\nserver = listen(own)\ntime.sleep(1000)\n";
    let stack = Stack::new(&json!({ "web": { "run": "exec python3 moves.py" } }));
    let project = stack.home.project();
    fs::write(project.join("moves.py"), moves).unwrap();
    let port = named(&stack.up(), "web")["port"].clone();
    fs::write(project.join("close"), "").unwrap();
    let silent = format!("nothing listens on its port {port} any more");
    until("that is seen", || stack.service("web")["why"] == json!(silent));
    let web = stack.service("web");
    assert_eq!(
        (&web["state"], &web["url"], &web["named_url"]),
        (&json!("running"), &json!(null), &json!(null)),
        "{web}"
    );
    let said = stack.styxy(&["up", "-d"]).done().stdout;
    assert!(said.starts_with("web: running, pid ") && said.contains(&silent), "{said}");
    // Where it listens now is among its ports.
    assert_eq!(web["further_ports"].as_array().map(Vec::len), Some(1), "{web}");
    fs::write(project.join("again"), "").unwrap();
    until("it serves again", || stack.service("web")["state"] == "ready");
}

#[test]
fn why_a_service_did_not_start_or_does_not_serve_is_one_sentence() {
    let stack = Stack::new(&json!({ "web": { "run": ["./nope.sh"], "port": false } }));
    let project = stack.home.project();
    let said = |words: &str| {
        let said = stack.styxy(&["up", "-d"]).exits(1);
        assert_eq!(said.stderr, format!("web: failed: it could not be started: ./nope.sh: {words}\n"));
    };
    said("there is no such program");
    fs::write(project.join("nope.sh"), "#!/no/such/interpreter\n").unwrap();
    said("it may not be executed");
    fs::set_permissions(project.join("nope.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    said("the program that its first line names does not exist");
    stack.say(&json!({ "web": { "run": "x", "cwd": "nope.sh" } }));
    let refused = stack.styxy(&["up", "-d"]).exits(2);
    assert!(refused.stderr.contains("nope.sh is not a folder\n"), "{refused:?}");
    stack.say(&json!({ "web": { "run": "x", "cwd": "missing" } }));
    for words in [&["up", "-d"][..], &["up", "--print"]] {
        let refused = stack.styxy(words).exits(2);
        assert!(refused.stderr.contains("missing does not exist\n"), "{refused:?}");
        assert!(refused.stderr.contains("make that folder, or correct cwd"), "{refused:?}");
    }
    stack.say(&json!({ "web": { "run": "exec sleep 1000", "ready": "/health", "timeout": 1 } }));
    let late = stack.styxy(&["up", "-d"]).exits(1);
    let port = stack.service("web")["port"].clone();
    assert!(
        late.stderr.contains(&format!("web: failed: nothing listens on port {port} after 1 s\n")),
        "{late:?}"
    );
}

#[test]
fn only_what_the_file_says_otherwise_is_named_of_a_service_that_starts_again() {
    let web = |run: &str, more: serde_json::Value| {
        let mut web = json!({ "run": run });
        web.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "web": web })
    };
    let stack = Stack::new(&web("exec python3 server.py web", json!({ "ready": "/" })));
    let docs = stack.home.project().join("docs");
    fs::create_dir(&docs).unwrap();
    fs::write(docs.join("package.json"), "{}").unwrap();
    stack.up();
    let again = |file: &serde_json::Value, why: &str| {
        stack.say(file);
        let said = stack.styxy(&["up", "-d"]).done();
        assert!(said.stderr.contains(&format!("web: starts again, since {why} changed\n")), "{said:?}");
    };
    // Its name is that of the package now, which nobody wrote.
    let in_docs = |more: serde_json::Value| {
        let mut in_docs = json!({ "cwd": "docs" });
        in_docs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        web("exec python3 ../server.py web", in_docs)
    };
    again(&in_docs(json!({ "ready": "/" })), "run, cwd have");
    again(&in_docs(json!({ "ready": "/", "name": "x" })), "name has");
    // Of a manifest that is new the file says nothing.
    fs::remove_file(docs.join("package.json")).unwrap();
    again(&in_docs(json!({ "ready": "/" })), "name has");
    fs::write(docs.join("package.json"), "{}").unwrap();
    again(&in_docs(json!({ "ready": "/" })), "name has");
}
