//! `styxy wait`: returns when a server is up.

mod portless;

use std::time::{Duration, Instant};

use styxy_client::leases::is_up;
use styxy_client::{Client, Error, Events};
use styxy_core::api::{CheckAnswer, Code, Lease, Refusal, SystemUsage, WaitAnswer};
use styxy_core::{Port, ServiceName};

use crate::here::context::Context;
use crate::here::host::{At, Hosted};
use crate::here::http::{Http, NoStatus};
use crate::here::named::{Meant, Named};
use crate::here::reach::{self, Host};
use crate::here::server::Service;
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::age::span;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output::printable;
use crate::up::typed;

/// Wait until a server is up
///
/// For a port: until anything listens on it, on any address. For a service: until the server of this worktree's lease
/// listens, on any port; the lease may be requested later. For a service without a port: until `styxy up` counts it as
/// running, or it has ended well. With --http, also until it answers. Exits 1 if that takes too long, and says what it saw
/// last.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy wait dev && npm run e2e
  styxy wait dev --http /health --timeout 120
  styxy wait dev/packages.web
  styxy wait http://dev.login-shop.localhost:9876
  styxy wait postgres://localhost:5432/shop
  url=$(styxy wait dev -q)"))]
pub(crate) struct Args {
    #[arg(value_name = "TARGET", help = target::HELP, allow_negative_numbers = true)]
    target: Target,
    /// Which of several servers of that service
    #[arg(short, long)]
    name: Option<ServiceName>,
    /// Also wait until a GET of this path returns a status below 500
    #[arg(long, value_name = "PATH", value_parser = path)]
    http: Option<String>,
    /// How long to wait at most: seconds, or 500ms, 30s, 2m, 1h 30m
    #[arg(long, value_name = "DURATION", default_value = "60", value_parser = styxy_core::duration, allow_negative_numbers = true)]
    timeout: Duration,
    /// Print only the URL
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
}

/// How often an unleased port or a path is checked: there are no events for these.
const GLANCE: Duration = Duration::from_millis(100);
/// How long to wait for an event before asking the daemon: it looks for listeners less and less often, but at once when
/// it is asked.
const PAUSE: Duration = Duration::from_secs(1);

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err(format!("{text:?} does not begin with /")) }
}

/// What is waited for.
enum Awaited {
    Port(Port),
    Service(Box<Service>),
    /// The server that has a name at the front door.
    Host(Box<Hosted>),
}

/// What one look sees.
enum Seen {
    Up(Port),
    /// Not yet: why, and how long the next look may wait for an event.
    NotYet(String, Duration),
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let deadline = Instant::now() + self.timeout;
        let typed = match &self.name {
            Some(name) => format!("{} --name {name}", self.target.shown()),
            None => self.target.shown(),
        };
        let mut named = typed::named(self.target, self.name, Verb::Wait)?;
        if let Some(label) = portless::label(context, &mut named)? {
            if self.http.is_some() {
                return Err(portless::no_path(&label, &typed));
            }
            return portless::wait(context, &label, self.timeout);
        }
        let awaited = Awaited::new(context, named)?;
        let shown = match &awaited {
            Awaited::Port(port) => format!("port {port}"),
            Awaited::Service(service) => service.shown(),
            Awaited::Host(hosted) => hosted.host.to_string(),
        };
        let http = self.http.map(Http::new).transpose()?;
        let waited = context.ask(async |client| wait(client, &awaited, http.as_ref(), deadline).await)?;
        match waited {
            Ok(answer) if self.quiet => crate::say::output::text(format!("{}\n", answer.url).as_bytes())?,
            Ok(answer) => context.output.answer(&answer, |out| {
                std::io::Write::write_all(
                    out,
                    format!("{} is up: {}\n", capital(&shown), answer.url).as_bytes(),
                )
            })?,
            Err(End::Late(last)) => {
                let refusal = not_up(&shown, &awaited, self.timeout, &last);
                return Err(match awaited.near(context) {
                    Some(hint) => refusal.hint(hint).into(),
                    None => refusal.into(),
                });
            }
            Err(End::Tls(url)) => return Err(tls(&url, &typed).into()),
        }
        Ok(Exit::Done)
    }
}

impl Awaited {
    /// A word may be the beginning of a lease id; else it is a service, which may be leased later.
    fn new(context: &Context, named: Named) -> Result<Self, Failure> {
        match named {
            Named::Port(port) => Ok(Self::Port(port)),
            Named::Service(service) => Ok(Self::Service(service)),
            Named::Host(hosted) => Ok(match context.ask(async |client| hosted.find(client).await)? {
                At::Port(port) => Self::Port(port),
                At::Lease(_) | At::Nobody(_) => Self::Host(hosted),
            }),
            named @ (Named::Lease(_) | Named::Name(..)) => {
                Ok(Self::Port(context.ask(async |client| named.find(client).await)?.port()))
            }
            named @ Named::Word { .. } => {
                let found = context.try_ask(async |client| named.find(client).await)?;
                match (found, named) {
                    (
                        Ok(Meant::Service(_)) | Err(Error::Refused(_)),
                        Named::Word { service: Some(service), .. },
                    ) => Ok(Self::Service(service)),
                    (Ok(meant), _) => Ok(Self::Port(meant.port())),
                    (Err(error), _) => Err(error.into()),
                }
            }
        }
    }

    /// What to type if the service still has no lease.
    fn near(&self, context: &Context) -> Option<String> {
        let service = match self {
            Self::Port(_) => return None,
            Self::Service(service) => service,
            Self::Host(hosted) => {
                let At::Nobody(refusal) = context.ask(async |client| hosted.find(client).await).ok()? else {
                    return None;
                };
                return refusal.hint;
            }
        };
        let leases = context.ask(async |client| service.leases(client).await).ok()?;
        match service.lease(&leases) {
            Ok(None) => service.missing(&leases).hint,
            Ok(Some(_)) | Err(_) => None,
        }
    }
}

/// Why the wait ended without a server.
enum End {
    /// The time is over; what was seen last.
    Late(String),
    /// What answers at this URL speaks TLS, so that no status can be read.
    Tls(String),
}

fn tls(url: &str, typed: &str) -> Refusal {
    let error = format!("{url} speaks HTTPS, and --http reads plain HTTP only");
    Refusal::new(Code::NotRunning, error).hint(format!("styxy wait {typed}"))
}

/// The time is over; `last` is what was seen last.
fn not_up(shown: &str, awaited: &Awaited, timeout: Duration, last: &str) -> Refusal {
    let waited = if timeout.subsec_nanos() == 0 {
        span(timeout.as_secs())
    } else {
        format!("{} s", timeout.as_secs_f64())
    };
    let hint = match awaited {
        Awaited::Port(port) => format!("styxy who {port}"),
        Awaited::Service(service) => format!("styxy list --service {}", service.kind),
        Awaited::Host(_) => "styxy list".to_owned(),
    };
    Refusal::new(Code::NotRunning, format!("{shown} is not up after {waited}: {last}"))
        .hint(hint)
        .detail("last_seen", printable(last).into_owned())
}

fn capital(text: &str) -> String {
    text.strip_prefix('p')
        .filter(|_| text.starts_with("port "))
        .map_or_else(|| text.to_owned(), |rest| format!("P{rest}"))
}

/// The server that came up, or what was seen last when the time was over.
async fn wait(
    client: &Client,
    awaited: &Awaited,
    http: Option<&Http>,
    deadline: Instant,
) -> Result<Result<WaitAnswer, End>, Error> {
    let mut events: Option<Events> = None;
    let mut daemon = Some(client);
    let mut last = None;
    loop {
        // Events are subscribed to before the look, so that none is missed.
        if let (Some(client), None) = (daemon, &events) {
            match client.events(None).await {
                Ok(heard) => events = Some(heard),
                // Waiting for a port works without the daemon.
                Err(_) if matches!(awaited, Awaited::Port(_)) => daemon = None,
                Err(error) => return Err(error),
            }
        }
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let mut cut = false;
        let (said, pause) = match look(client, daemon, awaited).await? {
            Seen::Up(port) => match http {
                None => return Ok(Ok(answer(port, None))),
                Some(http) => {
                    let host = host(daemon, port).await;
                    let url = http.url(host, port);
                    match http.get(host, port, left(deadline), GLANCE).await {
                        Ok(status) if status < 500 => return Ok(Ok(answer(port, Some(status)))),
                        Ok(status) => (format!("{url} answers {status}"), GLANCE),
                        Err(NoStatus::Tls) => return Ok(Err(End::Tls(url))),
                        Err(NoStatus::Yet(said)) => {
                            cut = left(deadline).is_zero();
                            (format!("{url}: {said}"), GLANCE)
                        }
                    }
                }
            },
            Seen::NotYet(said, pause) => (said, pause),
        };
        let left = left(deadline);
        if left.is_zero() {
            // A request that was cut short says less than the answer before it.
            return Ok(Err(End::Late(last.filter(|_| cut).unwrap_or(said))));
        }
        last = Some(said);
        let pause = pause.min(left);
        match &mut events {
            Some(heard) => match tokio::time::timeout(pause, heard.next()).await {
                Ok(Ok(Some(_))) | Err(_) => {}
                // The daemon ends or restarts: it is asked again after a pause.
                Ok(Ok(None) | Err(_)) => {
                    events = None;
                    tokio::time::sleep(GLANCE.min(left)).await;
                }
            },
            None => tokio::time::sleep(pause).await,
        }
    }
}

fn answer(port: Port, status: Option<u16>) -> WaitAnswer {
    WaitAnswer { success: true, port, url: format!("http://localhost:{port}"), status }
}

/// Where what listens on `port` is reached.
async fn host(daemon: Option<&Client>, port: Port) -> Host {
    let found = match daemon {
        Some(client) => client.check(port).await.ok(),
        None => None,
    };
    found.and_then(|found| reach::host(&found)).unwrap_or(Host::Localhost)
}

async fn look(client: &Client, daemon: Option<&Client>, awaited: &Awaited) -> Result<Seen, Error> {
    match awaited {
        Awaited::Port(port) => {
            if reach::is_on_loopback(*port) {
                return Ok(Seen::Up(*port));
            }
            let found = match daemon {
                Some(client) => client.check(*port).await.ok(),
                None => None,
            };
            Ok(found.map_or_else(
                || Seen::NotYet(format!("nothing answers on localhost:{port}"), GLANCE),
                |found| seen(&found),
            ))
        }
        Awaited::Service(service) => {
            let leases = service.leases(client).await?;
            let lease = service.lease(&leases).map_err(Error::Refused)?;
            Ok(match lease {
                Some(lease) if is_up(lease) => Seen::Up(lease.port),
                Some(lease) => Seen::NotYet(not_yet(lease), PAUSE),
                None => Seen::NotYet(service.without_lease(), Duration::MAX),
            })
        }
        Awaited::Host(hosted) => Ok(match hosted.find(client).await? {
            At::Lease(lease) if is_up(&lease) => Seen::Up(lease.port),
            At::Lease(lease) => Seen::NotYet(not_yet(&lease), PAUSE),
            At::Port(port) => Seen::NotYet(format!("port {port} is not the front door's"), PAUSE),
            At::Nobody(refusal) => Seen::NotYet(refusal.error, Duration::MAX),
        }),
    }
}

/// What the daemon sees on a port on which no loopback address answers.
fn seen(found: &CheckAnswer) -> Seen {
    let port = found.port;
    match (&found.system_usage, &found.allocated_to) {
        (Some(_), _) if reach::host(found).is_some() => Seen::Up(port),
        (Some(usage), _) => Seen::NotYet(not_reached(port, usage), GLANCE),
        (None, Some(lease)) => Seen::NotYet(not_yet(lease), PAUSE),
        (None, None) => Seen::NotYet(format!("nothing listens on port {port}"), GLANCE),
    }
}

fn not_reached(port: Port, usage: &SystemUsage) -> String {
    let process = facts::server(usage).unwrap_or_else(|| "another process".to_owned());
    let addresses = usage.addresses.join(", ");
    format!("{process} listens on port {port} of {addresses}, and no connection to it succeeds")
}

fn not_yet(lease: &Lease) -> String {
    let (port, service) = (lease.port, facts::service(lease));
    match &lease.conflict {
        Some(stranger) => {
            let process = facts::process(stranger.process.as_deref(), stranger.pid.map(styxy_core::Pid::get));
            let process = process.unwrap_or_else(|| "another process".to_owned());
            format!("{process} listens on port {port}, which is leased for {service}")
        }
        None => format!("nothing listens on port {port}, which is leased for {service}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::server::tests::service;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::json;

    #[test]
    fn what_is_missing_is_named() {
        let port = Port::new(3000).unwrap();
        let taken = lease(3000, |wire| wire["conflict"] = json!({"pid": 9, "process": "python3"}));
        let dev = Awaited::Service(Box::new(service(None, None)));
        let minute = Duration::from_mins(1);
        let unreached: SystemUsage =
            serde_json::from_value(json!({"pid": 9, "process": "node", "addresses": ["192.168.1.5"]}))
                .unwrap();
        snapshot!(
            "wait_too_long",
            each([
                (
                    "a port",
                    failed(not_up("port 3000", &Awaited::Port(port), Duration::from_millis(500), "nothing")),
                ),
                ("a service", failed(not_up("dev", &dev, minute, &not_yet(&lease(3000, |_| {}))))),
                ("a stranger", failed(not_up("dev", &dev, minute, &not_yet(&taken)))),
                (
                    "a listener that does not answer",
                    failed(not_up("port 3000", &Awaited::Port(port), minute, &not_reached(port, &unreached))),
                ),
                ("HTTPS", failed(tls("http://localhost:3000/health", "dev"))),
            ])
        );
    }

    #[test]
    fn a_path_begins_with_a_slash() {
        assert!(path("/health?x=1").is_ok());
        assert!(path("health").is_err() && path("").is_err());
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_service_keeps_its_name() {
        assert_eq!(capital("port 3000"), "Port 3000");
        assert_eq!(capital("dev"), "dev");
    }
}
