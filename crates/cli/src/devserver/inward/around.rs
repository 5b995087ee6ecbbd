//! What a command's folder says about it: scripts, packages, small files. The disk comes in as an argument.

/// The folder that a command is typed in. Paths are relative to it.
pub(crate) trait Around {
    /// The text of a script of `folder`'s package; none: the package of the folder itself.
    fn script(&self, folder: Option<&str>, name: &str) -> Option<String>;

    /// The names of those scripts.
    fn scripts(&self, folder: Option<&str>) -> Vec<String>;

    /// Whether servers in `folder` have a default name of their own (R60).
    fn is_package(&self, folder: &str) -> bool;

    /// The text of a file, unless it is too large to be one that a person wrote.
    fn text(&self, path: &str) -> Option<String>;

    /// The texts of the script `name` in the packages of this workspace.
    fn in_workspaces(&self, name: &str) -> Vec<String>;

    /// Whether scripts that `manager` runs can be given another shell.
    fn can_set_shell(&self, manager: &str) -> bool;
}

/// No folder: no scripts, no files.
#[cfg(test)]
pub(crate) struct Nowhere;

#[cfg(test)]
impl Around for Nowhere {
    fn script(&self, _: Option<&str>, _: &str) -> Option<String> {
        None
    }
    fn scripts(&self, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }
    fn is_package(&self, _: &str) -> bool {
        false
    }
    fn text(&self, _: &str) -> Option<String> {
        None
    }
    fn in_workspaces(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn can_set_shell(&self, _: &str) -> bool {
        false
    }
}
