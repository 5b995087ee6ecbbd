//! Options in a command's arguments: a flag and its value, and what a launcher has before the command it runs.

use super::shell::Word;

/// Whether `word` is one of the words of `list`.
pub(crate) fn among(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// Where a flag has its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// In the next word, if it takes one: `--port 3000`, `-p 3000`.
    Next,
    /// In the flag's own word, from this byte on: `--port=3000`, `-p=3000`, `-p3000`.
    Here(usize),
}

/// Where `flag` has its value, if `word` is that flag. `--portable` is not `--port`.
pub(crate) fn value(word: &str, flag: &str) -> Option<Value> {
    match word.strip_prefix(flag)? {
        "" => Some(Value::Next),
        more if more.starts_with('=') => Some(Value::Here(flag.len() + 1)),
        _ => is_short(flag).then_some(Value::Here(flag.len())),
    }
}

/// The value of an option, the number of the word that has it, and what stands before it in that word.
pub(crate) type Given<'w> = (usize, &'w str, &'w str);

/// The value of the last of `flags` among `args`.
pub(crate) fn given<'w>(args: &'w [Word], flags: &[&str]) -> Option<Given<'w>> {
    args.iter().enumerate().rev().find_map(|(at, word)| {
        let text = word.text.as_str();
        match flags.iter().filter(|flag| !flag.is_empty()).find_map(|flag| value(text, flag))? {
            Value::Next => args.get(at + 1).map(|next| (at + 1, next.text.as_str(), "")),
            Value::Here(from) => Some((at, &text[from..], &text[..from])),
        }
    })
}

pub(crate) fn is_short(flag: &str) -> bool {
    flag.len() == 2
}

/// Removes the options at the front; `valued` ones include the next word. The rest does not begin with a flag.
pub(crate) fn options(args: &mut Vec<Word>, valued: &[&str], mut seen: impl FnMut(&str, Option<&str>)) {
    while args.first().is_some_and(Word::is_flag) {
        let flag = args.remove(0).text;
        if flag == "--" {
            return;
        }
        if let Some((flag, value)) = flag.split_once('=') {
            seen(flag, Some(value));
        } else if valued.contains(&flag.as_str()) && !args.is_empty() {
            let value = args.remove(0).text;
            seen(&flag, Some(&value));
        } else {
            seen(&flag, None);
        }
    }
}

/// How many words at the front are options; `valued` ones include the next word.
pub(crate) fn leading(args: &[Word], valued: &[&str]) -> usize {
    let mut at = 0;
    while let Some(word) = args.get(at).filter(|word| word.is_flag() && word.text != "--") {
        at += 1 + usize::from(valued.contains(&word.text.as_str()));
    }
    at.min(args.len())
}

/// The command after the options of `npx` and similar programs.
pub(crate) fn packaged(mut args: Vec<Word>, valued: &[&str]) -> Vec<Word> {
    options(&mut args, valued, |_, _| {});
    args
}

/// The command after options and one of `words`, if there are any.
pub(crate) fn after(mut args: Vec<Word>, words: &[&str], valued: &[&str]) -> Vec<Word> {
    options(&mut args, valued, |_, _| {});
    if !words.is_empty() {
        if !args.first().is_some_and(|word| words.contains(&word.text.as_str())) {
            return Vec::new();
        }
        args.remove(0);
        options(&mut args, valued, |_, _| {});
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_an_option_counts() {
        let words = |line: &str| -> Vec<Word> {
            line.split(' ').map(|text| Word { text: text.to_owned(), ..Word::default() }).collect()
        };
        let all = words("-f a --file=b -x -fc d");
        assert_eq!(given(&all, &["-f", "--file"]), Some((4, "c", "-f")));
        assert_eq!(given(&all, &["--file", ""]), Some((2, "b", "--file=")));
        assert_eq!(given(&all[..2], &["-f"]), Some((1, "a", "")));
        assert_eq!(given(&all, &["-y", ""]), None);
    }

    #[test]
    fn a_flag_has_its_value_in_the_next_word_or_in_its_own() {
        for (word, flag, expected) in [
            ("--port", "--port", Some(Value::Next)),
            ("--port=3000", "--port", Some(Value::Here(7))),
            ("--portable", "--port", None),
            ("--port3000", "--port", None),
            ("-p", "-p", Some(Value::Next)),
            ("-p=3000", "-p", Some(Value::Here(3))),
            ("-p3000", "-p", Some(Value::Here(2))),
            ("--p", "-p", None),
            ("port", "-p", None),
        ] {
            assert_eq!(value(word, flag), expected, "{word} {flag}");
        }
    }
}
