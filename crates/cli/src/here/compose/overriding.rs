//! The file that compose reads last: the ports of this worktree, and no fixed names of containers.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::Value;
use styxy_core::Port;

use super::model::{Binding, Model, Service};
use super::ports::Spot;

/// The text of the file. Its values are JSON, which is YAML too; only the tags are not JSON.
pub(super) fn text(model: &Model, ports: &[(Spot, Port)]) -> String {
    let mut lines = vec![
        "# Written by Styxy: the ports of one worktree. Changes are lost.".to_owned(),
        "services:".to_owned(),
    ];
    for (name, service) in &model.services {
        let port_of = |at: usize| {
            ports.iter().find(|(spot, _)| spot.service == *name && spot.at == at).map(|(_, port)| *port)
        };
        let own = of_service(service, port_of);
        if !own.is_empty() {
            lines.push(format!("  {}:", json(&Value::from(name.as_str()))));
            lines.extend(own);
        }
    }
    // Compose wants an object.
    if lines.len() == 2 {
        lines[1].push_str(" {}");
    }
    lines.join("\n") + "\n"
}

fn of_service(service: &Service, port_of: impl Fn(usize) -> Option<Port>) -> Vec<String> {
    let mut lines = Vec::new();
    if service.container_name.is_some() {
        // A second container of that name could not be made.
        lines.push("    container_name: !reset null".to_owned());
    }
    if service.ports.iter().any(Binding::is_published) {
        lines.push("    ports: !override".to_owned());
        let ports = service.ports.iter().enumerate().map(|(at, port)| entry(port, port_of(at)));
        lines.extend(ports.map(|port| format!("      - {}", json(&port))));
    }
    lines
}

/// The port, published at the leased one. Where none is leased the engine chooses one, since another worktree has the file's.
fn entry(port: &Binding, leased: Option<Port>) -> Value {
    let is_published = port.is_published();
    let host_ip = port.host_ip.clone().or_else(|| is_published.then(|| "127.0.0.1".to_owned()));
    let published = leased.map(|port| Value::from(port.to_string()));
    let moved = Binding { published, host_ip, ..port.clone() };
    serde_json::to_value(moved).unwrap_or(Value::Null)
}

/// As compose reads it: a dollar would be a variable.
fn json(value: &Value) -> String {
    value.to_string().replace('$', "$$")
}

/// Writes the file, all of it or nothing. Whether it has changed.
///
/// # Errors
/// What the system says.
pub(super) fn write(path: &Path, text: &str) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|before| before == text.as_bytes()) {
        return Ok(false);
    }
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let written = File::create(&new).and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| fs::rename(&new, path)).inspect_err(|_| drop(fs::remove_file(&new)))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_port_is_moved_and_no_name_is_fixed() {
        let model: Model = serde_json::from_str(
            r#"{"services": {
                "db": {"container_name": "x", "ports": [
                    {"mode": "ingress", "target": 5432, "published": "5432", "protocol": "tcp"},
                    {"target": 53, "published": "53", "protocol": "udp", "host_ip": "0.0.0.0"},
                    {"target": 6000, "protocol": "tcp"}]},
                "a$b": {"ports": [{"target": 80, "published": "8000-8010"}]},
                "quiet": {"ports": [{"target": 80}]}
            }}"#,
        )
        .unwrap();
        let port =
            |service: &str, at, port| (Spot { service: service.to_owned(), at }, Port::new(port).unwrap());
        let text = text(&model, &[port("db", 0, 5433), port("a$b", 0, 8042)]);
        assert_eq!(
            text,
            r#"# Written by Styxy: the ports of one worktree. Changes are lost.
services:
  "a$$b":
    ports: !override
      - {"host_ip":"127.0.0.1","published":"8042","target":80}
  "db":
    container_name: !reset null
    ports: !override
      - {"host_ip":"127.0.0.1","mode":"ingress","protocol":"tcp","published":"5433","target":5432}
      - {"host_ip":"0.0.0.0","protocol":"udp","target":53}
      - {"protocol":"tcp","target":6000}
"#
        );
        let empty = super::text(&Model::default(), &[]);
        assert!(empty.ends_with("services: {}\n"), "{empty}");
    }

    #[test]
    fn a_file_is_written_once() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("compose-1.yaml");
        assert!(write(&path, "a").unwrap() && !write(&path, "a").unwrap() && write(&path, "b").unwrap());
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
        assert!(write(&top.path().join("gone/x.yaml"), "a").is_err());
    }
}
