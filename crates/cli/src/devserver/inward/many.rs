//! Programs that start one command several times at the same time, with other arguments each: xargs and parallel.

use super::census::{Census, Entry, Server, Way};
use super::kinds::{self, Likelihood};
use crate::devserver::options::{given, leading};
use crate::devserver::program::program;
use crate::devserver::shell::Word;

/// What such a program starts.
#[derive(Debug, PartialEq, Eq)]
enum Many {
    /// The command from this argument on, again and again.
    Words(usize),
    /// The commands in these arguments, as texts for a shell.
    Texts(Vec<usize>),
}

impl Census<'_> {
    /// The servers that `words` start several of; none if they are not such a program, or it starts none.
    pub(super) fn many(&self, words: &[Word], way: &Way) -> Option<Vec<Server>> {
        let (first, args) = words.split_first()?;
        let many = match program(&first.text) {
            "xargs" => xargs(args)?,
            "parallel" => parallel(args)?,
            _ => return None,
        };
        match many {
            Many::Texts(texts) => {
                let of = |at: &usize| self.text(&args[*at].text, args[*at].typed, way);
                Some(texts.iter().flat_map(of).collect())
            }
            Many::Words(at) => {
                let inner = args[at..].to_vec();
                let entry = match (&way.entry, inner[0].typed) {
                    (Entry::Front, Some(typed)) => Entry::Word(typed),
                    (Entry::Text { word, .. }, _) => Entry::Text { word: *word, at: vec![inner[0].at] },
                    (entry, _) => entry.clone(),
                };
                let is_of_project = kinds::is_interpreter(program(&inner[0].text));
                let found = self.command(inner, &way.clone().at(entry)).into_iter();
                // Most programs that run so are no servers.
                let found: Vec<Server> = found
                    .filter(|one| one.likelihood > Likelihood::Unlikely || is_of_project)
                    .map(|one| Server { repeated: true, ..one })
                    .collect();
                (!found.is_empty()).then_some(found)
            }
        }
    }
}

/// How many of them run at the same time is 1 unless it is said.
fn xargs(args: &[Word]) -> Option<Many> {
    let valued: Vec<&str> =
        "-a --arg-file -d --delimiter -E -I -L --max-lines -n --max-args -P --max-procs -s --max-chars"
            .split_ascii_whitespace()
            .collect();
    let at = leading(args, &valued);
    let (_, number, _) = given(&args[..at], &["-P", "--max-procs"])?;
    (number != "1" && at < args.len()).then_some(Many::Words(at))
}

/// GNU parallel, and the one of moreutils.
fn parallel(args: &[Word]) -> Option<Many> {
    let valued: Vec<&str> =
        "-j --jobs -P --max-procs -N -n --max-args -L --delay --joblog -C --colsep -d --delimiter -I \
        --tagstring --timeout --retries -a --arg-file -S --sshlogin --results --halt --nice --load \
        --memfree -l"
            .split_ascii_whitespace()
            .collect();
    let at = leading(args, &valued);
    if given(&args[..at], &["-j", "--jobs", "-P", "--max-procs"]).is_some_and(|(_, number, _)| number == "1")
    {
        return None;
    }
    let word = args.get(at)?;
    if matches!(word.text.as_str(), ":::" | "--") {
        return Some(Many::Texts((at + 1..args.len()).filter(|at| args[*at].text != ":::").collect()));
    }
    let is_text = word.text.contains(' ');
    Some(if is_text { Many::Texts(vec![at, at]) } else { Many::Words(at) })
}
