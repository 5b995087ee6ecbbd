//! `styxy up --print`: what would run, and why; and what `styxy up` would do with each service now.

use std::io::Write as _;

use serde::Serialize;

use crate::here::context::Context;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::one_line;
use crate::up::stack::{self, Definition, Serves, Stack};
use crate::up::wire::{Fate, Foreseen};

/// What would run.
#[derive(Serialize)]
struct Answer<'a> {
    root: String,
    source: String,
    services: Vec<Printed<'a>>,
    /// Those that are told to them, and would not run.
    told: Vec<&'a str>,
    reasons: &'a [String],
    /// Those that would end.
    ends: Vec<Foreseen>,
}

#[derive(Serialize)]
struct Printed<'a> {
    service: &'a str,
    service_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<&'a str>,
    run: String,
    cwd: String,
    serves: &'static str,
    after: &'a [String],
    tty: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Foreseen>,
}

pub(super) fn print(context: &Context, stack: &Stack, foreseen: Vec<Foreseen>) -> Result<Exit, Failure> {
    let services: Vec<Printed> = stack.services.iter().map(|service| printed(service, stack)).collect();
    let (services, ends) = with_fates(services, foreseen);
    let answer = Answer {
        root: stack.root.display().to_string(),
        source: stack.source.path().display().to_string(),
        services,
        told: stack.peers.iter().map(|service| service.label.as_str()).collect(),
        reasons: &stack.reasons,
        ends,
    };
    context.output.answer(&answer, |out| {
        writeln!(out, "from {}", one_line(&answer.source))?;
        for service in &answer.services {
            let after = if service.after.is_empty() { String::new() } else { format!(", after {}", service.after.join(", ")) };
            let place = if service.cwd == "." { String::new() } else { format!(" in {}", service.cwd) };
            let (label, run, place) = (service.service, one_line(&service.run), one_line(&place));
            writeln!(out, "{label}: {run}{place} ({}{after}){}", service.serves, now(service))?;
        }
        for service in &answer.ends {
            writeln!(out, "{}", crate::up::lines::ends(&service.service, &stack.source.shown(&stack.root)))?;
        }
        if !answer.told.is_empty() {
            writeln!(out, "not started, and told to the others all the same: {}", answer.told.join(", "))?;
        }
        for reason in answer.reasons {
            writeln!(out, "{}", one_line(reason))?;
        }
        writeln!(out, "A service that runs is started again if what is written about it has changed, not for a changed environment.")
    })?;
    Ok(Exit::Done)
}

/// The services with what is foreseen of each, and those that would end.
fn with_fates<'a>(services: Vec<Printed<'a>>, foreseen: Vec<Foreseen>) -> (Vec<Printed<'a>>, Vec<Foreseen>) {
    let (ends, foreseen): (Vec<_>, Vec<_>) = foreseen.into_iter().partition(|one| one.fate == Fate::Ends);
    let with = |service: Printed<'a>| {
        let now = foreseen.iter().find(|one| one.service == service.service).cloned();
        Printed { now, ..service }
    };
    (services.into_iter().map(with).collect(), ends)
}

/// `: starts on port 3001`
fn now(service: &Printed) -> String {
    let Some(Foreseen { service: _, fate, why, port, pid }) = &service.now else { return String::new() };
    let on = port.map(|port| format!(" on port {port}")).unwrap_or_default();
    let pid = pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    match fate {
        Fate::Starts => format!(": starts{on}"),
        Fate::Stays => format!(": stays{on}{pid}"),
        Fate::Again => {
            let why = why.as_ref().map(|why| format!(", since {why}")).unwrap_or_default();
            format!(": starts again{on}{why}")
        }
        Fate::Outside => format!(": runs outside of up{on}{pid}, and stays"),
        Fate::Ends => ": ends".to_owned(),
        Fate::Fails => format!(": fails: {}", one_line(why.as_deref().unwrap_or_default())),
    }
}

fn printed<'a>(service: &'a Definition, stack: &Stack) -> Printed<'a> {
    let below = service.cwd.strip_prefix(&stack.root).unwrap_or(&service.cwd);
    let cwd = if below.as_os_str().is_empty() { ".".to_owned() } else { below.display().to_string() };
    Printed {
        service: &service.label,
        service_type: service.kind.as_str(),
        service_name: service.name.as_ref().map(styxy_core::ServiceName::as_str),
        run: shown(service),
        cwd,
        serves: match service.serves {
            _ if service.compose.is_some() => "a container",
            Serves::Known => "serves",
            Serves::Perhaps => "may serve",
            Serves::No => "no port",
            Serves::Once => "ends before others begin",
            Serves::Builds => "builds and ends",
        },
        after: &service.after,
        tty: service.tty,
        now: None,
    }
}

fn shown(service: &Definition) -> String {
    match &service.compose {
        Some(compose) => format!("the service {compose} of the compose file"),
        None => stack::shown(&service.run),
    }
}
