//! The leases of containers: one for each port that compose's files publish.

use std::collections::BTreeSet;

use styxy_client::leases::{self, Accepted, Leased};
use styxy_client::{Client, Error, PortRequest, ProjectFile, Terms};
use styxy_core::{ServiceName, ServiceType};

use super::model::Model;

/// The type of a container that the project's file does not name.
const KIND: &str = "infrastructure";
/// As many ports as the daemon leases at once.
const GROUP: usize = 64;

/// A port in compose's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) service: String,
    /// Which of its ports.
    pub(crate) at: usize,
}

/// A port and its lease.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) spot: Spot,
    pub(crate) leased: Leased,
}

/// A lease for each published port, the same ones every time.
///
/// # Errors
/// The daemon refuses, or cannot be asked.
pub(super) async fn lease(
    client: &Client,
    terms: &Terms,
    model: &Model,
    file: &ProjectFile,
) -> Result<Vec<Placed>, Error> {
    let wanted = wanted(model, file);
    let mut placed = Vec::with_capacity(wanted.len());
    for part in wanted.chunks(GROUP) {
        let requests: Vec<PortRequest> = part.iter().map(|(_, request)| request.clone()).collect();
        let leased = leases::present_or_new(client, &requests, terms, Accepted::Visible).await?;
        let part = part.iter().zip(leased);
        placed.extend(part.map(|((spot, _), leased)| Placed { spot: spot.clone(), leased }));
    }
    Ok(placed)
}

/// The request for each port. The first port of a service that the project's file names is that service's; all others are named
/// after compose's service and the container's port. The port in compose's file is not wished for: whoever starts compose without
/// these variables gets that one.
fn wanted(model: &Model, file: &ProjectFile) -> Vec<(Spot, PortRequest)> {
    let mut all = Vec::new();
    let mut keys = BTreeSet::new();
    for (name, service) in &model.services {
        let ours = file.project.services.iter().find(|ours| ours.compose.as_deref() == Some(name));
        let mut first = ours;
        for (at, port) in service.ports.iter().enumerate().filter(|(_, port)| port.is_leased()) {
            let Some(request) = (match first.take() {
                Some(ours) => Some(PortRequest::of(ours, None)),
                None => further(name, port.target, at, ours.map(|ours| &ours.kind), &mut keys),
            }) else {
                continue;
            };
            // A container is the worktree's, whoever starts it (R68).
            let request = PortRequest { stack: true, ..request };
            all.push((Spot { service: name.clone(), at }, request));
        }
    }
    all
}

/// The request for a port that has no service in the project's file to itself.
fn further(
    service: &str,
    target: u16,
    at: usize,
    kind: Option<&ServiceType>,
    keys: &mut BTreeSet<String>,
) -> Option<PortRequest> {
    let plain =
        |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
    let service: String = service.chars().take(80).map(plain).collect();
    let mut name = format!("{service}-{target}");
    // One port of a container may be published twice.
    if !keys.insert(name.clone()) {
        name = format!("{name}-{at}");
    }
    let kind = kind.cloned().or_else(|| ServiceType::new(KIND).ok())?;
    Some(PortRequest { name: ServiceName::new(&name).ok(), ..PortRequest::new(kind) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_published_port_has_a_key_of_its_own() {
        let text = r#"{"services": {"db": {"type": "database", "compose": "postgres"}, "web": {}}}"#;
        let project = styxy_core::project::parse(text).unwrap();
        let file = ProjectFile { path: "/w/.styxy.json".into(), text: text.to_owned(), project };
        let model: Model = serde_json::from_str(
            r#"{"services": {
                "mail": {"ports": [{"target": 25, "published": "2525"}, {"target": 25, "published": "25"}]},
                "postgres": {"ports": [{"target": 9}, {"target": 5432, "published": "5432"}, {"target": 80, "published": "8000-8010"}]}
            }}"#,
        )
        .unwrap();
        let shown: Vec<String> = wanted(&model, &file)
            .iter()
            .map(|(spot, request)| {
                let name = request.full_name().map_or_else(String::new, |name| format!("/{name}"));
                format!("{}[{}] {}{name} {}", spot.service, spot.at, request.service, request.label())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "mail[0] infrastructure/mail-25 infrastructure",
                "mail[1] infrastructure/mail-25-1 infrastructure",
                "postgres[1] database db",
                "postgres[2] database/postgres-80 database",
            ]
        );
    }
}
