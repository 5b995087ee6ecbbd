//! What an engine says of its containers: `GET /containers/json`, alike in Docker and Podman.

use std::collections::BTreeMap;

use serde::Deserialize;
use styxy_core::Port;

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    /// `shop-web-1`
    pub(crate) name: String,
    /// `shop`, if compose started it.
    pub(crate) compose_project: Option<String>,
    /// `web`, if compose started it.
    pub(crate) compose_service: Option<String>,
    /// The folder that compose, or a dev container's editor, started it from.
    pub(crate) folder: Option<String>,
    /// The TCP ports of this machine that lead to it.
    pub(super) ports: Vec<Port>,
}

impl Container {
    pub(super) fn publishes(&self, port: Port) -> bool {
        self.ports.contains(&port)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    ports: Option<Vec<Published>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Published {
    #[serde(default)]
    public_port: Option<u16>,
    #[serde(default, rename = "Type")]
    protocol: String,
}

/// The containers that run; none if this is not such an answer.
pub(super) fn read(body: &[u8]) -> Option<Vec<Container>> {
    let listed: Vec<Listed> = serde_json::from_slice(body).ok()?;
    Some(listed.into_iter().filter_map(container).collect())
}

/// A stopped container has no say.
fn container(listed: Listed) -> Option<Container> {
    let Listed { names, state, ports, labels } = listed;
    if !state.eq_ignore_ascii_case("running") {
        return None;
    }
    let labels = labels.unwrap_or_default();
    let label = |names: &[&str]| {
        let value = names.iter().find_map(|name| labels.get(*name));
        value.filter(|value| !value.is_empty()).cloned()
    };
    let published =
        ports.unwrap_or_default().into_iter().filter(|port| port.protocol.eq_ignore_ascii_case("tcp"));
    let ports = published.filter_map(|port| Port::new(port.public_port?).ok()).collect();
    Some(Container {
        name: names.first()?.trim_start_matches('/').to_owned(),
        compose_project: label(&["com.docker.compose.project", "io.podman.compose.project"]),
        compose_service: label(&["com.docker.compose.service"]),
        folder: label(&["com.docker.compose.project.working_dir", "devcontainer.local_folder"]),
        ports,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engines_list_says_which_container_runs_where_for_whom() {
        let body = br#"[
          {"Id": "1", "Names": ["/shop-web-1"], "State": "running", "Image": "web",
           "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 3000, "Type": "tcp"},
                     {"IP": "::", "PrivatePort": 80, "PublicPort": 3000, "Type": "tcp"},
                     {"PrivatePort": 443, "Type": "tcp"},
                     {"IP": "0.0.0.0", "PrivatePort": 53, "PublicPort": 5353, "Type": "udp"}],
           "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web",
                      "com.docker.compose.project.working_dir": "/home/ada/shop"}},
          {"Names": ["old"], "State": "exited", "Ports": [{"PublicPort": 4000, "Type": "tcp"}], "Labels": null},
          {"Names": ["plain"], "State": "running", "Ports": null}
        ]"#;
        let all = read(body).unwrap();
        assert_eq!(
            all.iter().map(|container| &container.name[..]).collect::<Vec<_>>(),
            ["shop-web-1", "plain"]
        );
        let port = |number| Port::new(number).unwrap();
        assert!(all[0].publishes(port(3000)) && !all[0].publishes(port(5353)) && !all[0].publishes(port(80)));
        assert_eq!(all[0].compose_project.as_deref(), Some("shop"));
        assert_eq!(all[0].compose_service.as_deref(), Some("web"));
        assert_eq!(all[0].folder.as_deref(), Some("/home/ada/shop"));
        assert_eq!((&all[1].ports, &all[1].folder), (&Vec::new(), &None));
        for other in [&b"{}"[..], b"", b"[{\"Names\": 1}]", b"<html>"] {
            assert_eq!(read(other), None);
        }
    }
}
