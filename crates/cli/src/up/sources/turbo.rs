//! What turbo runs beside the packages' scripts, and before them (R156).

use std::collections::BTreeMap;
use std::path::Path;

use styxy_client::Caller;
use styxy_core::project::Run;

use super::super::stack::{Definition, Serves};
use super::made::{self, Told};
use crate::devserver::monorepo::{Belonging, Member, belonging};
use crate::devserver::package::Package;

/// A package of the workspace, by its place among them, and one of its scripts.
pub(super) type Chosen = (usize, String);

/// A workspace.
pub(super) struct Workspace<'a> {
    pub(super) root: &'a Path,
    pub(super) packages: &'a [Package],
    pub(super) members: &'a [Member],
}

impl Workspace<'_> {
    fn belonging(&self, (at, task): &Chosen) -> Belonging {
        belonging(self.root, self.packages[*at].folder(), self.members[*at].name.as_deref(), task)
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name.as_deref() == Some(name))
    }

    /// The packages that this one needs, and those that they need.
    fn needs(&self, at: usize) -> Vec<usize> {
        let mut all = Vec::new();
        let mut open = vec![at];
        while let Some(next) = open.pop() {
            let needs = self.members[next].needs.iter().filter_map(|name| self.named(name));
            let new: Vec<usize> = needs.filter(|needed| *needed != at && !all.contains(needed)).collect();
            all.extend(&new);
            open.extend(new);
        }
        all
    }

    /// Adds what turbo starts beside what is chosen.
    pub(super) fn add_beside(&self, chosen: &mut Vec<Chosen>) {
        let mut next = 0;
        while let Some(one) = chosen.get(next).cloned() {
            next += 1;
            let Belonging { before, beside } = self.belonging(&one);
            let named = beside.iter().filter_map(|text| match text.rsplit_once('#') {
                Some((package, task)) => Some((self.named(package)?, task.to_owned())),
                None => Some((one.0, text.clone())),
            });
            let mut more: Vec<Chosen> = named.collect();
            // `"dev": { "dependsOn": ["^dev"] }`
            if before.iter().any(|text| text.strip_prefix('^') == Some(one.1.as_str())) {
                more.extend(self.needs(one.0).into_iter().map(|needed| (needed, one.1.clone())));
            }
            more.retain(|(at, task)| self.packages[*at].script(task).is_some());
            for new in more {
                if !chosen.contains(&new) {
                    chosen.push(new);
                }
            }
        }
    }

    /// What turbo has ended before it starts what is chosen: one service for each task, and after which of them each of the
    /// chosen ones comes.
    pub(super) fn before(
        &self,
        here: &Caller,
        package: &Package,
        chosen: &[Chosen],
    ) -> (Vec<(Definition, String)>, Vec<Vec<String>>) {
        // By task: the filters, and which of the chosen ones need it.
        let mut tasks: BTreeMap<String, (Vec<String>, Vec<usize>)> = BTreeMap::new();
        for (number, one) in chosen.iter().enumerate() {
            for text in self.belonging(one).before {
                let Some((task, filter)) = self.first(one, &text) else { continue };
                let (filters, needed_by) = tasks.entry(task).or_default();
                let new = filter.filter(|filter| !filters.contains(filter));
                filters.extend(new);
                needed_by.push(number);
            }
        }
        let mut services = Vec::new();
        let mut after = vec![Vec::new(); chosen.len()];
        for (task, (filters, needed_by)) in tasks {
            let Some(told) = told() else { continue };
            let label = crate::devserver::inward::allowed_name(task.rsplit('#').next().unwrap_or(&task));
            let mut words: Vec<String> =
                runs_turbo(package.manager(Some(self.root))).iter().map(|word| (*word).to_owned()).collect();
            words.extend(["turbo", "run", task.as_str()].map(str::to_owned));
            words.extend(filters.into_iter().map(|filter| format!("--filter={filter}")));
            let reason = format!("turbo.json has {task} before others: {}", words.join(" "));
            services.push((made::definition(here, &label, told, Run::List(words), self.root), reason));
            for number in needed_by {
                after[number].push(label.clone());
            }
        }
        (services, after)
    }

    /// The task that `text` names in `dependsOn`, and the filter for it; none if no package would run it.
    fn first(&self, (at, own): &Chosen, text: &str) -> Option<(String, Option<String>)> {
        let name = self.members[*at].name.as_deref()?;
        match text.strip_prefix('^') {
            // Those run together with it.
            Some(task) if task == own => None,
            Some(task) => {
                let has =
                    self.needs(*at).into_iter().any(|needed| self.packages[needed].script(task).is_some());
                has.then(|| (task.to_owned(), Some(format!("{name}^..."))))
            }
            None if text.contains('#') => Some((text.to_owned(), None)),
            // `$FOO` is a variable, in version 1.
            None if text.starts_with('$') => None,
            None => self.packages[*at].script(text).map(|_| (text.to_owned(), Some(name.to_owned()))),
        }
    }
}

/// What is known of a task that ends.
fn told() -> Option<Told> {
    let told = made::of_words(&[], Path::new("/"), Path::new("/"))?;
    Some(Told { serves: Serves::Once, port: None, ..told })
}

/// How a package manager runs a tool of the project.
fn runs_turbo(manager: &str) -> &'static [&'static str] {
    match manager {
        "pnpm" => &["pnpm", "exec"],
        "yarn" => &["yarn", "run"],
        "bun" => &["bunx"],
        _ => &["npx"],
    }
}
