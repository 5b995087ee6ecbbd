//! Further ports of the command: its inspector, its live reload, its user interface. They are leased with the first one (R67).

use styxy_client::{Caller, PortRequest};
use styxy_core::project::Project;
use styxy_core::{Port, ServiceType};

use crate::devserver::plan::{By, More, Plan};
use crate::here::variables;

/// Requests for the further ports of `plan`, named as the first of the `asked` ones; none of a service that is asked for.
///
/// A block has room for such ports, and so no further ones are leased beside it.
pub(super) fn requests(
    plan: &Plan,
    asked: &[PortRequest],
    file: Option<&Project>,
    caller: &Caller,
) -> Vec<PortRequest> {
    let Some(first) = asked.first().filter(|first| first.block.is_none()) else { return Vec::new() };
    let mut taken: Vec<ServiceType> = asked.iter().map(|request| request.service.clone()).collect();
    let mut requests = Vec::new();
    for More { second, port, .. } in &plan.more {
        let Ok(service) = ServiceType::new(second.service) else { continue };
        taken.push(service);
        if variables::clash(&taken).is_some() {
            taken.pop();
            continue;
        }
        let request = PortRequest::new(ServiceType::clone(&taken[taken.len() - 1]));
        let request = request.in_package(caller.package().as_ref()).or(file);
        let name = request.name.or_else(|| first.name.clone());
        let port = port.or(request.port);
        let default_port = Port::new(second.default).ok().filter(|_| port.is_none());
        requests.push(PortRequest { name, port, default_port, ..request });
    }
    requests
}

/// What keeps a further port of the command from being the leased one, if a script names another.
pub(super) fn in_the_way(more: &More, leased: Port) -> Option<String> {
    let named = more.port.filter(|named| more.by == By::Script && *named != leased)?;
    Some(format!(
        "the script itself sets {} port {named}, but the lease is for {leased}; without a number there it gets its own",
        more.second.service
    ))
}

/// The variables that tell the command its further ports; `inherited` is what a variable is now.
pub(super) fn variables_of(
    more: &More,
    port: Port,
    inherited: impl Fn(&str) -> Option<String>,
) -> impl Iterator<Item = (String, String)> {
    let env = if more.by == By::Variables { more.second.env } else { &[] };
    env.iter().map(move |(name, value)| {
        let value = value.replace("{inherited}", &inherited(name).unwrap_or_default());
        ((*name).to_owned(), value.replace("{port}", &port.to_string()).trim_start().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devserver::frameworks;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn a_script_that_names_a_further_port_of_somebody_elses_is_named() {
        let port = |port| Port::new(port).unwrap();
        let words = ["dev", "--inspector-port", "9230"];
        let second = &frameworks::find("wrangler", &words.into_iter()).unwrap().more[0];
        let more = More { second, port: Some(port(9230)), by: By::Script };
        let said = |more: &More, leased| {
            in_the_way(more, port(leased)).map_or("(nothing)\n".to_owned(), |said| said + "\n")
        };
        let typed = More { by: By::Words, ..more };
        snapshot!(
            "run_further",
            each([
                ("another port is leased", said(&more, 9240)),
                ("this one is", said(&more, 9230)),
                ("typed", said(&typed, 9240)),
            ])
        );
    }
}
