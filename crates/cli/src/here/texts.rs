//! The variables with texts that a project's file gives its services, where nobody has asked for them: in an agent's shell, by
//! `styxy env`, and in the command of `styxy run` (R142, R143).

use styxy_client::ProjectFile;
use styxy_core::project::{Project, Service, fence};

use crate::here::allowed::{Allowed, Leave};
use crate::here::context;
use crate::here::places::Places;
use crate::here::variables::Served;

/// Variables with texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    /// Names and values, each name once.
    pub(crate) set: Vec<(String, String)>,
    /// The names that are set only once a person has allowed the file.
    pub(crate) held: Vec<String>,
}

impl Texts {
    /// The texts of those services of `file` that are among `meant`. The places in them are those of `known`.
    pub(crate) fn of(file: Option<&ProjectFile>, meant: &[Served], known: &[Served]) -> Self {
        let Some(file) = file.filter(|file| has_texts(&file.project)) else { return Self::default() };
        let leave = context::layout().map_or(Leave::Harmless, |layout| Allowed::read(&layout).leave(file));
        let slug = || styxy_client::worktree_label(file.path.parent()?);
        Self::among(&file.project, meant, &Places::new(known, slug), leave)
    }

    fn among(project: &Project, meant: &[Served], places: &Places, leave: Leave) -> Self {
        let mut texts = Self::default();
        let is_meant = |service: &&Service| meant.iter().any(|one| one.label == service.label.as_str());
        for (name, text) in project.services.iter().filter(is_meant).flat_map(|service| service.env.texts()) {
            if texts.set.iter().any(|(set, _)| set == name) || texts.held.contains(name) {
                continue;
            }
            // A service that nobody asked for has no address here.
            let Some(value) = places.filled(text) else { continue };
            match leave {
                Leave::Everything => texts.set.push((name.clone(), value)),
                Leave::Harmless if fence::is_harmless(name, text, &project.services) => {
                    texts.set.push((name.clone(), value));
                }
                Leave::Harmless => texts.held.push(name.clone()),
            }
        }
        texts
    }

    /// What to say of those that are not set.
    pub(crate) fn told(&self) -> Option<String> {
        if self.held.is_empty() {
            return None;
        }
        let names = self.held.join(", ");
        let (is, them) = if self.held.len() == 1 { ("is", "it") } else { ("are", "them") };
        Some(format!("styxy: {names} of .styxy.json {is} not set, unless you allow {them}: styxy allow"))
    }
}

/// Whether the file has a text for any service.
pub(crate) fn has_texts(project: &Project) -> bool {
    project.services.iter().any(|service| !service.env.texts().is_empty())
}

/// The names of the texts that a person has to allow.
pub(crate) fn held(project: &Project) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, text) in project.services.iter().flat_map(|service| service.env.texts()) {
        if !fence::is_harmless(name, text, &project.services) && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use styxy_core::Port;

    const FILE: &str = r#"{"services": {
        "web": {"env": {"VITE_API": "{api.url}/v1", "DB": "shop_{slug_}", "SAME": "1"}},
        "api": {"env": {"SAME": "2", "WEB_ORIGIN": "{web.origin}"}},
        "docs": {"env": {"VITE_DOCS": "{docs.url}"}}
    }}"#;

    fn texts(leave: Leave) -> Texts {
        let project = styxy_core::project::parse(FILE).unwrap();
        let served = [("web", 3000), ("api", 4000)];
        let served = served.map(|(label, port)| Served::called_so(label, Port::new(port).unwrap()));
        let places = Places::new(&served, || Some("a-b".to_owned()));
        Texts::among(&project, &served, &places, leave)
    }

    fn lines(texts: &Texts) -> Vec<String> {
        texts.set.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn unasked_only_harmless_texts_are_set_and_the_others_are_named() {
        let harmless = texts(Leave::Harmless);
        let expected = ["VITE_API=http://localhost:4000/v1", "WEB_ORIGIN=http://localhost:3000"];
        assert_eq!(lines(&harmless), expected);
        assert_eq!(harmless.held, ["DB", "SAME"]);
        assert_eq!(
            harmless.told().unwrap(),
            "styxy: DB, SAME of .styxy.json are not set, unless you allow them: styxy allow"
        );
    }

    #[test]
    fn an_allowed_file_sets_all_its_texts_and_the_first_of_two_counts() {
        let all = texts(Leave::Everything);
        let api = "VITE_API=http://localhost:4000/v1";
        assert_eq!(lines(&all), [api, "DB=shop_a_b", "SAME=1", "WEB_ORIGIN=http://localhost:3000"]);
        assert_eq!((all.held.len(), all.told()), (0, None));
    }
}
