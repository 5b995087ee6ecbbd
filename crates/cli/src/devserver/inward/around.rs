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

    /// The value of a variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// Whether scripts that `manager` runs can be given another shell.
    fn can_set_shell(&self, manager: &str) -> bool;
}

/// What a test says is there.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(crate) struct Told {
    /// The scripts of the folder's own package.
    pub(crate) scripts: &'static [(&'static str, &'static str)],
    /// Those of packages in other folders: the folder, the name and the text.
    pub(crate) inside: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// The folders whose servers have a default name.
    pub(crate) packages: &'static [&'static str],
    /// The texts of the scripts of other packages, whatever their name is.
    pub(crate) others: &'static [&'static str],
    /// The package managers whose scripts can be given another shell.
    pub(crate) shells: &'static [&'static str],
    /// The environment.
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

#[cfg(test)]
impl Told {
    /// No scripts, no files.
    pub(crate) const NOTHING: Self = Self {
        scripts: &[],
        inside: &[],
        files: &[],
        packages: &[],
        others: &[],
        shells: &[],
        variables: &[],
    };
}

#[cfg(test)]
impl Around for Told {
    fn script(&self, folder: Option<&str>, name: &str) -> Option<String> {
        let is_inside = folder.is_some_and(|folder| self.inside.iter().any(|(there, ..)| *there == folder));
        let found = if is_inside {
            self.inside.iter().find(|(there, known, _)| Some(*there) == folder && *known == name)?.2
        } else {
            self.scripts.iter().find(|(known, _)| *known == name)?.1
        };
        Some(found.to_owned())
    }
    fn scripts(&self, _: Option<&str>) -> Vec<String> {
        self.scripts.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
    fn is_package(&self, folder: &str) -> bool {
        self.packages.contains(&folder)
    }
    fn text(&self, path: &str) -> Option<String> {
        let path = path.trim_start_matches("./");
        self.files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
    }
    fn in_workspaces(&self, _: &str) -> Vec<String> {
        self.others.iter().map(|text| (*text).to_owned()).collect()
    }
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }
    fn can_set_shell(&self, manager: &str) -> bool {
        self.shells.contains(&manager)
    }
}
