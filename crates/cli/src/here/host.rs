//! A server that is named by its host name at the front door: `dev.shop.localhost`, `http://dev.shop.localhost:9876/path`.

use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsQuery, Code, Lease, Refusal};
use styxy_core::label::HostName;
use styxy_core::order::Order as _;
use styxy_core::{Port, nearest};

use crate::here::verb::Verb;

/// What every name ends with.
const BELOW: &str = ".localhost";

/// A host name, as it was typed for a command.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) host: HostName,
    /// The port that was typed with it.
    port: Option<Port>,
    verb: Verb,
}

/// What a host name means now.
#[derive(Debug)]
pub(crate) enum At {
    /// The lease of its server.
    Lease(Box<Lease>),
    /// A server's own port: the port that was typed is not the front door's.
    Port(Port),
    /// No live lease has it.
    Nobody(Refusal),
}

impl Hosted {
    pub(crate) const fn new(host: HostName, port: Option<Port>, verb: Verb) -> Self {
        Self { host, port, verb }
    }

    /// Asks who has the name now.
    ///
    /// # Errors
    /// It is a worktree's, which has several servers; or the daemon cannot be asked.
    pub(crate) async fn find(&self, client: &Client) -> Result<At, Error> {
        if let Some(port) = self.port
            && !is_door(client, port).await?
        {
            return Ok(At::Port(port));
        }
        let leases = client.allocations(&AllocationsQuery::default()).await?.allocations;
        self.among(&leases).map_err(Error::Refused)
    }

    fn among(&self, leases: &[Lease]) -> Result<At, Refusal> {
        let name = self.host.to_string();
        let host = |lease: &Lease| lease.host.as_deref().and_then(HostName::read);
        let is_meant = |lease: &&Lease| {
            host(lease).is_some_and(|host| {
                host.worktree == self.host.worktree
                    && (self.host.server.is_none() || host.server == self.host.server)
            })
        };
        let meant: Vec<&Lease> = leases.iter().filter(is_meant).collect();
        match meant.as_slice() {
            [lease] => Ok(At::Lease(Box::new(Lease::clone(lease)))),
            [] => Ok(At::Nobody(self.missing(&name, leases))),
            several => {
                let mut all: Vec<&str> = several.iter().filter_map(|lease| lease.host.as_deref()).collect();
                all.order();
                let error = format!("{name} is a worktree with several servers: {}", all.join(", "));
                Err(Refusal::new(Code::InvalidRequest, error)
                    .hint(format!("styxy {} {}", self.verb.word(), all[0]))
                    .detail("candidates", all))
            }
        }
    }

    /// No live lease has the name. The hint names one that is probably meant.
    fn missing<'a>(&self, name: &'a str, leases: &'a [Lease]) -> Refusal {
        let code = match self.verb {
            Verb::Release | Verb::Check => Code::UnknownLease,
            Verb::Who | Verb::Verify | Verb::Wait | Verb::Open | Verb::Kill => Code::NotRunning,
        };
        // All names end so: it is no likeness.
        let begins = |host: &'a str| host.strip_suffix(BELOW);
        let hosts = leases.iter().filter_map(|lease| begins(lease.host.as_deref()?));
        let near = begins(name).and_then(|name| nearest(name, hosts)).filter(|_| !self.verb.ends_something());
        let hint = near.map_or_else(
            || "styxy list".to_owned(),
            |near| format!("styxy {} {near}{BELOW}", self.verb.word()),
        );
        Refusal::new(code, format!("no server is called {name}")).hint(hint)
    }
}

/// Whether the daemon answers for names at `port`.
async fn is_door(client: &Client, port: Port) -> Result<bool, Error> {
    let own = client.status().await?.listen.tcp;
    let is_it = |address: &String| address.rsplit(':').next().is_some_and(|own| own == port.to_string());
    Ok(own.iter().any(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::json;

    #[test]
    fn a_name_means_its_server_and_a_worktrees_the_only_one() {
        let called = |port, host: &str| lease(port, |wire| wire["host"] = json!(host));
        let leases = [
            called(3000, "dev.shop.localhost"),
            called(3001, "api.shop.localhost"),
            called(3002, "dev.login-shop.localhost"),
            lease(3003, |_| {}),
        ];
        let found = |name: &str, verb| {
            let hosted = Hosted::new(HostName::read(name).unwrap(), None, verb);
            match hosted.among(&leases) {
                Ok(At::Lease(lease)) => format!("{}\n", lease.port),
                Ok(At::Port(port)) => format!("the port {port}\n"),
                Ok(At::Nobody(refusal)) | Err(refusal) => failed(refusal),
            }
        };
        snapshot!(
            "named_by_host",
            each([
                ("a server", found("api.shop.localhost", Verb::Open)),
                ("an app's own name below it", found("acme.dev.shop.localhost", Verb::Who)),
                ("the only server of a worktree", found("login-shop.localhost", Verb::Check)),
                ("one of several", found("shop.localhost", Verb::Wait)),
                ("a slip of the hand", found("dev.logn-shop.localhost", Verb::Wait)),
                ("nothing is ended by a guess", found("dev.logn-shop.localhost", Verb::Kill)),
                ("nobody", found("web.blog.localhost", Verb::Check)),
            ])
        );
    }
}
