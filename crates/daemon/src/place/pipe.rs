//! The named pipe that the daemon listens on, on Windows.

use std::path::Path;

use styxy_core::api::Refusal;
use styxy_core::layout::Layout;

use super::error::{Cannot, PlaceError};
use crate::system::PipeListener;

/// Makes a pipe as the start would, under a name of its own, and removes it.
///
/// # Errors
/// The refusal that the start would answer with.
pub fn inspect_pipe(layout: &Layout) -> Result<(), Refusal> {
    let name = format!("{}-doctor-{}", layout.pipe(), std::process::id());
    Ok(make(&name)?)
}

fn make(name: &str) -> Result<(), PlaceError> {
    let cannot = || Cannot::Listen.at(Path::new(name));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(cannot())?;
    // It is gone with its last instance.
    runtime.block_on(async { PipeListener::bind(name).map(drop) }).map_err(cannot())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_was_tried_is_gone() {
        let layout = Layout::new(r"C:\Users\ada\.styxy".into());
        inspect_pipe(&layout).unwrap();
        inspect_pipe(&layout).unwrap();
    }

    #[test]
    fn a_pipe_that_cannot_be_made_is_named() {
        let refusal = Refusal::from(make(r"C:\not\a\pipe").unwrap_err());
        assert!(refusal.error.starts_with(r"C:\not\a\pipe cannot be listened on: "), "{}", refusal.error);
    }
}
