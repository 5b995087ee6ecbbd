//! What the services of a stack are told: each its own port, the addresses of all, and its own texts (R145).

use crate::here::places::Places;
use crate::here::variables::{self, Served};
use crate::process::table::MARK;
use crate::say::output;
use crate::up::stack::{Definition, Stack};
use crate::up::wire::LeaseKey;

/// The addresses of a stack's services.
pub(crate) struct Told {
    served: Vec<Served>,
    places: Places,
}

impl Told {
    /// Of the services of `stack` that have a lease, in its order, and of their peers.
    pub(crate) fn new(stack: &Stack, keys: &[Option<LeaseKey>]) -> Self {
        let served: Vec<Served> = stack.all().zip(keys).filter_map(served).collect();
        let places = Places::new(&served, || styxy_client::worktree_label(&stack.root));
        Self { served, places }
    }

    /// What the worktree is called.
    pub(crate) fn slug(&self) -> Option<&str> {
        self.places.slug()
    }

    /// The variables of `service`. A text that has a place without an address is left out, and a warning says so.
    pub(crate) fn variables(&self, service: &Definition, key: Option<&LeaseKey>) -> Vec<(String, String)> {
        let own = |one: &&Served| one.label == service.label;
        let mut told = match self.served.iter().find(own) {
            // The first one's port is PORT.
            Some(first) => {
                let others = self.served.iter().filter(|one| !own(one));
                variables::variables(&std::iter::once(first).chain(others).cloned().collect::<Vec<_>>())
            }
            None => variables::of_all(&self.served),
        };
        told.extend(key.and_then(|key| key.lock_id).map(|id| (MARK.to_owned(), id.to_string())));
        for (name, text) in &service.env {
            match self.places.filled(text) {
                Some(value) => {
                    told.retain(|(known, _)| known != name);
                    told.push((name.clone(), value));
                }
                None => output::warning(&format!(
                    "{} is not told {name}: {} has a place without an address",
                    service.label,
                    output::one_line(text.written())
                )),
            }
        }
        told
    }
}

fn served((service, key): (&Definition, &Option<LeaseKey>)) -> Option<Served> {
    let key = key.as_ref()?;
    Some(Served {
        label: service.label.clone(),
        service: key.kind.clone(),
        port: key.port,
        named_url: key.named_url.clone(),
        env: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use styxy_core::Port;
    use styxy_core::project::Text;

    use super::*;
    use crate::up::stack::Source;
    use crate::up::stack::tests::definition;

    fn told(label: &str, env: &[(&str, &str)]) -> Definition {
        let env = env.iter().map(|(name, text)| ((*name).to_owned(), Text::parse(text).unwrap()));
        Definition { env: env.collect(), ..definition(label) }
    }

    fn key(kind: &str, port: u16, named: Option<&str>) -> LeaseKey {
        let named_url = named.map(|host| format!("http://{host}:9876"));
        LeaseKey {
            kind: kind.parse().unwrap(),
            name: None,
            port: Port::new(port).unwrap(),
            lock_id: None,
            named_url,
        }
    }

    #[test]
    fn each_service_has_its_own_port_and_the_addresses_of_all() {
        let web = told("web", &[("API", "{api.url}/v1"), ("SELF", "{web.named_url}"), ("DB", "x_{slug_}")]);
        let css = told("css", &[("WEB", "{web.port}"), ("NONE", "{css.port}")]);
        // One that is not started is told about all the same.
        let services = vec![web.clone(), css.clone()];
        let peers = vec![told("api", &[("WEB", "{web.url}")])];
        let source = Source::File("/w/x".into());
        let stack =
            Stack { root: "/w".into(), source, services, peers, reasons: Vec::new(), idle: Vec::new() };
        let keys = [Some(key("dev", 3000, Some("web.a-b.localhost"))), None, Some(key("api", 4000, None))];
        let all = Told::new(&stack, &keys);
        let lines = |service: &Definition, key: &Option<LeaseKey>| -> Vec<String> {
            all.variables(service, key.as_ref())
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        assert_eq!(all.slug(), Some("a-b"));
        assert_eq!(
            lines(&web, &keys[0]),
            [
                "PORT=3000",
                "STYXY_PORT=3000",
                "STYXY_URL=http://localhost:3000",
                "STYXY_NAMED_URL=http://web.a-b.localhost:9876",
                "STYXY_DEV_PORT=3000",
                "STYXY_DEV_URL=http://localhost:3000",
                "STYXY_DEV_NAMED_URL=http://web.a-b.localhost:9876",
                "STYXY_WEB_PORT=3000",
                "STYXY_WEB_URL=http://localhost:3000",
                "STYXY_WEB_NAMED_URL=http://web.a-b.localhost:9876",
                "STYXY_API_PORT=4000",
                "STYXY_API_URL=http://localhost:4000",
                "API=http://localhost:4000/v1",
                "SELF=http://web.a-b.localhost:9876",
                "DB=x_a_b",
            ]
        );
        let expected = [
            "STYXY_WEB_PORT=3000",
            "STYXY_WEB_URL=http://localhost:3000",
            "STYXY_WEB_NAMED_URL=http://web.a-b.localhost:9876",
            "STYXY_API_PORT=4000",
            "STYXY_API_URL=http://localhost:4000",
            "WEB=3000",
        ];
        assert_eq!(lines(&css, &keys[1]), expected, "it has no port of its own");
    }
}
