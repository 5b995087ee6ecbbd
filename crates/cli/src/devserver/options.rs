//! The options at the front of a launcher's arguments.

use super::shell::Word;

/// Takes options off the front: `valued` ones take the next word along. What is left begins with no flag.
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

/// The command behind the options of `npx` and its like.
pub(crate) fn packaged(mut args: Vec<Word>, valued: &[&str]) -> Vec<Word> {
    options(&mut args, valued, |_, _| {});
    args
}

/// The command behind options and, if there are any, one of these words.
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
