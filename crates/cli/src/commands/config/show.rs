//! `styxy config show`: the settings in force.

use std::io::{self, Write};

use styxy_core::api::{ConfigAnswer, DEFAULT_PORT};
use styxy_core::config::{Config, InstanceBehavior, Quotas, Seconds};
use styxy_core::layout::Layout;

use crate::here::config_file;
use crate::here::context::{self, Autostart, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, one_line};
use crate::say::table::{Column, Table, UNKNOWN};

/// Show the settings in force: your config.json over the built-in ones
///
/// Asks the running daemon; if none runs, reads the file instead, without starting one.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config show
  styxy config show --json | jq .config.service_types.dev"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let layout = context::layout()?;
        let running = context::ask_with(Autostart::Never, async |client| match client.running().await? {
            Some(_) => client.config().await.map(Some),
            None => Ok(None),
        })?;
        let answer = if let Some(answer) = running {
            if changed_since(&layout, &answer) {
                output::note("note: config.json has changed since the daemon started: styxy daemon restart");
            }
            answer
        } else {
            output::note("note: the daemon is not running; it would start with these settings");
            from_file(&layout)?
        };
        context.output.answer(&answer, |out| show(&answer, output::width(), out))?;
        Ok(Exit::Done)
    }
}

fn from_file(layout: &Layout) -> Result<ConfigAnswer, Failure> {
    let parsed = config_file::read_or_default(&layout.config())?;
    let path = layout.config().to_string_lossy().into_owned();
    Ok(ConfigAnswer { path, config: parsed.config, from_file: parsed.from_file })
}

/// Whether a restart would change the settings, or be refused.
fn changed_since(layout: &Layout, answer: &ConfigAnswer) -> bool {
    config_file::read_or_default(&layout.config()).map_or(true, |parsed| parsed.config != answer.config)
}

fn show(answer: &ConfigAnswer, width: Option<usize>, out: &mut impl Write) -> io::Result<()> {
    let origin =
        |key: &str| if answer.from_file.iter().any(|set| set == key) { "config.json" } else { "built in" };
    let mut settings = Table::new(["SETTING", "VALUE", "FROM"].map(|title| Column::new(title).at_least(8)));
    for (key, value) in settings_of(&answer.config) {
        settings.row([key.into(), value.into(), origin(key).into()]);
    }
    let mut types = Table::new([
        Column::new("SERVICE TYPE").at_least(8),
        Column::new("PREFERRED").at_least(9).leaves(2),
        Column::new("RANGE"),
        Column::new("LEASES").leaves(3),
        Column::new("FROM").leaves(1),
    ]);
    for (name, service) in &answer.config.service_types {
        let preferred: Vec<String> = service.preferred_ports.iter().map(ToString::to_string).collect();
        types.row([
            name.to_string().into(),
            if preferred.is_empty() { UNKNOWN.into() } else { preferred.join(" ").into() },
            service.range.to_string().into(),
            match service.instance_behavior {
                InstanceBehavior::Multi => "any number".into(),
                InstanceBehavior::Single => "one".into(),
            },
            origin(&format!("service_types.{name}")).into(),
        ]);
    }
    writeln!(out, "{}", one_line(&answer.path))?;
    writeln!(out)?;
    settings.print(width, out)?;
    writeln!(out)?;
    types.print(width, out)
}

/// Every setting except the service types, for people.
fn settings_of(config: &Config) -> [(&'static str, String); 14] {
    let Config {
        listen_port,
        log_level,
        cleanup_interval,
        bind_ttl,
        unbind_grace,
        instance_ttl,
        overflow_range,
        strict_service_types,
        quotas: Quotas { leases_per_checkout, waiting_per_owner, instances, metadata_bytes },
        end_with,
        session_grace,
        service_types: _,
    } = config;
    let seconds = |seconds: &Seconds| format!("{} s", seconds.as_f64());
    [
        (
            "listen_port",
            listen_port.map_or_else(|| format!("{DEFAULT_PORT}, else up to 9886"), |port| port.to_string()),
        ),
        ("log_level", log_level.as_str().to_owned()),
        ("cleanup_interval", seconds(cleanup_interval)),
        ("bind_ttl", seconds(bind_ttl)),
        ("unbind_grace", seconds(unbind_grace)),
        ("instance_ttl", seconds(instance_ttl)),
        ("overflow_range", overflow_range.map_or_else(|| "none".to_owned(), |range| range.to_string())),
        ("strict_service_types", if *strict_service_types { "yes" } else { "no" }.to_owned()),
        ("end_with", end_with.as_str().to_owned()),
        ("session_grace", seconds(session_grace)),
        ("quotas.leases_per_checkout", leases_per_checkout.to_string()),
        ("quotas.waiting_per_owner", waiting_per_owner.to_string()),
        ("quotas.instances", instances.to_string()),
        ("quotas.metadata_bytes", metadata_bytes.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{plain, snapshot};

    #[test]
    fn each_setting_says_whether_it_is_from_the_file_or_built_in() {
        let text = r#"{"bind_ttl": 60, "service_types": {"docs": {"preferred_ports": []}}}"#;
        let parsed = styxy_core::config::parse(text).unwrap();
        let path = "/home/ada/.styxy/config.json".to_owned();
        let answer = ConfigAnswer { path, config: parsed.config, from_file: parsed.from_file };
        snapshot!("config_show", plain(|out| show(&answer, None, out)));
    }
}
