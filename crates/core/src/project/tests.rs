//! Project files as people, and their enemies, write them.

mod start;

use super::{EnvName, Project, Wish, parse, parse_package};
use crate::config::ConfigError;
use crate::{DoorRules, HostHeader, Port};

fn project(text: &str) -> Project {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Expects the mistake at the mark `‸`, saying each of `says`.
#[track_caller]
fn refused(marked: &str, says: &[&str]) {
    refused_by(|text| parse(text).map(|project| format!("{project:?}")), marked, says);
}

#[track_caller]
fn refused_by(read: impl Fn(&str) -> Result<String, ConfigError>, marked: &str, says: &[&str]) {
    let (before, after) = marked.split_once('‸').expect("a mark");
    let error = read(&format!("{before}{after}")).expect_err(marked);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    assert_eq!((error.line, error.column), (line, column), "{marked}\n{error:?}");
    let whole = format!("{error} hint: {}", error.hint.as_deref().unwrap_or("none"));
    for part in says {
        assert!(whole.contains(part), "{part:?} is not in {whole:?}");
    }
}

#[test]
fn a_file_has_its_services_in_the_order_it_names_them() {
    let project = project(
        r#"{ "$schema": "x", "services": { "dev": { "name": "web", "port": 3000, "env": ["WEB_PORT", "PGPORT"] },
             "api": { "port": 4000, "name": null }, "a-b": null } }"#,
    );
    let names: Vec<&str> = project.services.iter().map(|service| service.label.as_str()).collect();
    assert_eq!(names, ["dev", "api", "a-b"]);
    let dev = &project.services[0];
    assert_eq!(dev.name.as_ref().unwrap().as_str(), "web");
    assert_eq!(dev.port, Wish::Port(Port::new(3000).unwrap()));
    assert_eq!(dev.env.ports().iter().map(EnvName::as_str).collect::<Vec<_>>(), ["WEB_PORT", "PGPORT"]);
    assert_eq!(project.service("api").unwrap().port.port().unwrap().get(), 4000);
    assert_eq!(project.service("docs"), None);
}

#[test]
fn a_repository_may_have_another_name_than_its_folder() {
    assert_eq!(project(r#"{"name": "shop"}"#).name.unwrap().as_str(), "shop");
    assert_eq!(project(r#"{"name": null}"#).name, None);
    refused(r#"{"name": ‸"My Shop"}"#, &["name: \"My Shop\" is not a label of a host name", "a-z, 0-9"]);
    refused(r#"{"name": ‸3}"#, &["name: 3 is not"]);
}

#[test]
fn a_service_says_how_requests_by_name_reach_it() {
    let door = |text: &str| project(&format!("{{\"services\": {{\"dev\": {text}}}}}")).services[0].door;
    assert!(door("{}").is_usual() && door(r#"{"open": null, "host": null}"#).is_usual());
    assert!(door(r#"{"open": false, "host": "kept"}"#).is_usual());
    assert_eq!(door(r#"{"open": true}"#), DoorRules { open: true, ..DoorRules::default() });
    let local = DoorRules { host: HostHeader::Local, ..DoorRules::default() };
    assert_eq!(door(r#"{"host": "local"}"#), local);
    refused(r#"{"services": {"dev": {"open": ‸"yes"}}}"#, &["services.dev.open: \"yes\" is not a switch"]);
    let hint =
        ["services.dev.host: \"Local\" is not a Host header; allowed: kept, local", "did you mean local?"];
    refused(r#"{"services": {"dev": {"host": ‸"Local"}}}"#, &hint);
    refused(r#"{"services": {"dev": {"host": ‸"evil.example"}}}"#, &["allowed: kept, local"]);
}

#[test]
fn an_empty_object_says_nothing_and_an_empty_file_is_a_mistake() {
    for nothing in ["{}", "{\"services\": {}}", "{\"services\": null}", "\u{feff}{}"] {
        assert_eq!(project(nothing), Project::default(), "{nothing}");
    }
    refused("‸", &["the file is empty"]);
    refused("‸[]", &["the file: [] is not an object"]);
}

#[test]
fn a_mistake_is_refused_with_its_place() {
    refused("{\"services\": {\n\"dev\": {\"port\": ‸70000}}}", &["services.dev.port: 70000 is not a port"]);
    refused("{\"services\": {\"dev\": {\"port\": ‸\"3000\"}}}", &["write 3000 without quotes"]);
    refused("{\"services\": {‸\"a b\": {}}}", &["\"a b\" is not a service name"]);
    refused(
        "{\"services\": {\"dev\": {\"name\": ‸\"a b\"}}}",
        &["services.dev.name: \"a b\" is not a service name"],
    );
    refused("{\"services\": {\"dev\": {}, ‸\"dev\": {}}}", &["there twice"]);
    refused(
        "{\"services\": {\"a-b\": {}, ‸\"A_B\": null}}",
        &["services.A_B: its variable would be that of a-b"],
    );
    refused("{\"services\": {\"dev\": {\"port\": 3000}, \"api\": {\"port\": ‸3000}}}", &["dev's already"]);
    refused("{\"services\": ‸[]}", &["services: [] is not an object"]);
}

#[test]
fn an_unknown_key_is_ignored_and_named_with_its_place_and_the_nearest_one() {
    let read = project(
        "{\n  \"service\": {},\n \"services\": {\"dev\": {\"prt\": 1, \"port\": 3000}, \"api\": {}}}",
    );
    assert_eq!(read.services.len(), 2);
    assert_eq!(read.services[0].port.port().unwrap().get(), 3000);
    let [top, inner] = &read.ignored[..] else { panic!("{:?}", read.ignored) };
    assert_eq!((top.line, top.column, top.hint.as_deref()), (2, 3, Some("did you mean services?")));
    assert_eq!(top.message, "service is not a known key");
    assert_eq!((inner.line, inner.column, inner.hint.as_deref()), (3, 23, Some("did you mean port?")));
    assert_eq!(inner.message, "services.dev.prt is not a known key");
}

#[test]
fn a_repository_may_only_name_variables_that_say_port() {
    let hostile = [
        "PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "NODE_OPTIONS",
        "NODE_PATH",
        "BASH_ENV",
        "ENV",
        "IFS",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PERL5LIB",
        "RUBYOPT",
        "GIT_SSH",
        "HOME",
        "SHELL",
        "PROMPT_COMMAND",
        "NPM_CONFIG_SCRIPT_SHELL",
        "JAVA_TOOL_OPTIONS",
        "EDITOR",
        "HTTP_PROXY",
        "RUSTC_WRAPPER",
        "CC",
        "KUBECONFIG",
        "GIT_PORT",
        "NODE_PORT",
        "LD_PORT",
        "STYXY_HOME",
        "STYXY_DEV_PORT",
        "IMPORTANT",
        "IMPORT",
        "EXPORT",
        "REPORT",
        "TRANSPORT",
        "MCP_TRANSPORT",
        "SUPPORT_2",
        "PORTAL_URL",
        "path",
        "Web_Port",
        "web_port",
        "1PORT",
        "_PORT",
        "",
        "WEB PORT",
        "WEB_PORT=1",
        "WEB_PORT\\n",
        "WEB-PORT",
        "WÉB_PORT",
        "A;PORT",
        "$(PORT)",
    ];
    for name in hostile {
        let listed = format!("{{\"services\": {{\"dev\": {{\"env\": [\"WEB_PORT\", ‸\"{name}\"]}}}}}}");
        refused(&listed, &["services.dev.env[1]: "]);
    }
    for name in ["WEB_PORT", "PORT_API", "PGPORT", "PORT0", "MYSQL_TCP_PORT", "VITE_PORT_2", "APP_PORT_HTTP"]
    {
        assert!(EnvName::for_project(name).is_ok(), "{name}");
    }
    assert!(EnvName::for_project(&format!("{}_PORT", "X".repeat(200))).is_err());
    refused("{\"services\": {\"dev\": {\"env\": [‸\"PORT\"]}}}", &["first service"]);
    refused("{\"services\": {\"dev\": {\"env\": ‸\"WEB_PORT\"}}}", &["is not a list of variables"]);
    refused("{\"services\": {\"dev\": {\"env\": [‸3]}}}", &["services.dev.env[0]: 3 is not the name"]);
}

#[test]
fn a_variable_has_one_meaning() {
    refused("{\"services\": {\"dev\": {\"env\": [\"A_PORT\", ‸\"A_PORT\"]}}}", &["twice"]);
    refused(
        "{\"services\": {\"dev\": {\"env\": [\"A_PORT\"]}, \"api\": {\"env\": [‸\"A_PORT\"]}}}",
        &["twice"],
    );
}

#[test]
fn what_a_person_types_need_not_say_port_and_still_does_no_harm() {
    assert!(EnvName::new("LISTEN").is_ok());
    for name in ["PATH", "LD_PRELOAD", "NODE_OPTIONS", "STYXY_URL", "a", "A B", "A=B"] {
        assert!(EnvName::new(name).is_err(), "{name}");
    }
}

#[test]
fn a_package_json_is_read_for_its_styxy_key_alone() {
    let read = |text: &str| {
        let read = parse_package(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        read.map(|(project, _)| project)
    };
    assert_eq!(read("{\"name\": \"app\", \"name\": \"twice\"}"), None);
    assert_eq!(read("{\"dependencies\": {\"styxy\": \"1\"}}"), None);
    assert_eq!(read("{{ cookiecutter }}"), None);
    // Not worth reading: npm says what is wrong with these.
    for others in [
        r#"{"name": "styxy", "bin": {"styxy": {}}, "#,
        r#"{"files": ["styxy"], "x": "\"styxy\": {", "\\": {"styxy" : 3}, }"#,
        r#"{"styxy"}"#,
    ] {
        assert_eq!(read(others), None, "{others}");
    }
    assert_eq!(read(r#"{"x": ["}{", "\\"], "styxy" : {}}"#), Some(Project::default()));
    assert_eq!(read("{\"styxy\": {}}"), Some(Project::default()));
    let (_, written) = parse_package("{\"styxy\": {\"services\": { } }, \"x\": 1}").unwrap().unwrap();
    assert_eq!(written, "{\"services\": { } }");
    let found = read("{\"styxy\": {\"services\": {\"dev\": {\"port\": 4321}}}}").unwrap();
    assert_eq!(found.services[0].port.port().unwrap().get(), 4321);
    let refused = |marked: &str, says: &[&str]| {
        refused_by(|text| parse_package(text).map(|found| format!("{found:?}")), marked, says);
    };
    refused("{\"styxy\": {\"services\": {\n\"dev\": {\"port\": ‸0}}}}", &["styxy.services.dev.port"]);
    refused("{\"styxy\": ‸3}", &["styxy: 3 is not an object"]);
    refused("{\"styxy\": {}, ‸}", &["another key"]);
}
