//! The environment variables that hold a command's ports: the same for `styxy run` and `styxy env`.

use styxy_client::PortRequest;
use styxy_core::project::EnvName;
use styxy_core::{Port, ServiceType};

/// A service and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
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
        Self { service: request.service.clone(), port, named_url: None, env: request.env.clone() }
    }

    /// With its address by name.
    pub(crate) fn called(self, named_url: Option<&String>) -> Self {
        Self { named_url: named_url.cloned(), ..self }
    }
}

/// `STYXY_DEV_PORT` for `dev`.
pub(crate) fn variable(service: &ServiceType) -> String {
    format!("STYXY_{}_PORT", upper(service))
}

fn upper(service: &ServiceType) -> String {
    service.as_str().to_ascii_uppercase().replace('-', "_")
}

/// The port that an outer `styxy run`, `styxy env` or session has set for `service`.
pub(crate) fn exported(service: &ServiceType) -> Option<Port> {
    std::env::var(variable(service)).ok()?.parse().ok()
}

/// The address by name that was set with it.
pub(crate) fn named(service: &ServiceType) -> Option<String> {
    std::env::var(named_variable(service)).ok().filter(|url| url.starts_with("http://"))
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
pub(crate) fn named_variable(service: &ServiceType) -> String {
    format!("STYXY_{}_NAMED_URL", upper(service))
}

/// Names and values, in an order that depends only on `served`. `PORT` is the port of the first service.
///
/// Names consist of capitals, digits and `_`; a value is a number, or a URL of a port or of a name below `.localhost`.
pub(crate) fn variables(served: &[Served]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    // A service type may be called `named`, and `STYXY_NAMED_URL` is what its address has always been called.
    let is_a_ports =
        |name: &String| served.iter().any(|one| *name == format!("STYXY_{}_URL", upper(&one.service)));
    let named = |name: String, one: &Served| {
        one.named_url.clone().filter(|_| !is_a_ports(&name)).map(|named_url| (name, named_url))
    };
    if let Some(first) = served.first() {
        all.push(("PORT".to_owned(), first.port.to_string()));
        all.push(("STYXY_PORT".to_owned(), first.port.to_string()));
        all.push(("STYXY_URL".to_owned(), url(first.port)));
        all.extend(named(NAMED_URL.to_owned(), first));
    }
    for one in served {
        all.push((variable(&one.service), one.port.to_string()));
        all.push((format!("STYXY_{}_URL", upper(&one.service)), url(one.port)));
        all.extend(named(named_variable(&one.service), one));
        all.extend(one.env.iter().map(|name| (name.to_string(), one.port.to_string())));
    }
    all
}

/// Where a server on `port` of this machine is found.
pub(crate) fn url(port: Port) -> String {
    format!("http://localhost:{port}")
}

/// The first two of `services` that would have the same variable.
pub(crate) fn clash(services: &[ServiceType]) -> Option<(&ServiceType, &ServiceType)> {
    services.iter().enumerate().find_map(|(at, service)| {
        services[..at].iter().find(|other| variable(other) == variable(service)).map(|other| (other, service))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(service: &str, port: u16, env: &[&str]) -> Served {
        let env = env.iter().map(|name| name.parse().unwrap()).collect();
        Served { service: service.parse().unwrap(), port: Port::new(port).unwrap(), named_url: None, env }
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
