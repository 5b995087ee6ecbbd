//! `styxy open`: opens this worktree's server in a browser.

use std::process::{Command, Stdio};
use std::{env, io};

use styxy_client::leases::is_up;
use styxy_core::api::{Code, OpenAnswer, Refusal, Whose};
use styxy_core::{Port, ServiceName};

use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::ownership::{self, Here};
use crate::here::server::{ServerTarget, Service, no_name_beside_a_port};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Open this worktree's server in a browser
///
/// Prints the URL, and opens it in a browser if there is a display. Fails if this worktree has no such server running,
/// instead of showing you another checkout's.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy open dev
  styxy open dev --print      only the URL
  styxy open 3000"))]
pub(crate) struct Args {
    /// A service of this worktree (dev, api, …), or a port
    #[arg(value_name = "SERVICE|PORT", allow_negative_numbers = true)]
    target: ServerTarget,
    /// Which of several servers of that service
    #[arg(short, long)]
    name: Option<ServiceName>,
    /// Print the URL without opening a browser
    #[arg(short, long)]
    print: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let port = match self.target {
            ServerTarget::Port(port) => {
                no_name_beside_a_port(self.name.as_ref())?;
                own(context, port)?
            }
            ServerTarget::Service(kind) => running(context, &Service::here(kind, self.name)?)?,
        };
        let url = format!("http://localhost:{port}");
        let opened =
            !self.print && has_display(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
        let opened = opened
            && match browse(&url) {
                Ok(()) => true,
                Err(error) => {
                    output::note(&format!("could not start a browser: {error}"));
                    false
                }
            };
        let answer = OpenAnswer { success: true, port, url, opened };
        context
            .output
            .answer(&answer, |out| io::Write::write_all(out, format!("{}\n", answer.url).as_bytes()))?;
        Ok(Exit::Done)
    }
}

/// The port, if this worktree's server listens on it.
fn own(context: &Context, port: Port) -> Result<Port, Failure> {
    let here = Here::of(caller())?;
    let answer = context.ask(async |client| ownership::whose(client, port, &here).await)?;
    match answer.whose {
        Whose::Mine => Ok(port),
        Whose::Nobody | Whose::Sibling | Whose::Foreign | Whose::Orphan => {
            Err(not_ours(port, &answer.reason).into())
        }
    }
}

/// The port that the server of this service listens on.
fn running(context: &Context, service: &Service) -> Result<Port, Failure> {
    let leases = context.ask(async |client| client.allocations(&service.query()).await)?.allocations;
    match service.lease(&leases)? {
        Some(lease) if is_up(lease) => Ok(lease.port),
        lease => Err(not_up(service, lease.map(|lease| lease.port)).into()),
    }
}

fn not_ours(port: Port, reason: &str) -> Refusal {
    Refusal::new(Code::NotRunning, format!("no server of this worktree listens on port {port}: {reason}"))
        .hint(format!("styxy who {port}"))
        .detail("port", port.get())
}

/// No server of this service listens; `leased` is the port that is leased for it, if one is.
fn not_up(service: &Service, leased: Option<Port>) -> Refusal {
    let shown = service.shown();
    match leased {
        Some(port) => Refusal::new(
            Code::NotRunning,
            format!("no server of this worktree listens on port {port}, which is leased for {shown}"),
        )
        .hint(format!("styxy wait {}", service.kind))
        .detail("port", port.get()),
        None => Refusal::new(Code::NotRunning, format!("this worktree has no {shown} server running"))
            .hint("styxy list"),
    }
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
    use crate::here::server::tests::service;
    use crate::say::shown::{each, failed, snapshot};

    #[test]
    fn what_cannot_be_opened_says_why_and_what_to_do() {
        let port = Port::new(3000).unwrap();
        snapshot!(
            "open_refused",
            each([
                ("a port of others", failed(not_ours(port, "node (42) runs in /w/other"))),
                ("a service that is not up", failed(not_up(&service(Some("web"), None), Some(port)))),
                ("a service without a lease", failed(not_up(&service(None, None), None))),
                (
                    "a port with a name",
                    failed(no_name_beside_a_port("web".parse().ok().as_ref()).unwrap_err())
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
