//! What compose's files mean, as far as worktrees get into each other's way by it.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The answer of `config --format json`. All else in it is not read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Model {
    #[serde(default)]
    name: String,
    #[serde(default)]
    pub(super) services: BTreeMap<String, Service>,
    #[serde(default)]
    volumes: BTreeMap<String, Option<Named>>,
    #[serde(default)]
    networks: BTreeMap<String, Option<Named>>,
}

/// One service.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Service {
    #[serde(default)]
    pub(super) ports: Vec<Binding>,
    #[serde(default)]
    pub(super) container_name: Option<String>,
    #[serde(default)]
    network_mode: Option<String>,
    #[serde(default)]
    build: Option<IgnoredAny>,
}

/// A port of a container, and where it is published.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Binding {
    pub(super) target: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host_ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) protocol: Option<String>,
    /// What else is said of it.
    #[serde(flatten)]
    pub(super) more: Map<String, Value>,
}

/// A volume or a network.
#[derive(Debug, Default, Deserialize)]
struct Named {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    external: Option<bool>,
}

impl Binding {
    /// Whether a port of this machine leads to it, and is one that Styxy leases.
    pub(super) fn is_leased(&self) -> bool {
        self.is_published() && self.protocol.as_deref().is_none_or(|protocol| protocol == "tcp")
    }

    /// Whether a certain port, or one of a range, leads to it.
    pub(super) fn is_published(&self) -> bool {
        match &self.published {
            Some(Value::String(text)) => !text.is_empty() && text != "0",
            Some(Value::Number(number)) => number.as_u64() != Some(0),
            Some(_) | None => false,
        }
    }
}

impl Model {
    pub(super) fn has(&self, service: &str) -> bool {
        self.services.contains_key(service)
    }

    pub(super) fn publishes(&self, service: &str) -> bool {
        self.services.get(service).is_some_and(|service| service.ports.iter().any(Binding::is_leased))
    }

    pub(super) fn target(&self, service: &str) -> Option<u16> {
        Some(self.services.get(service)?.ports.iter().find(|port| port.is_leased())?.target)
    }

    pub(super) fn is_built(&self, service: &str) -> bool {
        self.services.get(service).is_some_and(|service| service.build.is_some())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.services.keys().cloned().collect()
    }

    /// What two worktrees still share, a sentence each.
    pub(super) fn shared(&self) -> Vec<String> {
        let named = |kind: &str, all: &BTreeMap<String, Option<Named>>| {
            let shared = all.iter().filter_map(|(key, named)| {
                let named = named.as_ref()?;
                let usual = format!("{}_{key}", self.name);
                let is_shared =
                    named.external == Some(true) || named.name.as_ref().is_some_and(|name| *name != usual);
                is_shared.then(|| {
                    let name = named.name.as_deref().unwrap_or(key);
                    let why = if named.external == Some(true) { "is external" } else { "has a fixed name" };
                    format!("the {kind} {name} {why}: all worktrees share it")
                })
            });
            shared.collect::<Vec<_>>()
        };
        let host =
            self.services.iter().filter(|(_, service)| service.network_mode.as_deref() == Some("host"));
        let host = host.map(|(name, _)| {
            format!("{name} has network_mode host: its ports are this machine's, and cannot be moved")
        });
        let mut all = named("volume", &self.volumes);
        all.extend(named("network", &self.networks));
        all.extend(host);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_worktrees_share_is_named() {
        let model: Model = serde_json::from_str(
            r#"{"name": "t", "services": {"web": {"network_mode": "host"}, "db": {}},
                "volumes": {"db": {"name": "t_db"}, "fixed": {"name": "shared"}, "ext": {"name": "ext", "external": true}, "x": null},
                "networks": {"default": {"name": "t_default", "ipam": {}}, "n": {"name": "common"}}}"#,
        )
        .unwrap();
        assert_eq!(
            model.shared(),
            [
                "the volume ext is external: all worktrees share it",
                "the volume shared has a fixed name: all worktrees share it",
                "the network common has a fixed name: all worktrees share it",
                "web has network_mode host: its ports are this machine's, and cannot be moved",
            ]
        );
    }

    #[test]
    fn only_published_tcp_ports_are_leased() {
        let port = |text: &str| serde_json::from_str::<Binding>(text).unwrap();
        let range = port(r#"{"target": 80, "published": "8000-8010", "protocol": "tcp", "mode": "ingress"}"#);
        assert!(range.is_leased());
        let number = port(r#"{"target": 80, "published": 8080}"#);
        assert!(number.is_leased());
        for text in
            [r#"{"target": 80}"#, r#"{"target": 80, "published": ""}"#, r#"{"target": 80, "published": "0"}"#]
        {
            assert!(!port(text).is_published(), "{text}");
        }
        assert!(!port(r#"{"target": 53, "published": "53", "protocol": "udp"}"#).is_leased());
    }
}
