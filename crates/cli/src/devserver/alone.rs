//! A folder whose only script is a command that is not in its package.

use super::inward::around::Around;

/// The folder `around`, where `npm run it` runs `command`.
pub(crate) struct Alone<'a> {
    pub(crate) around: &'a dyn Around,
    pub(crate) command: &'a str,
}

impl Alone<'_> {
    /// What is typed to run it.
    pub(crate) const TYPED: [&'static str; 3] = ["npm", "run", "it"];
}

impl Around for Alone<'_> {
    fn script(&self, folder: Option<&str>, name: &str) -> Option<String> {
        if folder.is_none() && name == Self::TYPED[2] {
            return Some(self.command.to_owned());
        }
        self.around.script(folder, name)
    }

    fn scripts(&self, folder: Option<&str>) -> Vec<String> {
        self.around.scripts(folder)
    }

    fn is_package(&self, folder: &str) -> bool {
        self.around.is_package(folder)
    }

    fn text(&self, path: &str) -> Option<String> {
        self.around.text(path)
    }

    fn in_workspaces(&self, name: &str) -> Vec<String> {
        self.around.in_workspaces(name)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.around.variable(name)
    }

    fn can_set_shell(&self, manager: &str) -> bool {
        self.around.can_set_shell(manager)
    }
}
