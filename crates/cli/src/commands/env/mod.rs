//! `styxy env`: the variables of `styxy run`, for programs that are started in another way.

mod form;

use std::env;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use styxy_client::Client;
use styxy_core::api::{AllocateRequest, AllocationsQuery, Lease, State};
use styxy_core::{InstanceId, Port, ProjectPath, RequestId, ServiceName, ServiceType};
use uuid::Uuid;

use crate::here::context::Context;
use crate::here::place;
use crate::here::variables::{Served, variables};
use crate::here::wishes::{self, Wish};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};

use form::Form;

/// Print this project's ports as environment variables
///
/// For direnv, mise, docker compose and CI. Prints the port that this project's server has, and leases one only if there
/// is none. `PORT`, `STYXY_PORT` and `STYXY_URL` are for the first service, `STYXY_<SERVICE>_PORT` for each one. Running
/// it again prints the same, in the same order.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy env                                  for sh: eval \"$(styxy env)\"
  styxy env dev api --format dotenv > .env.styxy
  styxy env --format fish | source
  styxy env --format powershell | Invoke-Expression
  styxy env --format github                  for later steps, through $GITHUB_ENV
  styxy env --json | jq -r .PORT"))]
pub(crate) struct Args {
    /// What the ports are for [default: the services of .styxy.json, else dev]
    #[arg(value_name = "TYPE")]
    service: Vec<ServiceType>,
    /// Which of several servers of that type: web, admin, …
    #[arg(short, long)]
    name: Option<ServiceName>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Form::Export, conflicts_with = "json")]
    format: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let project = wishes::current_project()?;
        let mut services = self.service;
        if let (true, Some(project)) = (services.is_empty(), &project) {
            services.extend(project.services.iter().map(|(service, _)| service.clone()));
        }
        if services.is_empty() {
            services.extend(ServiceType::new("dev"));
        }
        let wishes = wishes::wishes(services, self.name.as_ref(), project.as_ref())?;
        let place = place::current_project()?;
        let request = AllocateRequest {
            reuse: Some(true),
            project_path: place.clone(),
            instance_id: place::current_instance()?,
            request_id: RequestId::new(&Uuid::new_v4().to_string()).ok(),
            ..AllocateRequest::default()
        };
        let ports = context.ask(async |client| ports(client, &wishes, place.as_ref(), request).await)?;
        let served: Vec<Served> = wishes
            .into_iter()
            .zip(ports)
            .map(|(wish, port)| Served { service: wish.service, port, env: wish.env })
            .collect();
        let form = if context.output.format() == Format::Json { Form::Json } else { self.format };
        let text = form::write(form, &variables(&served));
        match env::var_os("GITHUB_ENV").filter(|path| form == Form::Github && !path.is_empty()) {
            Some(path) => {
                let text = if ends_its_last_line(Path::new(&path)) { text } else { format!("\n{text}") };
                // One write, so that steps that run in parallel do not mix their lines.
                File::options().append(true).create(true).open(&path)?.write_all(text.as_bytes())?;
            }
            None => output::text(text.as_bytes())?,
        }
        Ok(Exit::Done)
    }
}

/// Whether text that is appended to a file begins on a new line; assumed of what is not a regular file.
fn ends_its_last_line(path: &Path) -> bool {
    // Opening a pipe would wait for a writer.
    if !path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
        return true;
    }
    let mut last = [0];
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    // One newline too many does no harm.
    read.is_ok() && last == *b"\n"
}

/// The port of each wish: that of the live lease of its key, else of a new lease; all missing ones in one request.
async fn ports(
    client: &Client,
    wishes: &[Wish],
    place: Option<&ProjectPath>,
    mut request: AllocateRequest,
) -> Result<Vec<Port>, styxy_client::Error> {
    let query = AllocationsQuery { project_path: place.cloned(), ..AllocationsQuery::default() };
    let leases = client.allocations(&query).await?.allocations;
    let mut found: Vec<Option<Port>> =
        wishes.iter().map(|wish| live(&leases, wish, place, request.instance_id.as_ref())).collect();
    let missing: Vec<Wish> =
        wishes.iter().zip(&found).filter(|(_, port)| port.is_none()).map(|(wish, _)| wish.clone()).collect();
    if !missing.is_empty() {
        wishes::fill(&mut request, &missing);
        let answer = client.allocate(&request).await?;
        let mut granted = answer.grants().iter().map(|grant| grant.port);
        for port in found.iter_mut().filter(|port| port.is_none()) {
            *port = granted.next();
        }
    }
    Ok(found.into_iter().flatten().collect())
}

/// The lease of the wish's key that its server most probably uses: one that listens, then the oldest.
///
/// In an agent session it is the session's own lease, then one without a session, but not one of another session.
fn live(
    leases: &[Lease],
    wish: &Wish,
    place: Option<&ProjectPath>,
    session: Option<&InstanceId>,
) -> Option<Port> {
    let others = |lease: &Lease| session.is_some() && lease.instance_id.as_ref() != session;
    let same = |lease: &&Lease| {
        lease.project_path.as_ref() == place
            && lease.service_type == wish.service
            && lease.service_name == wish.name
            && lease.conflict.is_none()
            && !(others(lease) && lease.instance_id.is_some())
    };
    let order =
        |lease: &&Lease| (others(lease), lease.state != State::Active, lease.allocated_at, lease.lock_id);
    leases.iter().filter(same).min_by_key(order).map(|lease| lease.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use serde_json::json;

    #[test]
    fn the_oldest_lease_that_listens_is_the_one_shown() {
        let place = ProjectPath::new("/w/app").unwrap();
        let wish = Wish { service: "dev".parse().unwrap(), name: None, port: None, env: Vec::new() };
        let at = |minute: u8| json!(format!("2026-11-22T17:{minute:02}:00Z"));
        let mut leases = vec![
            lease(3001, |wire| wire["allocated_at"] = at(10)),
            lease(3002, |wire| wire["allocated_at"] = at(20)),
        ];
        assert_eq!(live(&leases, &wish, Some(&place), None).map(Port::get), Some(3001));
        for (port, minute) in [(3004, 40), (3003, 30)] {
            leases.push(lease(port, |wire| {
                wire["allocated_at"] = at(minute);
                wire["state"] = json!("active");
            }));
        }
        assert_eq!(live(&leases, &wish, Some(&place), None).map(Port::get), Some(3003));
    }

    #[test]
    fn a_session_uses_its_own_lease_then_one_without_a_session() {
        let place = ProjectPath::new("/w/app").unwrap();
        let wish = Wish { service: "dev".parse().unwrap(), name: None, port: None, env: Vec::new() };
        let of = |port: u16, instance: Option<&str>, state: &str| {
            lease(port, |wire| {
                wire["instance_id"] = json!(instance);
                wire["state"] = json!(state);
            })
        };
        let ours = InstanceId::new("claude-2").unwrap();
        let seen = |leases: &[Lease]| live(leases, &wish, Some(&place), Some(&ours)).map(Port::get);
        let theirs = of(3001, Some("claude-1"), "active");
        let (persons, own) = (of(3002, None, "active"), of(3003, Some("claude-2"), "granted"));
        assert_eq!(seen(&[theirs.clone(), persons.clone(), own]), Some(3003));
        assert_eq!(seen(&[theirs.clone(), persons]), Some(3002));
        assert_eq!(seen(std::slice::from_ref(&theirs)), None, "it gets its own");
        assert_eq!(live(&[theirs], &wish, Some(&place), None).map(Port::get), Some(3001));
    }

    #[test]
    fn leases_of_other_keys_and_ports_that_strangers_have_are_not_shown() {
        let place = ProjectPath::new("/w/app").unwrap();
        let wish = Wish { service: "dev".parse().unwrap(), name: None, port: None, env: Vec::new() };
        let leases = [
            lease(3001, |wire| wire["project_path"] = json!("/w/other")),
            lease(3002, |wire| wire["project_path"] = json!(null)),
            lease(3003, |wire| wire["service_name"] = json!("web")),
            lease(3004, |wire| wire["service_type"] = json!("api")),
            lease(3005, |wire| wire["conflict"] = json!({"pid": 9, "process": "python3"})),
        ];
        assert_eq!(live(&leases, &wish, Some(&place), None), None);
        assert_eq!(live(&leases, &wish, None, None).map(Port::get), Some(3002));
    }
}
