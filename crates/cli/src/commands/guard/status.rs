//! `styxy guard status`: which layers of the guard are live in this shell, and why not.

use std::env;
use std::path::Path;

use crate::here::context::{self, Context};
use crate::here::guarded::{self, Layer, Layers};
use crate::here::off::off;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};

/// Say which layers of the guard are live in this shell, and why not
///
/// The library is in every program that the shell starts. The shims stand in front of kill, pkill, killall, fuser and skill. The
/// function stands in front of the shell's own kill. Each alone spares what belongs to others; the daemon decides.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy guard status
  styxy agent -- styxy guard status          what an agent's shell would say"))]
pub(crate) struct Args {}

/// What is live.
#[derive(serde::Serialize)]
struct Status {
    #[serde(flatten)]
    layers: Layers,
    /// Whether the daemon's guard listens where they ask.
    daemon: bool,
    /// The variable that turns the guard off.
    off: Option<&'static str>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let layout = context::layout()?;
        let layers = Layers::look(|name| env::var_os(name));
        // Where nothing asks, the question is whether it could.
        let asked = layers.socket.clone().unwrap_or_else(|| guarded::socket(&layout));
        let status = Status { layers, daemon: guarded::answers(&asked), off: off() };
        match context.output.format() {
            Format::Json => output::value(&status)?,
            Format::Human => output::raw(said(&status).as_bytes())?,
        }
        Ok(Exit::Done)
    }
}

const SET_UP: &str = "eval \"$(styxy guard env)\"";

const MUTE: &str = "not asking: STYXY_GUARD_SOCKET is not set";

fn said(status: &Status) -> String {
    let Status { layers, daemon, off } = status;
    if let Some(variable) = off {
        return format!("The guard is off, by {variable}=off.\n");
    }
    let mute = format!("{MUTE}; {SET_UP}");
    let library = match (&layers.missing, layers.library) {
        (Some(file), _) => format!("not loaded: {} is gone; {SET_UP}", file.display()),
        (None, Layer::Live) => "loaded: programs ask before they signal or bind".to_owned(),
        (None, Layer::Mute) => mute.clone(),
        (None, Layer::Absent) => format!("not loaded: {SET_UP}"),
    };
    let before = |tool: &Path| format!("not in front of {}: {SET_UP}", tool.display());
    let shims = match (layers.shims, &layers.kill) {
        (Layer::Live, _) => "in PATH: kill, pkill, killall, fuser and skill ask".to_owned(),
        (Layer::Mute, _) => mute,
        (Layer::Absent, Some(tool)) => before(tool),
        (Layer::Absent, None) => format!("not in PATH: {SET_UP}"),
    };
    let function = match layers.function {
        Layer::Live => "the shell's own kill asks",
        Layer::Mute => MUTE,
        Layer::Absent => "not in this shell: bash and zsh have it, and each bash script under BASH_ENV",
    };
    let daemon = match (&layers.socket, daemon) {
        (_, true) => "listens".to_owned(),
        (Some(socket), false) => {
            format!("does not listen at {}, so nothing is refused: styxy daemon start", socket.display())
        }
        (None, false) => "does not listen, so nothing is refused: styxy daemon start".to_owned(),
    };
    format!("library   {library}\nshims     {shims}\nfunction  {function}\ndaemon    {daemon}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn each_layer_says_whether_it_is_live_and_what_to_type() {
        let layers = |layer| Layers {
            socket: Some("/h/guard.sock".into()),
            library: layer,
            missing: None,
            shims: layer,
            kill: None,
            function: layer,
        };
        let all = || layers(Layer::Live);
        let none = || Layers { socket: None, ..layers(Layer::Absent) };
        let status = |layers, daemon, off| said(&Status { layers, daemon, off });
        snapshot!(
            "guard_status",
            each([
                ("live", status(all(), true, None)),
                ("not set up", status(none(), true, None)),
                ("behind the tool", status(Layers { kill: Some("/bin/kill".into()), ..none() }, true, None)),
                (
                    "the library is gone",
                    status(Layers { missing: Some("/h/l.so".into()), ..none() }, true, None)
                ),
                ("the variable is gone", status(Layers { socket: None, ..layers(Layer::Mute) }, true, None)),
                ("off", status(all(), true, Some("STYXY_GUARD"))),
                ("without a daemon", status(all(), false, None)),
            ])
        );
    }
}
