//! Which packages a runner chooses: `web`, `@acme/*`, `./apps/*`, `web...`, `!docs`.

use std::collections::BTreeSet;

use styxy_core::order::{Order as _, set};

use crate::devserver::workspace::{is_match, is_named, segments, without_braces};

/// A package, as a filter sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Option<String>,
    /// Its folder below the root, with `/`.
    pub(crate) path: String,
    /// The names of the packages that it needs.
    pub(crate) needs: Vec<String>,
}

/// What one runner starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The runner, as people call it.
    pub(crate) by: &'static str,
    pub(crate) tasks: Vec<Task>,
    pub(super) filters: Vec<Filter>,
}

/// A script that is started in each package that has it, or in one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) package: Option<String>,
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    excludes: bool,
    what: What,
    /// `web...`
    dependencies: Span,
    /// `...web`
    dependents: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Name(String),
    Path(String),
    /// By npm: `-w web`, `-w apps/web`, and `-w apps` for all below it.
    Either(String),
}

/// Whether what a package is connected with is chosen too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    No,
    Also,
    /// `web^...`: without the package itself.
    Instead,
}

impl Filter {
    /// As pnpm and turbo write it.
    ///
    /// # Errors
    /// It chooses by something else than names and folders.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || Err(format!("the filter {text} is not known"));
        let (excludes, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let (dependents, rest) = match rest.strip_prefix("...") {
            Some(rest) => rest.strip_prefix('^').map_or((Span::Also, rest), |rest| (Span::Instead, rest)),
            None => (Span::No, rest),
        };
        let (dependencies, rest) = match rest.strip_suffix("...") {
            Some(rest) => rest.strip_suffix('^').map_or((Span::Also, rest), |rest| (Span::Instead, rest)),
            None => (Span::No, rest),
        };
        if rest.is_empty() || rest.contains(['[', ']', '$']) || rest.starts_with("..") {
            return wrong();
        }
        let inside = rest
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|inner| !inner.contains('{'));
        let what = match inside {
            Some(path) => What::Path(path.to_owned()),
            None if rest.starts_with('.') => What::Path(rest.to_owned()),
            None if rest.contains(['{', '}']) && !rest.contains(',') => return wrong(),
            None => What::Name(rest.to_owned()),
        };
        Ok(Self { excludes, what, dependencies, dependents })
    }

    /// Packages of this name, or of names that the pattern means.
    pub(super) fn name(name: &str) -> Self {
        Self {
            excludes: false,
            what: What::Name(name.to_owned()),
            dependencies: Span::No,
            dependents: Span::No,
        }
    }

    /// Packages of this name, or in this folder.
    pub(super) fn either(text: &str) -> Self {
        Self { what: What::Either(text.to_owned()), ..Self::name("") }
    }

    /// Without these.
    pub(super) fn excluded(self) -> Self {
        Self { excludes: true, ..self }
    }

    /// With the packages that they need.
    pub(super) fn with_dependencies(self) -> Self {
        Self { dependencies: Span::Also, ..self }
    }

    fn of(&self, members: &[Member]) -> BTreeSet<usize> {
        let own = self.own(members);
        let mut all = BTreeSet::new();
        if self.dependencies != Span::Instead && self.dependents != Span::Instead {
            all.extend(&own);
        }
        if self.dependencies != Span::No {
            all.extend(reached(&own, |from, to| needs(&members[from], &members[to]), members.len()));
        }
        if self.dependents != Span::No {
            all.extend(reached(&own, |from, to| needs(&members[to], &members[from]), members.len()));
        }
        all
    }

    fn own(&self, members: &[Member]) -> BTreeSet<usize> {
        match &self.what {
            What::Name(pattern) => by_name(pattern, members),
            What::Path(pattern) => {
                let patterns = without_braces(pattern);
                let means =
                    |path: &str| patterns.iter().any(|pattern| is_match(&segments(pattern), &segments(path)));
                chosen(members, |member| means(&member.path))
            }
            What::Either(text) => {
                let named = by_name(text, members);
                let wanted = segments(text);
                if named.is_empty() {
                    chosen(members, |member| segments(&member.path).starts_with(&wanted))
                } else {
                    named
                }
            }
        }
    }
}

/// By the whole name, and if no package has it by the name without its scope.
fn by_name(pattern: &str, members: &[Member]) -> BTreeSet<usize> {
    let patterns = without_braces(pattern);
    let means = |name: &str| patterns.iter().any(|pattern| is_named(pattern, name));
    let whole = chosen(members, |member| member.name.as_deref().is_some_and(means));
    if !whole.is_empty() || pattern.starts_with('@') {
        return whole;
    }
    chosen(members, |member| member.name.as_deref().is_some_and(|name| means(unscoped(name))))
}

/// Which of `members` are such ones.
fn chosen(members: &[Member], is_one: impl Fn(&Member) -> bool) -> BTreeSet<usize> {
    set(members.iter().enumerate().filter(|(_, member)| is_one(member)).map(|(at, _)| at))
}

/// A package's name without its scope.
pub(crate) fn unscoped(name: &str) -> &str {
    name.strip_prefix('@').and_then(|rest| rest.split_once('/')).map_or(name, |(_, name)| name)
}

fn needs(one: &Member, other: &Member) -> bool {
    other.name.as_ref().is_some_and(|name| one.needs.contains(name))
}

/// What is reached from `from`, however far, without `from` itself.
fn reached(from: &BTreeSet<usize>, leads: impl Fn(usize, usize) -> bool, count: usize) -> BTreeSet<usize> {
    let mut all = from.clone();
    let mut next: Vec<usize> = from.iter().copied().collect();
    while let Some(at) = next.pop() {
        for to in 0..count {
            if leads(at, to) && all.insert(to) {
                next.push(to);
            }
        }
    }
    all.retain(|at| !from.contains(at));
    all
}

impl Selection {
    /// Which of `members` start which script, in the order of the members; those that have no such script are not left out.
    pub(crate) fn of(&self, members: &[Member]) -> Vec<(usize, &str)> {
        let (without, with): (Vec<&Filter>, Vec<&Filter>) =
            self.filters.iter().partition(|filter| filter.excludes);
        let mut chosen: BTreeSet<usize> = if with.is_empty() {
            set(0..members.len())
        } else {
            set(with.iter().flat_map(|filter| filter.of(members)))
        };
        for filter in without {
            let left_out = filter.of(members);
            chosen.retain(|at| !left_out.contains(at));
        }
        let mut all = Vec::new();
        for task in &self.tasks {
            match &task.package {
                Some(name) => {
                    let named = Filter::name(name).of(members);
                    all.extend(named.into_iter().map(|at| (at, task.name.as_str())));
                }
                None => all.extend(chosen.iter().map(|at| (*at, task.name.as_str()))),
            }
        }
        all.order_by_key(|(at, _)| *at);
        all.dedup();
        all
    }
}
