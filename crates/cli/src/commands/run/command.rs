//! Which command runs: what was typed, or the package's dev script.

use std::ffi::OsString;
use std::path::Path;

use crate::devserver::package::Package;
use crate::say::failure::Failure;

/// The package's dev script, as its package manager runs it.
pub(super) fn dev_script(folder: &Path, root: Option<&Path>) -> Result<Vec<OsString>, Failure> {
    let hint = "styxy run -- COMMAND";
    let package = Package::around(folder).map_err(|none| Failure::usage(none.to_string(), hint))?;
    if package.script("dev").is_none() {
        let scripts: Vec<&str> = package.scripts().collect();
        let there = if scripts.is_empty() { "none".to_owned() } else { scripts.join(", ") };
        return Err(Failure::usage(format!("the package has no dev script; its scripts: {there}"), hint));
    }
    Ok([package.manager(root), "run", "dev"].map(OsString::from).into())
}
