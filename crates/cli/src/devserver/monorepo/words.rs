//! The arguments of a runner: options that choose packages, options that choose none, and plain words.

use super::Root;
use crate::devserver::shell::Word;

/// The options of a runner.
pub(super) struct Options {
    /// Those that matter and have a value.
    pub(super) chosen: &'static [&'static str],
    /// Those that matter and have none.
    pub(super) switches: &'static [&'static str],
    /// Those that change nothing about which packages run, with a value.
    pub(super) idle_valued: &'static [&'static str],
    /// The same without one.
    pub(super) idle: &'static [&'static str],
    /// After how many plain words the rest belongs to the script.
    pub(super) plain: usize,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The options that matter, and their values; a switch has an empty one.
    pub(super) options: Vec<(&'static str, String)>,
    pub(super) words: Vec<String>,
    /// What is for the script itself.
    pub(super) passed: Vec<String>,
    /// The first option that is not known.
    pub(super) unknown: Option<String>,
}

impl Said {
    /// The values of these options.
    pub(super) fn values(&self, names: &[&str]) -> Vec<&str> {
        let ours = self.options.iter().filter(|(name, _)| names.contains(name));
        ours.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether one of these options is there.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(name))
    }

    /// Why its packages cannot be started one by one instead, if they cannot.
    pub(super) fn obstacle(&self) -> Option<Root> {
        let unknown = self.unknown.as_ref().map(|option| format!("the option {option} is not known"));
        let passes = || (!self.passed.is_empty()).then(|| "it passes arguments on".to_owned());
        unknown.or_else(passes).map(Root::More)
    }
}

/// Reads `args`.
pub(super) fn read(args: &[Word], known: &Options) -> Said {
    let mut said = Said::default();
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        if word.text == "--" || said.words.len() == known.plain {
            let from = if word.text == "--" { at } else { at - 1 };
            said.passed = args[from..].iter().map(|word| word.text.clone()).collect();
            break;
        }
        if !word.is_flag() {
            said.words.push(word.text.clone());
            continue;
        }
        let (flag, mut value) = match word.text.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (word.text.as_str(), None),
        };
        let in_list = |list: &'static [&'static str]| list.iter().copied().find(|one| *one == flag);
        let chosen = in_list(known.chosen);
        if value.is_none() && (chosen.is_some() || in_list(known.idle_valued).is_some()) {
            value = args.get(at).map(|next| next.text.clone());
            at += 1;
        }
        if word.expanded {
            said.unknown.get_or_insert_with(|| word.text.clone());
        } else if let Some(name) = chosen.or_else(|| in_list(known.switches)) {
            said.options.push((name, value.unwrap_or_default()));
        } else if in_list(known.idle).is_none() && in_list(known.idle_valued).is_none() {
            said.unknown.get_or_insert_with(|| flag.to_owned());
        }
    }
    said
}
