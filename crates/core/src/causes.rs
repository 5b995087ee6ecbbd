//! An error and its causes in one line, for people.

use std::error::Error;

/// `error` and its causes, the outermost first: `could not read /home/me/x: permission denied`.
///
/// A cause whose text is in the line already is left out, since some errors repeat their cause in their own text.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

/// `error` and its innermost cause: what is between them are layers of a library that only pass it on.
#[must_use]
pub fn with_root_cause(error: &dyn Error) -> String {
    let line = error.to_string();
    match std::iter::successors(error.source(), |&cause| cause.source()).last().map(ToString::to_string) {
        Some(cause) if !line.contains(&cause) => format!("{line}: {cause}"),
        Some(_) | None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, below) = texts.split_first().unwrap();
        Layer { text, source: (!below.is_empty()).then(|| Box::new(layers(below))) }
    }

    #[test]
    fn causes_follow_their_error_and_none_is_repeated() {
        assert_eq!(with_causes(&layers(&["alone"])), "alone");
        assert_eq!(
            with_causes(&layers(&["cannot start", "cannot open x", "denied"])),
            "cannot start: cannot open x: denied"
        );
        assert_eq!(
            with_causes(&layers(&["cannot open x: denied", "denied", "code 13"])),
            "cannot open x: denied: code 13"
        );
    }

    #[test]
    fn the_innermost_cause_alone_follows_where_those_between_only_pass_it_on() {
        assert_eq!(with_root_cause(&layers(&["alone"])), "alone");
        assert_eq!(
            with_root_cause(&layers(&["the answer broke off", "body error", "reset"])),
            "the answer broke off: reset"
        );
        assert_eq!(
            with_root_cause(&layers(&["cannot open x: denied", "io", "denied"])),
            "cannot open x: denied"
        );
    }
}
