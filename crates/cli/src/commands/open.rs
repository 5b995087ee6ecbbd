//! `styxy open`: opens this worktree's server in a browser.

use std::process::{Command, Stdio};
use std::{env, io};

use styxy_client::leases::is_up;
use styxy_core::api::{Code, Lease, OpenAnswer, Refusal, Whose};
use styxy_core::{Port, ServiceName};

use crate::here::caller::{caller, ground};
use crate::here::context::{self, Context};
use crate::here::named::Meant;
use crate::here::ownership::{self, Here};
use crate::here::reach::{self, Host};
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::facts;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::typed;

/// Open this worktree's server in a browser
///
/// Prints the URL, and opens it in a browser if there is a display: the server's name, such as
/// <http://dev.shop.localhost:9876>, which has cookies and logins of its own, or with --port the port. Fails if this worktree
/// has no such server running, instead of showing you another checkout's.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy open dev
  styxy open dev/packages.web
  styxy open dev --print      only the URL of the port, for programs
  styxy open dev --port       http://localhost:3000 instead of the name
  styxy open 3000
  styxy open --view           everything that runs, live"))]
pub(crate) struct Args {
    #[arg(value_name = "TARGET", help = target::HELP, allow_negative_numbers = true, required_unless_present = "view")]
    target: Option<Target>,
    /// Open the live view instead: everything that runs on this machine
    #[arg(long, conflicts_with_all = ["target", "name", "port"])]
    view: bool,
    /// Which of several servers of that service
    #[arg(short, long)]
    name: Option<ServiceName>,
    /// Print the URL of the port without opening a browser
    #[arg(short, long)]
    print: bool,
    /// Open the URL of the port, not the name
    #[arg(long)]
    port: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Some(target) = self.target else {
            let (port, url) = view(context)?;
            let opened = !self.print && open(&url);
            let shown = url.clone();
            return answer(
                context,
                &shown,
                &OpenAnswer { success: true, port, url, named_url: None, opened },
            );
        };
        let typed = match &self.name {
            Some(name) => format!("{} --name {name}", target.shown()),
            None => target.shown(),
        };
        let named = typed::named(target, self.name, Verb::Open)?;
        let port = match context.ask(async |client| named.find(client).await)? {
            Meant::Service(lease) if is_up(&lease) => lease.port,
            Meant::Service(lease) => return Err(not_up(&lease, ground(&caller()), &typed).into()),
            Meant::Port(port) => own(context, port)?,
            Meant::Id(lease) | Meant::Called(lease) => own(context, lease.port)?,
        };
        let Addresses { url, named_url } = addresses(context, port)?;
        let named = named_url.as_ref().filter(|named| !self.port && is_resolved(named));
        let opened = !self.print && open(named.unwrap_or(&url));
        // What is not opened here is for programs, or for a browser of another machine: neither may know the name.
        let shown = named.filter(|_| opened).unwrap_or(&url).clone();
        answer(context, &shown, &OpenAnswer { success: true, port, url, named_url, opened })
    }
}

/// Opens the URL, if there is a display. Answers whether a browser has it.
fn open(url: &str) -> bool {
    has_display(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
        && match browse(url) {
            Ok(()) => true,
            Err(error) => {
                output::note(&format!("could not start a browser: {error}"));
                false
            }
        }
}

fn answer(context: &Context, shown: &str, answer: &OpenAnswer) -> Result<Exit, Failure> {
    context.output.answer(answer, |out| io::Write::write_all(out, format!("{shown}\n").as_bytes()))?;
    Ok(Exit::Done)
}

/// Where the live view is. Where the system does not name the user of a connection, the page needs the daemon's token: behind the
/// `#`, which no server sees (R121).
fn view(context: &Context) -> Result<(Port, String), Failure> {
    let listen = context.ask(async |client| client.status().await)?.listen;
    let port = listen.tcp.iter().find_map(|address| address.rsplit_once(':')?.1.parse::<Port>().ok());
    let port = port.ok_or_else(|| {
        Refusal::new(Code::NotRunning, "the daemon has no TCP port, so there is no page").hint("styxy top")
    })?;
    let url = format!("http://localhost:{port}/");
    if cfg!(target_os = "linux") {
        return Ok((port, url));
    }
    let path = context::layout()?.token();
    let token = std::fs::read_to_string(&path).map_err(|error| {
        let error = format!("could not read the token in {}: {error}", path.display());
        Refusal::new(Code::DaemonUnreachable, error).hint("styxy daemon restart")
    })?;
    Ok((port, format!("{url}#token={}", token.trim())))
}

/// The port, if this worktree's server listens on it.
fn own(context: &Context, port: Port) -> Result<Port, Failure> {
    let here = Here::of(caller())?;
    let answer = context.ask(async |client| ownership::whose(client, port, &here).await)?;
    match answer.whose {
        Whose::Mine => Ok(port),
        Whose::Nobody | Whose::Sibling | Whose::Foreign | Whose::Orphan => {
            Err(not_ours(port, ground(&here.caller), &answer.reason).into())
        }
    }
}

/// Where a server is found.
struct Addresses {
    /// A URL that reaches it on its port, with the scheme that it speaks.
    url: String,
    /// The one by its name, if it has one and the front door reaches it.
    named_url: Option<String>,
}

fn addresses(context: &Context, port: Port) -> Result<Addresses, Failure> {
    let found = context.ask(async |client| client.check(port).await)?;
    // Where nothing answers now, the browser will say so.
    let host = reach::host(&found).unwrap_or(Host::Localhost);
    let scheme = if host.speaks_tls(port) { "https" } else { "http" };
    let named_url = found.allocated_to.and_then(|lease| lease.named_url);
    let named_url = named_url.filter(|_| scheme == "http" && host == Host::Localhost);
    Ok(Addresses { url: format!("{scheme}://{host}:{port}"), named_url })
}

/// Whether a browser finds the host of this URL. Chromium, Edge and Firefox know the names below `.localhost` by themselves;
/// Safari asks the system.
fn is_resolved(url: &str) -> bool {
    if !cfg!(target_os = "macos") {
        return true;
    }
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let address = if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
    std::net::ToSocketAddrs::to_socket_addrs(&address).is_ok()
}

fn not_ours(port: Port, ground: &str, reason: &str) -> Refusal {
    Refusal::new(Code::NotRunning, format!("no server of this {ground} listens on port {port}: {reason}"))
        .hint(format!("styxy who {port}"))
        .detail("port", port.get())
}

/// No server of the lease listens.
fn not_up(lease: &Lease, ground: &str, typed: &str) -> Refusal {
    let (port, service) = (lease.port, facts::service(lease));
    Refusal::new(
        Code::NotRunning,
        format!("no server of this {ground} listens on port {port}, which is leased for {service}"),
    )
    .hint(format!("styxy wait {typed}"))
    .detail("port", port.get())
}

/// Whether a browser would have a display.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    if cfg!(target_os = "linux") {
        ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(is_set)
    } else {
        // Over ssh it would open on another display than the person's.
        !is_set("SSH_CONNECTION")
    }
}

/// Opens `url` with the desktop's default program, without waiting for it.
fn browse(url: &str) -> io::Result<()> {
    let (program, words): (&str, &[&str]) = if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(words).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    {
        // Ctrl-C in this terminal must not reach the browser.
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    command.spawn().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};

    #[test]
    fn what_cannot_be_opened_says_why_and_what_to_do() {
        let port = Port::new(3000).unwrap();
        snapshot!(
            "open_refused",
            each([
                ("a port of others", failed(not_ours(port, "worktree", "node (42) runs in /w/other"))),
                (
                    "a service that is not up",
                    failed(not_up(&lease(3000, |_| {}), "worktree", "dev --name web"))
                ),
            ])
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_desktops_variables_say_whether_there_is_a_display() {
        assert!(has_display(|name| name == "WAYLAND_DISPLAY"));
        assert!(has_display(|name| name == "DISPLAY"));
        assert!(!has_display(|_| false));
    }
}
