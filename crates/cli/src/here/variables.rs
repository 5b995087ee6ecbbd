//! The environment variables that hold a command's ports: the same for `styxy run` and `styxy env`.

use styxy_client::PortRequest;
use styxy_core::project::{EnvName, fence};
use styxy_core::{Port, ServiceType};

/// A service and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    /// What its variables call it: its label in the project's file, else its type.
    pub(crate) label: String,
    pub(crate) service: ServiceType,
    pub(crate) port: Port,
    /// Its address by name at the front door.
    pub(crate) named_url: Option<String>,
    /// More variables that hold the port.
    pub(crate) env: Vec<EnvName>,
}

impl Served {
    /// The server of `request` on `port`.
    pub(crate) fn new(request: &PortRequest, port: Port) -> Self {
        let label = request.label().to_owned();
        Self { label, service: request.service.clone(), port, named_url: None, env: request.env.clone() }
    }

    /// The server of a type that variables call so too.
    #[cfg(test)]
    pub(crate) fn called_so(label: &str, port: Port) -> Self {
        Self {
            label: label.to_owned(),
            service: label.parse().unwrap(),
            port,
            named_url: None,
            env: Vec::new(),
        }
    }

    /// With its address by name.
    pub(crate) fn called(self, named_url: Option<&String>) -> Self {
        Self { named_url: named_url.cloned(), ..self }
    }
}

/// `STYXY_DEV_PORT` for `dev`.
pub(crate) fn variable(label: &str) -> String {
    format!("STYXY_{}_PORT", upper(label))
}

fn upper(label: &str) -> String {
    fence::variable_part(label)
}

/// The port that an outer `styxy run`, `styxy env` or session has set for the service called `label`.
pub(crate) fn exported(label: &str) -> Option<Port> {
    std::env::var(variable(label)).ok()?.parse().ok()
}

/// The address by name that was set with it.
pub(crate) fn named(label: &str) -> Option<String> {
    std::env::var(named_variable(label)).ok().filter(|url| url.starts_with("http://"))
}

/// The port in `PORT`, if Styxy has not set it: then it is in a variable of Styxy's too. Somebody outside wishes for it: the
/// user, an editor's preview, a runner of several servers.
pub(crate) fn inherited() -> Option<Port> {
    std::env::var_os("PORT")?;
    let texts = std::env::vars_os().map(|(name, value)| (name.into_string(), value.into_string()));
    wished_for(texts.filter_map(|(name, value)| name.ok().zip(value.ok())))
}

fn wished_for(variables: impl Iterator<Item = (String, String)>) -> Option<Port> {
    let (mut port, mut ours) = (None, Vec::new());
    for (name, value) in variables {
        if name == "PORT" {
            port = Some(value);
        } else if name.starts_with("STYXY_") && name.ends_with("_PORT") {
            ours.push(value);
        }
    }
    port.filter(|port| !ours.contains(port))?.parse().ok()
}

/// The address by name of the first service.
pub(crate) const NAMED_URL: &str = "STYXY_NAMED_URL";

/// `STYXY_DEV_NAMED_URL` for `dev`.
pub(crate) fn named_variable(label: &str) -> String {
    format!("STYXY_{}_NAMED_URL", upper(label))
}

/// Names and values, in an order that depends only on `served`. `PORT` is the port of the first service.
///
/// Names consist of capitals, digits and `_`; a value is a number, or a URL of a port or of a name below `.localhost`.
pub(crate) fn variables(served: &[Served]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Some(first) = served.first() {
        all.push(("PORT".to_owned(), first.port.to_string()));
        all.push(("STYXY_PORT".to_owned(), first.port.to_string()));
        all.push(("STYXY_URL".to_owned(), url(first.port)));
        all.extend(address_by_name(NAMED_URL.to_owned(), first, served));
        // A program that knows the type of its own server finds it, whatever the project's file calls it.
        let kind = first.service.as_str();
        if served.iter().all(|one| variable(&one.label) != variable(kind)) {
            all.extend(addresses(kind, first, served));
        }
    }
    all.extend(of_all(served));
    all
}

/// The same without those of the first service.
pub(crate) fn of_all(served: &[Served]) -> Vec<(String, String)> {
    let of = |one: &Served| {
        let more: Vec<_> = one.env.iter().map(|name| (name.to_string(), one.port.to_string())).collect();
        addresses(&one.label, one, served).chain(more).collect::<Vec<_>>()
    };
    served.iter().flat_map(of).collect()
}

/// The variables of `one`, which they call `label`.
fn addresses(label: &str, one: &Served, served: &[Served]) -> impl Iterator<Item = (String, String)> + use<> {
    let of_port =
        [(variable(label), one.port.to_string()), (format!("STYXY_{}_URL", upper(label)), url(one.port))];
    of_port.into_iter().chain(address_by_name(named_variable(label), one, served))
}

/// The variable `name` with the address by name of `one`, if it has one.
fn address_by_name(name: String, one: &Served, served: &[Served]) -> Option<(String, String)> {
    // A service may be called `named`, and `STYXY_NAMED_URL` is what its address has always been called.
    let is_a_ports = served.iter().any(|one| name == format!("STYXY_{}_URL", upper(&one.label)));
    one.named_url.clone().filter(|_| !is_a_ports).map(|named_url| (name, named_url))
}

/// The same with the texts of the project's file. What holds a port is not set to a text.
pub(crate) fn with_texts(served: &[Served], texts: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all = variables(served);
    let is_new = |name: &String| all.iter().all(|(known, _)| known != name);
    let new: Vec<_> = texts.into_iter().filter(|(name, _)| is_new(name)).collect();
    all.extend(new);
    all
}

/// Where a server on `port` of this machine is found.
pub(crate) fn url(port: Port) -> String {
    format!("http://localhost:{port}")
}

/// The first two of `services` that would have the same variable.
pub(crate) fn clash(services: &[ServiceType]) -> Option<(&ServiceType, &ServiceType)> {
    services.iter().enumerate().find_map(|(at, service)| {
        let is_same = |other: &&ServiceType| variable(other.as_str()) == variable(service.as_str());
        services[..at].iter().find(is_same).map(|other| (other, service))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(service: &str, port: u16, env: &[&str]) -> Served {
        let env = env.iter().map(|name| name.parse().unwrap()).collect();
        Served { env, ..Served::called_so(service, Port::new(port).unwrap()) }
    }

    #[test]
    fn port_is_the_port_of_the_first_service() {
        let all = variables(&[served("dev", 3000, &["WEB_PORT"]), served("my-api", 4000, &[])]);
        let lines: Vec<String> = all.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            lines,
            [
                "PORT=3000",
                "STYXY_PORT=3000",
                "STYXY_URL=http://localhost:3000",
                "STYXY_DEV_PORT=3000",
                "STYXY_DEV_URL=http://localhost:3000",
                "WEB_PORT=3000",
                "STYXY_MY_API_PORT=4000",
                "STYXY_MY_API_URL=http://localhost:4000",
            ]
        );
        assert!(variables(&[]).is_empty());
    }

    #[test]
    fn the_first_service_is_found_by_its_type_too_unless_another_one_is_called_so() {
        let web = |port| Served { service: "dev".parse().unwrap(), ..served("web", port, &[]) };
        let ports = |served: &[Served]| {
            let ports = variables(served).into_iter().filter(|(name, _)| name.ends_with("_PORT"));
            ports.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(ports(&[web(3000)]), ["STYXY_PORT=3000", "STYXY_DEV_PORT=3000", "STYXY_WEB_PORT=3000"]);
        let other = [web(3000), served("dev", 4000, &[])];
        assert_eq!(ports(&other), ["STYXY_PORT=3000", "STYXY_WEB_PORT=3000", "STYXY_DEV_PORT=4000"]);
    }

    #[test]
    fn a_name_has_variables_of_its_own_and_those_of_the_port_keep_theirs() {
        let called = |service: &str, port| {
            served(service, port, &[]).called(Some(&format!("http://{service}.shop.localhost:9876")))
        };
        let named = |served: &[Served]| {
            let named = variables(served).into_iter().filter(|(name, _)| name.contains("NAMED"));
            named.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(
            named(&[called("dev", 3000), called("my-api", 4000)]),
            [
                "STYXY_NAMED_URL=http://dev.shop.localhost:9876",
                "STYXY_DEV_NAMED_URL=http://dev.shop.localhost:9876",
                "STYXY_MY_API_NAMED_URL=http://my-api.shop.localhost:9876",
            ]
        );
        assert_eq!(
            named(&[called("dev", 3000), called("dev-named", 4000), called("named", 5000)]),
            [
                "STYXY_DEV_NAMED_PORT=4000",
                "STYXY_DEV_NAMED_URL=http://localhost:4000",
                "STYXY_DEV_NAMED_NAMED_URL=http://dev-named.shop.localhost:9876",
                "STYXY_NAMED_PORT=5000",
                "STYXY_NAMED_URL=http://localhost:5000",
                "STYXY_NAMED_NAMED_URL=http://named.shop.localhost:9876",
            ]
        );
    }

    #[test]
    fn a_port_is_wished_for_if_no_variable_of_styxys_has_it() {
        let wished = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            wished_for(variables).map(Port::get)
        };
        assert_eq!(wished(&[("PORT", "5000")]), Some(5000));
        assert_eq!(
            wished(&[("STYXY_PORT", "8000"), ("PORT", "5000"), ("STYXY_API_PORT", "8100")]),
            Some(5000)
        );
        assert_eq!(wished(&[("STYXY_PORT", "8000"), ("PORT", "8000")]), None);
        assert_eq!(wished(&[("PORT", "8100"), ("STYXY_API_PORT", "8100")]), None);
        assert_eq!(wished(&[("PORT", "5000"), ("WEB_PORT", "5000")]), Some(5000));
        for none in ["", "0", "70000", "COM3", "-1", " 5000"] {
            assert_eq!(wished(&[("PORT", none)]), None, "{none:?}");
        }
    }

    #[test]
    fn services_with_the_same_variable_clash() {
        let services =
            |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<ServiceType>>();
        assert!(clash(&services(&["dev", "api"])).is_none());
        assert!(clash(&services(&["dev", "api", "dev"])).is_some());
        assert!(clash(&services(&["a-b", "A_B"])).is_some());
    }
}
