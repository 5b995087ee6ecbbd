//! Containers among the services of `styxy up`. There is no engine where tests run, so a script stands in for compose: it answers as
//! compose does, and writes down what it was asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::stack::{Stack, named, services};
use crate::support::{Output, Terminal, finish, has_ended, kill, until};

const COMPOSE: &str = r#"#!/bin/sh
case "$1" in up|stop) echo "$* $COMPOSE_PROJECT_NAME" >> "$ASKED" ;; esac
case "$*" in
  *"--format json") [ ! -e "$ASKED.broken" ] || { echo "yaml: line 2: mapping values are not allowed" >&2; exit 15; }
    echo '{"name": "x", "services": {"postgres": {"ports": [{"target": 5432, "published": "5432"}]}, "mail": {}, "slow": {}}}' ;;
  stop*) [ ! -e "$ASKED.refuse" ] || { echo "no daemon is reachable" >&2; exit 1; }; [ ! -e "$ASKED.hang" ] || sleep 1000; true ;;
  *"--wait slow") sleep 1000; true ;;
  *"--wait mail") echo "no such image"; exit 18 ;;
esac
"#;

fn stack(services: &Value) -> Stack {
    let stack = Stack::new(services);
    let programs = stack.home.top().join("programs");
    fs::create_dir_all(&programs).unwrap();
    for (name, text) in
        [("docker-compose", COMPOSE), ("docker", "#!/bin/sh\nshift\nexec docker-compose \"$@\"\n")]
    {
        let program = programs.join(name);
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(stack.home.project().join("compose.yaml"), "").unwrap();
    stack
}

fn styxy(stack: &Stack, words: &[&str]) -> Output {
    let top = stack.home.top();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", top.join("programs").display());
    let mut command = stack.home.styxy_command(words);
    command.env("PATH", path).env("ASKED", top.join("asked")).env("DOCKER_HOST", "unix:///nowhere");
    finish(&mut command)
}

fn asked(stack: &Stack) -> Vec<String> {
    let text = fs::read_to_string(stack.home.top().join("asked")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn containers_start_before_what_comes_after_them_and_end_with_the_rest() {
    let stack = stack(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/", "after": ["db"], "env": { "DB": "{db.port}" } },
        "db": { "type": "database", "compose": "postgres" },
    }));
    let up = services(&styxy(&stack, &["up", "-d", "--json"]).done());
    let (web, db) = (named(&up, "web"), named(&up, "db"));
    assert_eq!(web["state"], "ready", "{up:?}\n{}", stack.logs());
    assert_ne!(db["port"], Value::Null);
    assert!(stack.ask("web", "DB").ends_with(&format!(" {}", db["port"])), "{db}");
    let override_file = fs::read_dir(stack.home.root()).unwrap().flatten().map(|entry| entry.path());
    let override_file =
        override_file.into_iter().find(|path| path.extension().is_some_and(|end| end == "yaml")).unwrap();
    let text = fs::read_to_string(override_file).unwrap();
    assert!(text.contains(&format!("\"published\":\"{}\"", db["port"])), "{text}");
    let first = asked(&stack);
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(first[0].starts_with("up -d --wait postgres project"), "{first:?}");
    let again = services(&styxy(&stack, &["up", "-d", "--json"]).done());
    assert_eq!(named(&again, "web")["started"], false);
    styxy(&stack, &["down"]).done();
    let all = asked(&stack);
    assert!(all.last().unwrap().starts_with("stop postgres project"), "{all:?}");
}

#[test]
fn a_container_that_does_not_start_is_named_with_what_compose_says() {
    let stack = stack(&json!({
        "web": { "run": "exec python3 server.py web", "ready": "/" },
        "mail": { "type": "messaging", "compose": "mail" },
    }));
    let up = styxy(&stack, &["up", "-d"]).exits(1);
    assert!(format!("{}{}", up.stdout, up.stderr).contains("no such image"), "{up:?}");
    until("the others start all the same", || stack.service("web")["state"] == "ready");
}

/// Two containers, a server that needs neither, and one that comes after the first.
fn four(name: &str) -> Value {
    let sleep = json!(["/bin/sleep", "1000"]);
    json!({
        "web": { "port": false, "run": sleep },
        "db": { "type": "database", "compose": name },
        "cache": { "type": "infrastructure", "compose": "postgres" },
        "worker": { "port": false, "run": sleep, "after": ["db"] },
    })
}

/// The lines of these services.
fn lines<'o>(output: &'o Output, labels: &[&str]) -> Vec<&'o str> {
    let is_one = |line: &&str| labels.iter().any(|label| line.starts_with(&format!("{label}: ")));
    output.stdout.lines().chain(output.stderr.lines()).filter(is_one).collect()
}

#[test]
fn a_name_that_compose_does_not_know_harms_that_service_alone() {
    let stack = stack(&four("pg"));
    let print = styxy(&stack, &["up", "--print"]).done();
    let foretold = lines(&print, &["web", "db", "cache", "worker"]);
    let rule = "services.db.compose: pg is not a service of compose.yaml";
    let all = print.stdout.as_str();
    let column = all.split(".styxy.json:1:").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
    let file = fs::read_to_string(stack.home.project().join(".styxy.json")).unwrap();
    assert_eq!(file.find("\"pg\"").unwrap() + 1, column.parse::<usize>().unwrap(), "{all}");
    let mistake = format!(".styxy.json:1:{column}: {rule}");
    assert_eq!(foretold.len(), 4, "{all}");
    let of = |label: &str| *foretold.iter().find(|line| line.starts_with(label)).unwrap();
    assert!(of("web").ends_with(": starts") && of("cache").ends_with(": starts"), "{all}");
    assert!(of("db").contains(": fails: ") && of("db").ends_with(&mistake), "{all}");
    assert!(of("worker").ends_with(": fails: not started: db failed"), "{all}");
    let up = styxy(&stack, &["up", "-d"]).exits(1);
    let said = format!("{}{}", up.stdout, up.stderr);
    let said_of = |label: &str| *lines(&up, &[label]).last().unwrap();
    assert!(
        said_of("web").starts_with("web: running") && said_of("cache").starts_with("cache: ready"),
        "{said}"
    );
    assert!(said_of("db").starts_with("db: failed: ") && said_of("db").ends_with(&mistake), "{said}");
    assert!(said.contains("worker: failed: not started: db failed"), "{said}");
    // What never ran is neither stopped nor named.
    let down = styxy(&stack, &["down"]).done();
    assert_eq!(down.stdout.lines().collect::<Vec<_>>(), ["cache: ended", "web: ended"], "{down:?}");
    assert!(asked(&stack).iter().all(|asked| !asked.contains("pg")), "{:?}", asked(&stack));
}

#[test]
fn without_compose_or_with_a_file_that_it_refuses_the_other_services_run() {
    let stack = stack(&four("postgres"));
    let each = |up: Output, said: &str| {
        let up = up.exits(1);
        let all = format!("{}{}", up.stdout, up.stderr);
        assert!(all.contains("web: running"), "{all}");
        for label in ["db", "cache"] {
            let mut lines = lines(&up, &[label]).into_iter();
            assert!(lines.any(|line| line.contains(".styxy.json:1:") && line.contains(said)), "{all}");
        }
        assert_eq!(lines(&up, &["worker"]), ["worker: failed: not started: db failed"]);
    };
    let nothing = stack.home.top().join("nothing");
    fs::create_dir_all(&nothing).unwrap();
    let up = finish(stack.home.styxy_command(&["up", "-d"]).env("PATH", nothing));
    each(up, "compose: Docker Compose was not found: ");
    fs::write(stack.home.top().join("asked.broken"), "").unwrap();
    each(
        styxy(&stack, &["up", "-d"]),
        "docker compose refuses compose.yaml: yaml: line 2: mapping values are not allowed",
    );
    fs::remove_file(stack.home.project().join("compose.yaml")).unwrap();
    each(styxy(&stack, &["up", "-d"]), "has no compose file");
    assert_eq!(styxy(&stack, &["down"]).done().stdout, "web: ended\n");
    assert!(asked(&stack).is_empty());
}

#[test]
fn what_runs_goes_on_while_compose_refuses_its_file_and_is_stopped_all_the_same() {
    let stack = stack(&json!({ "db": { "type": "database", "compose": "postgres" } }));
    styxy(&stack, &["up", "-d"]).done();
    fs::write(stack.home.top().join("asked.broken"), "").unwrap();
    let up = styxy(&stack, &["up", "-d"]).done();
    assert!(up.stdout.starts_with("db: ready"), "{up:?}");
    styxy(&stack, &["down"]).done();
    assert!(last(&stack).starts_with("stop postgres project"), "{:?}", asked(&stack));
}

#[test]
fn a_container_that_comes_after_none_waits_for_its_turn_only() {
    let stack = stack(&json!({
        "a": { "type": "messaging", "compose": "mail" },
        "db": { "type": "database", "compose": "postgres" },
    }));
    let up = styxy(&stack, &["up", "-d"]).exits(1);
    assert!(format!("{}{}", up.stdout, up.stderr).contains("no such image"), "{up:?}");
    until("the next one starts", || stack.service("db")["state"] == "ready");
}

#[test]
fn env_waits_no_longer_than_two_seconds_for_compose() {
    let stack = stack(&json!({ "web": { "run": "x" }, "db": { "type": "database", "compose": "postgres" } }));
    let pid = stack.home.top().join("pid");
    let hangs =
        format!("#!/bin/sh\ncase \"$*\" in *json) echo $$ > {}; sleep 1000; true ;; esac\n", pid.display());
    fs::write(stack.home.top().join("programs/docker-compose"), hangs).unwrap();
    let began = std::time::Instant::now();
    let env = styxy(&stack, &["env"]).done();
    assert!(
        env.stderr.contains("docker compose does not answer in time; docker compose is not told anything"),
        "{env:?}"
    );
    assert!(env.stdout.contains("STYXY_WEB_PORT=") && !env.stdout.contains("COMPOSE_FILE"), "{env:?}");
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    let pid: u32 = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    until("nothing of it is left", || crate::support::has_ended(pid));
}

fn kill_keeper(stack: &Stack) {
    let keeper = stack.keeper();
    kill(keeper, rustix::process::Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
}

fn last(stack: &Stack) -> String {
    asked(stack).pop().unwrap_or_default()
}

#[test]
fn containers_end_though_their_keeper_was_killed() {
    let db = json!({ "type": "database", "compose": "postgres" });
    let alone = stack(&json!({ "db": db }));
    styxy(&alone, &["up", "-d"]).done();
    kill_keeper(&alone);
    let down = styxy(&alone, &["down"]).done();
    assert_eq!(down.stdout, "db: ended\n");
    assert!(last(&alone).starts_with("stop postgres project"), "{:?}", asked(&alone));
    let both = stack(&json!({ "web": { "run": "exec python3 server.py web", "ready": "/" }, "db": db }));
    styxy(&both, &["up", "-d"]).done();
    kill_keeper(&both);
    styxy(&both, &["down"]).done();
    assert!(last(&both).starts_with("stop postgres project"), "{:?}", asked(&both));
    // Another command before it changes nothing.
    styxy(&both, &["up", "-d"]).done();
    kill_keeper(&both);
    styxy(&both, &["up", "-d"]).done();
    styxy(&both, &["down"]).done();
    assert!(last(&both).starts_with("stop postgres project"), "{:?}", asked(&both));
}

#[test]
fn a_container_that_does_not_end_is_said_and_ends_at_the_next_try() {
    let stack = stack(&json!({ "db": { "type": "database", "compose": "postgres" } }));
    let [refuse, hang] = ["asked.refuse", "asked.hang"].map(|name| stack.home.top().join(name));
    styxy(&stack, &["up", "-d"]).done();
    fs::write(&refuse, "").unwrap();
    let down = styxy(&stack, &["down"]).exits(1);
    assert!(
        down.stdout.contains("db: failed (it could not be stopped: ")
            && down.stdout.contains(": exit 1: no daemon is reachable"),
        "{down:?}"
    );
    assert!(!down.stderr.contains("could not be stopped"), "it is said once: {down:?}");
    fs::remove_file(&refuse).unwrap();
    assert_eq!(styxy(&stack, &["down"]).done().stdout, "db: ended\n");
    // One that hangs is waited for no longer than somebody wants.
    fs::write(&hang, "").unwrap();
    let mut terminal = Terminal::shell(&stack.home);
    let top = stack.home.top();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", top.join("programs").display());
    terminal.types(&format!("export PATH={path} ASKED={}\r", top.join("asked").display()));
    terminal.types("$STYXY up; echo exit $?\r");
    terminal.sees("Ctrl-C ends the services");
    for said in ["faster", "again kills them", "are killed"] {
        terminal.types("\x03");
        terminal.sees(said);
    }
    terminal.sees("has not ended after");
    terminal.sees("exit ");
    fs::remove_file(&hang).unwrap();
    stack.is_over();
}

#[test]
fn a_container_that_has_failed_and_is_gone_from_the_file_is_stopped_until_that_succeeds() {
    let web = json!({ "run": "exec python3 server.py web", "ready": "/" });
    let stack = stack(&json!({ "web": web, "mail": { "type": "messaging", "compose": "mail" } }));
    styxy(&stack, &["up", "-d"]).exits(1);
    stack.say(&json!({ "web": web }));
    assert_eq!(stack.service("mail")["may_be_left"], true, "compose may have made it all the same");
    let refuse = stack.home.top().join("asked.refuse");
    fs::write(&refuse, "").unwrap();
    let said = styxy(&stack, &["up", "-d"]).done();
    assert!(said.stderr.contains("mail: ends, no longer in .styxy.json\n"), "{said:?}");
    until("that it was not stopped is seen", || {
        let mail = stack.service("mail");
        mail["state"] == "failed"
            && mail["why"].as_str().is_some_and(|why| why.contains("could not be stopped"))
    });
    fs::remove_file(&refuse).unwrap();
    styxy(&stack, &["up", "-d"]).done();
    until("its row goes", || stack.ps().iter().all(|view| view["service"] != "mail"));
    assert!(last(&stack).starts_with("stop mail project"), "{}", last(&stack));
}

#[test]
fn containers_of_a_worktree_that_is_gone_end_by_their_projects_name() {
    let stack = stack(&json!({ "db": { "type": "database", "compose": "postgres" } }));
    styxy(&stack, &["up", "-d"]).done();
    let (project, away) = (stack.home.project(), stack.home.top().join("away"));
    fs::rename(&project, &away).unwrap();
    until("compose is asked", || last(&stack).starts_with("stop postgres project"));
    fs::rename(&away, &project).unwrap();
    stack.is_over();
}

#[test]
fn a_container_has_its_time_too() {
    let stack = stack(&json!({ "slow": { "type": "cache", "compose": "slow", "timeout": 1 } }));
    let up = styxy(&stack, &["up", "-d"]).exits(1);
    assert!(up.stderr.contains("has not ended after 1 s"), "{up:?}");
    styxy(&stack, &["down"]).done();
    // First what starts it ends, and then what it has started.
    assert!(last(&stack).starts_with("stop slow project"), "{:?}", asked(&stack));
    stack.is_over();
}

#[test]
fn uninstall_counts_and_ends_containers_of_a_killed_keeper() {
    let stack = stack(&json!({ "db": { "type": "database", "compose": "postgres" } }));
    styxy(&stack, &["up", "-d"]).done();
    let keeper = stack.keeper();
    kill(keeper, rustix::process::Signal::KILL);
    until("the keeper has ended", || has_ended(keeper));
    let said = styxy(&stack, &["uninstall", "--yes"]).exits(1);
    let line = format!("services of styxy up in {}: db\n", stack.home.project().display());
    assert!(said.stderr.contains(&line), "{said:?}");
    styxy(&stack, &["uninstall", "--yes", "--force"]).done();
    assert!(asked(&stack).last().unwrap().starts_with("stop postgres"), "{:?}", asked(&stack));
}
