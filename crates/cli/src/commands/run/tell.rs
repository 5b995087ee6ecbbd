//! What the command does not say on its own: its port, if a person reads it, and what goes wrong.

use styxy_client::PortRequest;
use styxy_core::Port;

use super::ask::{Asked, Ports};
use super::wishes::Wishes;
use crate::devserver::frameworks::{Framework, Way};
use crate::devserver::plan::{Obstacle, Plan};
use crate::here::variables::url;
use crate::say::facts;
use crate::say::output;

/// How much to print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verbosity {
    Everything,
    ProblemsOnly,
}

/// Prints on stderr what the command does not say: its port, if a person reads it, and what goes wrong.
pub(super) fn tell(plan: &Plan, wishes: &Wishes, asked: &Asked, verbosity: Verbosity) {
    let Asked { ports, wished, problems } = asked;
    for problem in problems {
        output::warning(problem);
    }
    if let Some(problem) = not_leased(ports) {
        output::warning(&problem);
    }
    if let Some(problem) = no_block(&wishes.requests, ports) {
        output::warning(&problem);
    }
    let is_wanted = match verbosity {
        Verbosity::Everything => output::is_seen() || is_missed(*wished, ports),
        Verbosity::ProblemsOnly => is_wish_of_now_missed(*wished, ports),
    };
    if is_wanted {
        for line in lines(&wishes.requests, *wished, ports) {
            output::note(&line);
        }
    }
    if let (Some(obstacle), Some(port)) = (&plan.obstacle, ports.numbers().next())
        && let Some(sentence) = in_the_way(obstacle, plan.framework, port)
    {
        output::warning(&sentence);
    }
}

/// Why there is no lease.
fn not_leased(ports: &Ports) -> Option<String> {
    match ports {
        Ports::Leased(_) | Ports::Exported(_) => None,
        Ports::Probed { why, .. } => {
            Some(format!("{why}; the port is free now but not leased; another program may take it"))
        }
        Ports::Unknown { why } => Some(format!("{why}; no free port was found, so the command gets none")),
    }
}

/// What is missing of a block.
fn no_block(requests: &[PortRequest], ports: &Ports) -> Option<String> {
    let block = requests.first().and_then(|request| request.block);
    match ports {
        Ports::Leased(grants) => facts::no_block(block, grants.len()),
        Ports::Exported(_) | Ports::Probed { .. } => {
            block.map(|_| "only the first port of the block was looked for".to_owned())
        }
        Ports::Unknown { .. } => None,
    }
}

/// Whether the port that somebody wishes for now is another one.
fn is_wish_of_now_missed(wished: Option<Port>, ports: &Ports) -> bool {
    wished.zip(ports.numbers().next()).is_some_and(|(wished, port)| wished != port)
}

/// Whether a port that somebody or a file wishes for is another one; not that of a server that had one already.
fn is_missed(wished: Option<Port>, ports: &Ports) -> bool {
    let first = match ports {
        Ports::Leased(grants) => grants.first(),
        Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
    };
    is_wish_of_now_missed(wished, ports) || first.is_some_and(|grant| grant.reason.is_some() && !grant.reused)
}

fn lines(requests: &[PortRequest], wished: Option<Port>, ports: &Ports) -> Vec<String> {
    let line = |(at, (request, port)): (usize, (&PortRequest, Port))| {
        let grant = match ports {
            Ports::Leased(grants) => grants.get(at),
            Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
        };
        let block = match ports {
            Ports::Leased(grants) if request.block.is_some() && grants.len() > 1 => {
                grants.last().map(|last| format!(" (block {port}-{})", last.port))
            }
            Ports::Leased(_) | Ports::Exported(_) | Ports::Probed { .. } | Ports::Unknown { .. } => None,
        };
        let block = block.unwrap_or_default();
        let missed = wished.filter(|wished| at == 0 && *wished != port);
        let missed = || missed.and_then(|wished| not_granted(ports, wished));
        let why = grant.and_then(|grant| grant.reason.clone()).or_else(missed);
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let name = grant.map_or_else(|| request.full_name(), |grant| grant.service_name.as_ref());
        format!("styxy: {} is {}{block}{why}", facts::label(&request.service, name), url(port))
    };
    requests.iter().zip(ports.numbers()).enumerate().map(line).collect()
}

/// Why it is another port than `wished`, if no daemon says so.
fn not_granted(ports: &Ports, wished: Port) -> Option<String> {
    match ports {
        Ports::Leased(_) | Ports::Unknown { .. } => None,
        Ports::Exported(_) => Some(format!("which was leased outside of the sandbox, instead of {wished}")),
        Ports::Probed { .. } => Some(format!("port {wished} is not free")),
    }
}

/// What keeps the tool from getting `port`, if anything does.
fn in_the_way(obstacle: &Obstacle, row: Option<&Framework>, port: Port) -> Option<String> {
    match obstacle {
        // The script already names this port.
        Obstacle::Fixed(fixed) if *fixed == port => None,
        Obstacle::Fixed(fixed) => Some(format!(
            "the script itself sets port {fixed}, but the lease is for {port}; write $PORT there instead of {fixed}"
        )),
        Obstacle::Elsewhere => Some(format!(
            "scripts of other workspaces are not read: a server there that does not read PORT does not get its port \
             {port}; run it in the folder of that workspace"
        )),
        Obstacle::OutOfReach(why) => {
            let row = row?;
            let flag = match row.port {
                Way::Flag { write, .. } => format!("{write} $PORT"),
                Way::InFlag(flag) => format!("{flag} localhost:$PORT"),
                Way::Word => "$PORT".to_owned(),
                Way::Env => return None,
            };
            Some(format!("{} does not get its port {port}, because {why}; add {flag} to it", row.name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};
    use std::ffi::OsString;

    #[test]
    fn an_obstacle_between_a_port_and_its_tool_is_explained() {
        let port = |port| Port::new(port).unwrap();
        let row = |line: &str| {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            Plan::of(&typed, &|_, _| None).framework
        };
        let said = |obstacle: &Obstacle, line: &str| {
            in_the_way(obstacle, row(line), port(8000)).map_or("(nothing)\n".to_owned(), |said| said + "\n")
        };
        let behind = Obstacle::OutOfReach("the script dev has a pipe".to_owned());
        snapshot!(
            "run_obstacles",
            each([
                ("the script names another port", said(&Obstacle::Fixed(port(3000)), "vite")),
                ("the script names this port", said(&Obstacle::Fixed(port(8000)), "vite")),
                ("another workspace's script", said(&Obstacle::Elsewhere, "npm -w web run dev")),
                ("a flag out of reach", said(&behind, "vite")),
                ("a word out of reach", said(&behind, "django-admin runserver")),
                ("an address out of reach", said(&behind, "php -S localhost:3000")),
            ])
        );
    }
}
