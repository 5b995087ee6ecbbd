//! What a file says of `styxy up`: commands, folders, order, texts with places.

use std::time::Duration;

use super::super::text::Place;
use super::super::{Env, Home, Project, Ready, Run, Service, Wish};
use super::{project, refused};
use crate::ServiceName;

fn service(body: &str) -> Service {
    project(&format!("{{\"services\": {{\"dev\": {{{body}}}}}}}")).services.swap_remove(0)
}

/// Expects the mistake at the mark `‸` in the body of the service `dev`.
#[track_caller]
fn wrong(body: &str, says: &[&str]) {
    refused(&format!("{{\"services\": {{\"dev\": {{{body}}}}}}}"), says);
}

#[test]
fn a_service_has_a_command_a_folder_and_an_order() {
    let read = project(
        r#"{"services": {
            "web": {"type": "dev", "run": "pnpm dev", "cwd": "./apps//web/", "env": {"API": "{db.url}/v1"}, "after": ["db"], "ready": {"text": "ok"}},
            "db": {"run": ["node", "", "a b"], "ready": "/health?x", "tty": true, "timeout": 2.5},
            "css": {"run": "tsc -w", "port": false, "cwd": "."},
            "mail.box": {"type": "messaging", "compose": "mail_1", "ready": {"path": "/x", "status": 204}}
        }}"#,
    );
    let [web, db, css, mail] = &read.services[..] else { panic!("{read:?}") };
    assert_eq!((web.label.as_str(), web.kind.as_str(), web.cwd.as_deref()), ("web", "dev", Some("apps/web")));
    assert_eq!(web.run, Some(Run::Shell("pnpm dev".into())));
    assert_eq!(web.after, ["db".parse().unwrap()]);
    let [(name, text)] = web.env.texts() else { panic!("{:?}", web.env) };
    assert_eq!((name.as_str(), text.written()), ("API", "{db.url}/v1"));
    assert!(matches!(text.places().next(), Some((0, Place::Of(label, _))) if label.as_str() == "db"));
    assert_eq!(db.run, Some(Run::List(vec!["node".into(), String::new(), "a b".into()])));
    assert_eq!(db.ready, Some(Ready { path: "/health?x".into(), status: None, text: None }));
    // No service has a terminal of its own on Windows.
    assert!(db.tty != cfg!(windows) && db.serves() && db.timeout == Some(Duration::from_millis(2500)));
    assert_eq!((css.port, css.cwd.as_deref()), (Wish::None, None));
    assert_eq!(web.ready, Some(Ready { path: "/".into(), status: None, text: Some("ok".into()) }));
    assert_eq!((mail.kind.as_str(), mail.compose.as_deref()), ("messaging", Some("mail_1")));
    assert_eq!(mail.ready.as_ref().unwrap().status, Some(204));
    assert_eq!(read.ignored.is_empty(), !cfg!(windows), "{:?}", read.ignored);
}

#[test]
fn a_command_of_another_form_is_refused() {
    for bad in ["3", "\"\"", "\" \"", "[]"] {
        wrong(&format!("\"run\": ‸{bad}"), &["services.dev.run: ", "is not a command"]);
    }
    wrong(r#""run": [‸""]"#, &["services.dev.run[0]"]);
    wrong(r#""run": ["a", ‸3]"#, &["services.dev.run[1]: 3 is not a word"]);
    wrong(r#""run": ‸"a\u0000b""#, &["NUL"]);
    assert_eq!(service("\"run\": null").run, None);
    assert_eq!(project(r#"{"services": {"dev": {"command": "x", "args": []}}}"#).ignored.len(), 2);
}

#[test]
fn a_folder_lies_below_that_of_the_file() {
    for bad in ["/etc", "~/x", "C:/x", "a\\\\b"] {
        wrong(&format!("\"cwd\": ‸\"{bad}\""), &["is not a folder relative to the file"]);
    }
    for bad in ["..", "a/../..", "apps/../../x"] {
        wrong(&format!("\"cwd\": ‸\"{bad}\""), &["leads out of the folder of the file"]);
    }
    wrong("\"cwd\": ‸3", &["is not a text"]);
}

#[test]
fn when_a_service_is_ready_is_a_path_or_more() {
    wrong(r#""ready": ‸"health""#, &["is not a path", "beginning with a slash"]);
    wrong(r#""ready": ‸"/a b""#, &["without blanks"]);
    wrong(r#""ready": ‸"/a\r\nHost: x""#, &["is not a path"]);
    wrong(r#""ready": ‸true"#, &["is not how a service is ready"]);
    wrong(r#""ready": {"status": ‸99}"#, &["a whole number from 100 to 599"]);
    wrong(r#""ready": {"text": ‸""}"#, &["is not a text to look for"]);
    wrong(r#""timeout": ‸0"#, &["is not a duration"]);
    wrong(r#""tty": ‸"yes""#, &["is not a switch"]);
    let read = project(r#"{"services": {"dev": {"ready": {"stats": 1}}}}"#);
    assert_eq!(read.ignored[0].hint.as_deref(), Some("did you mean status?"));
}

#[test]
fn a_key_that_is_not_a_type_needs_one() {
    refused(r#"{"services": {‸".x": {"type": "dev"}}}"#, &["begins with neither a letter nor a digit"]);
    refused(r#"{"services": {‸"web.admin": {}}}"#, &["is not a service type", "give it a \"type\""]);
    refused(
        r#"{"services": {"dev": {"type": ‸"a.b"}}}"#,
        &["services.dev.type: \"a.b\" is not a service type"],
    );
    refused(r#"{"services": {"a-b": {}, ‸"a.b": {"type": "dev"}}}"#, &["its variable would be that of a-b"]);
}

#[test]
fn a_port_may_be_none() {
    wrong(r#""port": ‸true"#, &["true is not a port", "false for none"]);
    refused(
        r#"{"services": {"css": {"port": false}, "web": {"env": {"X": "a ‸{css.url}"}}}}"#,
        &["services.web.env.X: css has no port", "remove \"port\": false from css"],
    );
}

#[test]
fn texts_and_names_of_variables_are_checked_with_their_place() {
    wrong(
        r#""env": {"X": "\u00fc\ud83d\ude00\"‸{dev.ur}"}"#,
        &["\"ur\" is not known", "did you mean {dev.url}?"],
    );
    wrong(r#""env": {"X": "{dev.port} ‸{apj.url}"}"#, &["apj is not a service of this file; allowed: dev"]);
    wrong(r#""env": {"X": "x‸\n"}"#, &["a control character"]);
    wrong(r#""env": {"X": ‸3}"#, &["3 is not a text"]);
    wrong(
        r#""env": {‸"LD_PRELOAD": "x"}"#,
        &["services.dev.env.LD_PRELOAD: \"LD_PRELOAD\" is not for a project's file"],
    );
    wrong(r#""env": {‸"ld_preload": "x"}"#, &["write it into \"run\""]);
    wrong(r#""env": {‸"PORT": "1"}"#, &["always the server's own port"]);
    wrong(r#""env": {"X": "1", ‸"X": "2"}"#, &["there twice"]);
    let many = (0..65).map(|at| format!("\"X{at}\": \"\"")).collect::<Vec<_>>().join(", ");
    wrong(&format!("\"env\": ‸{{{many}}}"), &["65 variables are too many; allowed: 64"]);
    assert!(matches!(service(r#""env": {}"#).env, Env::Texts(texts) if texts.is_empty()));
}

#[test]
fn addresses_may_go_in_a_circle_and_waiting_may_not() {
    let read =
        project(r#"{"services": {"a": {"env": {"X": "{b.url}{a.port}"}}, "b": {"env": {"X": "{a.url}"}}}}"#);
    assert_eq!(read.services.len(), 2);
    refused(
        r#"{"services": {"a": {"after": ["c", ‸"b"]}, "b": {"after": ["d", "c", "a"]}, "c": {}, "d": {"after": ["c"]}}}"#,
        &["services.a.after[1]: a would wait for itself: a → b → a; remove one of these"],
    );
    wrong(r#""after": [‸"dev"]"#, &["services.dev.after[0]: dev would wait for itself: dev → dev"]);
    wrong(r#""after": [‸"dv"]"#, &["dv is not a service of this file", "there is no other service"]);
    wrong(r#""after": [‸"a b"]"#, &["is not a service"]);
    wrong(r#""after": ‸"db""#, &["is not a list of services"]);
    refused(r#"{"services": {"a": {}, "b": {"after": ["a", ‸"a"]}}}"#, &["there twice"]);
}

#[test]
fn what_compose_starts_has_no_command() {
    wrong(r#""compose": "db", ‸"run": "x""#, &["services.dev.run does not go with compose"]);
    wrong(r#""compose": "db", ‸"port": false"#, &["does not go with compose"]);
    wrong(r#""port": false, ‸"ready": "/x""#, &["services.dev.ready does not go with \"port\": false"]);
    wrong(r#""compose": ‸"-f x""#, &["is not a service of a compose file"]);
}

#[test]
fn a_project_has_sixty_four_services_at_most() {
    let many = (0..200)
        .map(|at| format!("{}\"s{at}\": {{}}", if at == 64 { "‸" } else { "" }))
        .collect::<Vec<_>>()
        .join(",");
    refused(&format!("{{\"services\": {{{many}}}}}"), &["services: one service too many; allowed: 64"]);
}

fn settled(text: &str) -> Project {
    let mut project = project(text);
    project.settle(|folder| Some(folder.replace('/', ".")).filter(|name| !name.is_empty())?.parse().ok());
    project
}

#[test]
fn two_services_are_never_one_server() {
    let read = settled(
        r#"{"services": {
            "web": {"type": "dev", "cwd": "apps/web"}, "admin": {"type": "dev", "cwd": "apps/admin"},
            "again": {"type": "dev", "cwd": "apps/web"}, "root": {"type": "dev", "run": "x"}, "two": {"type": "dev", "run": "y"}
        }}"#,
    );
    let keys: Vec<(Option<&str>, Option<&str>)> = (read.services.iter())
        .map(|service| {
            let Home::In(package) = &service.home else { panic!("{service:?}") };
            (service.name.as_ref().map(ServiceName::as_str), package.as_ref().map(ServiceName::as_str))
        })
        .collect();
    let (web, admin) = (Some("apps.web"), Some("apps.admin"));
    let expected = [(None, web), (None, admin), (Some("again"), web), (None, None), (Some("two"), None)];
    assert_eq!(keys, expected);
}

#[test]
fn a_written_name_is_one_services_and_stays_as_it_is() {
    let twice =
        r#"{"services": {"web": {"type": "dev", "name": "x"}, "api": {"type": "dev", "name": ‸"x"}}}"#;
    let says = ["services.api.name: \"x\" is web's already, which is of the type dev too"];
    refused(twice, &says);
    refused(r#"{"services": {"dev": {"name": "x"}, "api": {"name": ‸"x", "type": "dev"}}}"#, &["is dev's"]);
    project(r#"{"services": {"web": {"name": "x"}, "api": {"name": "x"}}}"#);
    let names = |text: &str| {
        let services = settled(text).services.into_iter();
        services
            .map(|service| service.name.map(|name| name.to_string()).unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let folders = r#"{"services": {
        "web": {"type": "dev", "cwd": "apps/web"}, "api": {"type": "dev", "run": "x", "name": "apps.web"}}}"#;
    assert_eq!(names(folders), ["web", "apps.web"], "it is the name of that folder's servers");
    let labels = r#"{"services": {
        "a": {"type": "dev", "run": "x"}, "b": {"type": "dev", "run": "x"}, "c": {"type": "dev", "name": "b"}}}"#;
    assert_eq!(names(labels), ["", "b-2", "b"], "another one is called as this label is");
}

#[test]
fn a_server_is_found_by_its_type_in_its_own_package_or_by_its_label() {
    let read = settled(
        r#"{"services": {"web": {"type": "dev", "cwd": "apps/web"}, "api": {}, "dev": {"type": "docs", "name": "d"}}}"#,
    );
    let found = |asked: &str, name: Option<&str>, package: Option<&str>| {
        let parsed = |name: Option<&str>| name.map(|name| name.parse().unwrap());
        let found = read.wish(&asked.parse().unwrap(), parsed(name).as_ref(), parsed(package).as_ref());
        found.map(|service| service.label.to_string())
    };
    assert_eq!(found("dev", None, Some("apps.web")).as_deref(), Some("web"));
    assert_eq!(found("dev", None, Some("apps.admin")), None);
    assert_eq!(found("dev", Some("apps.web"), None).as_deref(), Some("web"));
    assert_eq!(found("dev", None, None), None);
    assert_eq!(found("web", None, None).as_deref(), Some("web"));
    assert_eq!(found("web", Some("x"), None), None);
    assert_eq!(found("api", None, Some("apps.web")).as_deref(), Some("api"));
    assert_eq!(found("docs", None, None).as_deref(), Some("dev"));
    let read = settled(r#"{"services": {"api": {"type": "dev", "name": "api"}, "web": {"type": "dev"}}}"#);
    let found = read.wish(&"dev".parse().unwrap(), None, None).map(|service| service.label.to_string());
    assert_eq!(found.as_deref(), Some("web"), "the one without a name, although another one is before it");
}

#[test]
fn a_service_that_there_is_not_is_refused_with_those_that_may_come_before() {
    let after = |others: &str| {
        refused(
            &format!(r#"{{"services": {{"web": {{"run": "x", "after": [‸"apo"]}}{others}}}}}"#),
            &[
                "services.web.after[0]: apo is not a service of this file",
                if others.is_empty() { "; there is no other service" } else { "; allowed: api" },
            ],
        );
    };
    after("");
    after(r#", "api": {"run": "y"}"#);
}

#[test]
fn what_other_tools_call_run_is_known_to_be_meant() {
    for key in ["cmd", "command", "script", "start", "exec"] {
        let read = project(&format!(r#"{{"services": {{"web": {{"{key}": "node s.js"}}}}}}"#));
        assert_eq!(read.ignored[0].hint.as_deref(), Some("did you mean run?"), "{key}");
        assert!(read.idle[0].is_odd);
    }
}
