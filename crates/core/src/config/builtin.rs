//! What holds where the file says nothing: the timings and the service types every installation knows.

use super::{Config, EndWith, InstanceBehavior, LogLevel, Quotas, Seconds, ServiceTypeConfig};
use crate::names::ServiceType;
use crate::port::{Port, PortRange};

use InstanceBehavior::{Multi, Single};

struct Row(&'static str, &'static [u16], [u16; 2], InstanceBehavior, &'static str);

const ROWS: [Row; 19] = [
    Row(
        "dev",
        &[3000, 8000],
        [8000, 8099],
        Multi,
        "Development servers: Vite, Next.js, webpack and the like",
    ),
    Row("api", &[8000, 4000], [8000, 8099], Multi, "Backends and API servers"),
    Row("test", &[9000], [9000, 9099], Multi, "Servers that a test run starts"),
    Row("storybook", &[6006], [6006, 6010], Multi, "Storybook and other component workbenches"),
    Row("docs", &[4000], [4000, 4099], Multi, "Documentation sites"),
    Row("database", &[5430, 5431, 5432, 5433], [5430, 5499], Multi, "Databases and their emulators"),
    Row("auth", &[9099, 9100, 9101, 9102], [9099, 9199], Multi, "Sign-in services and their emulators"),
    Row(
        "functions",
        &[5001, 5002, 5003, 5004],
        [5000, 5099],
        Multi,
        "Serverless functions and their emulators",
    ),
    Row(
        "ui",
        &[4000, 4001, 4002, 4003],
        [4000, 4099],
        Multi,
        "Emulator dashboards and other tool front ends",
    ),
    Row("hub", &[4400, 4401, 4402, 4403], [4400, 4499], Multi, "Hubs that join several emulators"),
    Row("proxy", &[8100, 8101, 8102, 8103], [8100, 8199], Multi, "Reverse proxies and gateways"),
    Row("monitoring", &[3100, 3101, 3102, 3103], [3100, 3199], Multi, "Metrics, logs and dashboards"),
    Row("build", &[8200, 8201, 8202, 8203], [8200, 8299], Multi, "Build and bundle servers"),
    Row(
        "infrastructure",
        &[6370, 6371, 6372, 6373],
        [6370, 6399],
        Multi,
        "Caches, queues and other infrastructure",
    ),
    Row(
        "ai",
        &[11430, 11431, 11432, 11433],
        [11400, 11499],
        Single,
        "A local model server, one for the machine",
    ),
    Row("inspector", &[9229], [9229, 9299], Multi, "Inspectors and debuggers of a server"),
    Row("reload", &[24678], [24678, 24777], Multi, "Live reload beside a server"),
    Row("admin", &[2019], [2019, 2099], Multi, "Administration interfaces beside a server"),
    Row("messaging", &[9050, 9051, 9052, 9053], [9050, 9098], Multi, "Message brokers and event buses"),
];

impl Row {
    /// None if a number in it is no port, which a test rules out.
    fn entry(&self) -> Option<(ServiceType, ServiceTypeConfig)> {
        let &Self(name, preferred, ends, instance_behavior, description) = self;
        let service_type = ServiceTypeConfig {
            preferred_ports: preferred.iter().filter_map(|&number| Port::new(number).ok()).collect(),
            range: range(ends)?,
            description: description.to_owned(),
            instance_behavior,
        };
        Some((ServiceType::new(name).ok()?, service_type))
    }
}

fn range([first, last]: [u16; 2]) -> Option<PortRange> {
    PortRange::new(Port::new(first).ok()?, Port::new(last).ok()?)
}

impl Default for Config {
    /// What holds without a file.
    fn default() -> Self {
        Self {
            listen_port: None,
            log_level: LogLevel::Info,
            cleanup_interval: Seconds::new(30),
            bind_ttl: Seconds::new(15 * 60),
            unbind_grace: Seconds::new(10),
            instance_ttl: Seconds::new(60),
            overflow_range: range([10_000, 19_999]),
            strict_service_types: false,
            quotas: Quotas::default(),
            end_with: EndWith::default(),
            session_grace: EndWith::grace(),
            service_types: crate::order::map(ROWS.iter().filter_map(Row::entry)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_service_type() {
        let built_in = Config::default();
        assert_eq!(built_in.service_types.len(), ROWS.len());
        for Row(name, preferred, ends, behavior, _) in ROWS {
            let entry = &built_in.service_types[&ServiceType::new(name).unwrap()];
            assert_eq!(
                entry.preferred_ports.iter().map(|port| port.get()).collect::<Vec<_>>(),
                preferred,
                "{name}"
            );
            assert_eq!([entry.range.first().get(), entry.range.last().get()], ends, "{name}");
            assert_eq!(entry.instance_behavior, behavior, "{name}");
            assert!(!entry.description.is_empty(), "{name}");
        }
        assert_eq!(built_in.overflow_range.unwrap().to_string(), "10000-19999");
    }
    #[test]
    fn the_manual_shows_what_is_built_in() {
        const MANUAL: &str = include_str!("../../../../docs/CONFIGURATION.md");
        for (name, entry) in Config::default().service_types {
            let preferred: Vec<String> = entry.preferred_ports.iter().map(ToString::to_string).collect();
            let row =
                format!("| `{name}` | {} | {} | {} |", preferred.join(", "), entry.range, entry.description);
            assert!(MANUAL.contains(&row), "no line {row}");
        }
        let example = MANUAL.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(super::super::parse(example).unwrap().from_file.len(), 5);
    }
}
