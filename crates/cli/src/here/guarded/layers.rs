//! Which layers of the guard are live where this program runs.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;
use styxy_client::agents;

use super::{PRELOAD, SOCKET, shell, shims};

/// What is live.
#[derive(Debug, Serialize)]
pub(crate) struct Layers {
    /// Where programs ask.
    #[serde(skip)]
    pub(crate) socket: Option<PathBuf>,
    /// Whether the library is loaded into the programs of this shell.
    pub(crate) library: Layer,
    /// The library that `LD_PRELOAD` names, if that file is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<PathBuf>,
    /// Whether the first `kill` in `PATH` is a shim.
    pub(crate) shims: Layer,
    /// That `kill`, if it is not.
    #[serde(skip)]
    pub(crate) kill: Option<PathBuf>,
    /// Whether `kill` is a function in the shell that runs this program.
    pub(crate) function: Layer,
}

/// Whether a layer is live; in JSON true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "bool")]
pub(crate) enum Layer {
    Live,
    /// It is in its place and asks nobody: [`SOCKET`] is not set.
    Mute,
    Absent,
}

impl From<Layer> for bool {
    fn from(layer: Layer) -> Self {
        layer == Layer::Live
    }
}

impl Layers {
    /// As they are for a program with the variables that `set` answers.
    pub(crate) fn look(set: impl Fn(&str) -> Option<OsString>) -> Self {
        let socket = set(SOCKET).filter(|path| !path.is_empty()).map(PathBuf::from);
        let layer = |is_in_place: bool| match (is_in_place, &socket) {
            (true, Some(_)) => Layer::Live,
            (true, None) => Layer::Mute,
            (false, _) => Layer::Absent,
        };
        let preload = set(PRELOAD).unwrap_or_default().to_string_lossy().into_owned();
        let named = preload.split([':', ' ']).find(|part| part.contains("/libstyxy-"));
        let missing = named.map(PathBuf::from).filter(|file| !file.exists());
        // This program itself may be linked statically: then the variable alone says it.
        let library = layer(missing.is_none() && (named.is_some() || super::has_library()));
        let path = set("PATH").unwrap_or_default();
        let first = env::split_paths(&path).find(|folder| folder.join("kill").exists());
        let is_shim = first.as_ref().is_some_and(|folder| folder.join(shims::MARKER).exists());
        let kill = first.filter(|_| !is_shim).map(|folder| folder.join("kill"));
        let shell = set(shell::FUNCTION).and_then(|pid| pid.to_str()?.parse().ok());
        let function = layer(shell.is_some_and(is_near));
        let shims = layer(is_shim);
        Self { socket, library, missing, shims, kill, function }
    }
}

/// Whether this is the parent, or its parent, since a subshell has the function too.
fn is_near(shell: u32) -> bool {
    let own = std::process::id();
    // A shell becomes its last command.
    std::iter::once(own).chain(agents::ancestors_of(own)).take(3).any(|pid| pid == shell)
}
