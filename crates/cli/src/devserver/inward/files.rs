//! Servers in files that the command runs: the text of a shell script, the recipes of a Makefile or a justfile.
//!
//! Nobody but the user changes these files. A server that gets the command's port as it is needs nothing. If several would
//! share it, the file is named.

use std::collections::BTreeSet;
use std::path::Path;

use super::census::{Census, Entry, Kind, PortOf, Server, Way, server};
use super::kinds::Likelihood;
use super::names;
use super::text::one_of;
use super::way::MAKE_FLAGS;
use crate::devserver::program::is_known_place;
use crate::devserver::recipes::{Book, Recipe};
use crate::devserver::shell::Word;
use crate::devserver::shells::{self, Commands, is_shell};

/// How many bytes of files are read for one command.
pub(super) const MOST: usize = 512 * 1024;

/// As how many bytes an empty file counts.
const LEAST: usize = 16 * 1024;

/// How many targets of one call are looked at.
const TARGETS: usize = 64;

impl Census<'_> {
    /// The servers of the file whose commands `words` run, if several would share a port; none if that file has one at most.
    pub(super) fn file(&self, words: &[Word], way: &Way) -> Option<Vec<Server>> {
        let (first, args) = words.split_first()?;
        let is_inside = matches!(way.entry, Entry::File(_));
        let mut found =
            self.of_recipes(first, args, way).or_else(|| self.of_script_file(first, args, way))?;
        // A warning must not be a guess: what is only perhaps a server does not count, nor does one with a port of its own.
        // Beside one that is called like a server, `node metrics.js` is probably none.
        let surest = found.iter().map(|one| one.likelihood).max().unwrap_or(Likelihood::Sure);
        let is_server = |one: &Server| one.likelihood == surest && surest > Likelihood::Unlikely;
        found.retain(|one| one.kind == Kind::Leases || is_server(one) && one.port == PortOf::Run);
        let needs_one = found.iter().any(|one| one.kind != Kind::Leases);
        if needs_one && is_several(&found) {
            return Some(match way.entry {
                Entry::Front | Entry::File(_) | Entry::Closed(_) => found,
                // A run begins in front of the command, and says this itself.
                Entry::Text { .. } | Entry::Script { .. } | Entry::Word(_) | Entry::Procfile(_) => {
                    vec![server("servers".to_owned(), Kind::Group, way)]
                }
            });
        }
        // In a file that was named already it is one of that file's servers.
        is_inside.then(|| found.into_iter().map(|one| Server { entry: way.entry.clone(), ..one }).collect())
    }

    fn of_recipes(&self, first: &Word, args: &[Word], way: &Way) -> Option<Vec<Server>> {
        let book =
            self.read(|| Book::find(&first.text, args, way.folder(), self.around), |book| book.text.len())?;
        let flags = way.make_flags.clone().or_else(|| self.around.variable(MAKE_FLAGS));
        if book.is_idle(args, flags.as_deref()) {
            return Some(Vec::new());
        }
        let recipes = book.recipes();
        let targets = book.targets(args, &recipes);
        let entry = Entry::File(book.name.clone());
        let folder = book.folder.clone().filter(|folder| Some(folder.as_str()) != way.folder());
        let way = way.clone().unnamed().inside(folder.as_deref()).at(entry);
        let mut run = Recipes {
            census: self,
            is_parallel: book.is_parallel(args, flags.as_deref()),
            book,
            all: recipes,
            way,
            seen: BTreeSet::new(),
        };
        Some(run.targets(&targets, run.is_parallel))
    }

    /// `sh start.sh`, `./start.sh`
    fn of_script_file(&self, first: &Word, args: &[Word], way: &Way) -> Option<Vec<Server>> {
        let word = if is_shell(&first.text) {
            let Some(Commands::File(at)) = shells::commands(shells::texts(args)) else { return None };
            args.get(at)?
        } else {
            // Programs that were installed are known by their names, and may be scripts too.
            let is_own = !is_known_place(&first.text) || is_called_script(&first.text);
            Some(first).filter(|first| first.text.contains('/') && is_own)?
        };
        // What a descriptor leads to can perhaps be read only once.
        if word.expanded || word.text.starts_with("/dev/") || word.text.starts_with("/proc/") {
            return None;
        }
        let path = match way.folder().filter(|_| !word.text.starts_with('/')) {
            Some(folder) => format!("{folder}/{}", word.text),
            None => word.text.clone(),
        };
        let text = self.read(|| self.around.text(&path), String::len)?;
        if !is_shell(&first.text) && !is_for_a_shell(&text, &path) {
            return None;
        }
        let name = path.trim_start_matches("./").to_owned();
        let called = names::of_command(std::slice::from_ref(word));
        let way = way.clone().named(Some(called)).at(Entry::File(name));
        Some(self.text(&text, None, &way))
    }

    /// Reads a file, unless so much was read that somebody must have made it for us.
    pub(super) fn read<T>(
        &self,
        file: impl FnOnce() -> Option<T>,
        length: impl Fn(&T) -> usize,
    ) -> Option<T> {
        let left = Some(self.left.get()).filter(|left| *left > 0)?;
        let found = file()?;
        // An empty one takes time too.
        self.left.set(left.saturating_sub(length(&found) + LEAST));
        Some(found)
    }
}

/// Whether more than one server gets the same variables.
pub(super) fn is_several(servers: &[Server]) -> bool {
    servers.len() > 1 || servers.iter().any(|one| one.kind == Kind::Group || one.repeated)
}

/// The targets of one call.
struct Recipes<'a> {
    census: &'a Census<'a>,
    book: Book,
    all: Vec<Recipe>,
    is_parallel: bool,
    way: Way,
    /// Each target is made once.
    seen: BTreeSet<String>,
}

impl Recipes<'_> {
    fn targets(&mut self, targets: &[String], together: bool) -> Vec<Server> {
        let found: Vec<Vec<Server>> = targets.iter().map(|target| self.one(target)).collect();
        if together { found.into_iter().flatten().collect() } else { one_of(found) }
    }

    /// The servers of what a target needs, and then its own.
    fn one(&mut self, target: &str) -> Vec<Server> {
        if self.seen.len() >= TARGETS || !self.seen.insert(target.to_owned()) {
            return Vec::new();
        }
        let named = |recipe: &&Recipe| recipe.names.iter().any(|name| name == target);
        let own: Vec<&Recipe> = self.all.iter().filter(named).collect();
        let needs: Vec<String> = own.iter().flat_map(|recipe| recipe.needs.clone()).collect();
        let text: String = own.iter().map(|recipe| self.book.script(recipe)).collect();
        let together = self.is_parallel || own.iter().any(|recipe| recipe.is_parallel);
        let way = self.way.clone().named(Some(names::allowed(target)));
        let before = self.targets(&needs, together);
        one_of(vec![before, self.census.text(&text, None, &way)])
    }
}

/// `start.sh`
pub(super) fn is_called_script(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "sh")
}

/// Whether a program's text is run by a shell: its first line says so, or its name.
fn is_for_a_shell(text: &str, path: &str) -> bool {
    let Some(first) = text.strip_prefix("#!") else { return is_called_script(path) };
    shells::of_first_line(first.lines().next().unwrap_or_default()).is_some()
}
