//! What is known at some point of a script: where it is, what its variables hold.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use styxy_core::{Port, checkout};

use super::{MOST, What};
use crate::devserver::shell::Word;

/// No system goes to a longer path.
const LONGEST: usize = 4096;

#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// None once a `cd` went where only the shell knows.
    pub(super) folder: Option<Rc<Path>>,
    /// `PORT`, if it was exported as a plain number.
    pub(super) port: Option<Port>,
    /// Variables that hold the pids of these.
    pub(super) pids: HashMap<String, Vec<What>>,
    /// The script's own functions, which do what they like.
    pub(super) functions: HashSet<String>,
    /// `set -e`
    pub(super) ends_on_failure: bool,
    /// `set -o pipefail`: a pipeline fails if any of its commands does.
    pub(super) fails_by_any: bool,
}

impl Place {
    /// More names than anybody types are not kept, copy by copy as that goes.
    pub(super) fn is_full(&self) -> bool {
        self.pids.len() > MOST || self.functions.len() > MOST
    }

    /// The variable `name` holds the pids of `whose`, if of anybody.
    pub(super) fn assign(&mut self, name: &str, whose: Vec<What>) {
        if whose.is_empty() {
            self.pids.remove(name);
        } else {
            self.pids.insert(name.to_owned(), whose);
        }
    }

    /// Nobody knows any more what the variable `name` holds.
    pub(super) fn forget(&mut self, name: &str) {
        self.pids.remove(name);
        self.port = self.port.filter(|_| name != "PORT");
    }

    /// Nobody knows any more what any variable holds.
    pub(super) fn forget_all(&mut self) {
        self.pids.clear();
        self.port = None;
    }

    /// Forgets what is different here from what it was: nobody knows whether what changed it was run.
    pub(super) fn forget_changes(&mut self, before: &Self) {
        if self.folder != before.folder {
            self.folder = None;
        }
        if self.port != before.port {
            self.port = None;
        }
        self.pids.retain(|name, whose| before.pids.get(name) == Some(whose));
    }

    /// Where `cd` with these arguments goes from here.
    pub(super) fn target(&self, home: Option<&Path>, args: &[Word]) -> Option<Rc<Path>> {
        let flags = ["--", "-P", "-L"];
        let args: Vec<&Word> = args.iter().filter(|word| !flags.contains(&word.text.as_str())).collect();
        let to = match args[..] {
            [] => home?.to_owned(),
            [to] if to.expanded || to.text == "-" || to.text.contains(['*', '?', '[', '{']) => return None,
            [to] => match to.text.strip_prefix('~') {
                None => self.folder.as_deref()?.join(checkout::said(Path::new(&to.text))),
                Some("") => home?.to_owned(),
                Some(rest) => home?.join(rest.strip_prefix('/')?),
            },
            [_, _, ..] => return None,
        };
        (to.as_os_str().len() < LONGEST).then(|| to.into())
    }
}
