//! A port in a command's own arguments.

use styxy_core::Port;

use crate::devserver::frameworks::Way;
use crate::devserver::options::{Value, is_short, value};
use crate::devserver::shell::Word;

/// What a tool's arguments say about its port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PortArgument {
    /// Nothing.
    None,
    /// A value that only a shell or the tool itself can determine.
    Unknown,
    /// The port is in the word `at`, which becomes `with_port` with another port in place of `{port}`.
    Port {
        at: usize,
        /// None for 0, which means any port, and for a flag that goes without a number.
        port: Option<Port>,
        with_port: String,
    },
}

/// What `args` say about the port that a tool gets by `way`; `valued` are its other flags with a value.
pub(crate) fn find(args: &[Word], way: Way, valued: &[&str]) -> PortArgument {
    let end = args.iter().position(|word| word.text == "--").unwrap_or(args.len());
    let args = &args[..end];
    match way {
        Way::Env => PortArgument::None,
        Way::Word => by_itself(args, valued),
        Way::InFlag(flags) => in_flags(args, flags),
        Way::Joined(flags) => joined(args, flags),
        Way::Flag { write, also, .. } => {
            let flags: Vec<&str> = std::iter::once(write).chain(also.iter().copied()).collect();
            in_flags(args, &flags)
        }
    }
}

/// The first word that is a port, and neither a flag nor the value of one.
fn by_itself(args: &[Word], valued: &[&str]) -> PortArgument {
    let mut words = args.iter().enumerate();
    while let Some((at, word)) = words.next() {
        if valued.contains(&word.text.as_str()) {
            words.next();
        } else if !word.is_flag()
            && let Some(found) = in_word(at, word, "")
        {
            return found;
        }
    }
    PortArgument::None
}

/// The last of the flags counts.
fn in_flags(args: &[Word], flags: &[&str]) -> PortArgument {
    for (at, word) in args.iter().enumerate().rev() {
        for flag in flags {
            let found = match value(&word.text, flag) {
                None => continue,
                // A flag without its value: the tool will report it.
                Some(Value::Next) => args
                    .get(at + 1)
                    .and_then(|next| in_word(at + 1, next, ""))
                    .or(Some(PortArgument::Unknown)),
                Some(Value::Here(start)) => in_word(at, word, &word.text[..start]),
            };
            match found {
                Some(found) => return found,
                // `-prod` may be several flags in one, or another flag.
                None if is_short(flag) => {}
                None => return PortArgument::Unknown,
            }
        }
    }
    PortArgument::None
}

/// The last flag with a value in its own word counts, else the last one without a value, which becomes one with a value.
fn joined(args: &[Word], flags: &[&str]) -> PortArgument {
    let mut bare = PortArgument::None;
    for (at, word) in args.iter().enumerate().rev() {
        for flag in flags {
            match value(&word.text, flag) {
                Some(Value::Here(start)) => {
                    return in_word(at, word, &word.text[..start]).unwrap_or(PortArgument::Unknown);
                }
                Some(Value::Next) if bare == PortArgument::None => {
                    bare = PortArgument::Port { at, port: None, with_port: format!("{flag}={{port}}") };
                }
                Some(Value::Next) | None => {}
            }
        }
    }
    bare
}

/// The port at the end of `word`, after `before` and perhaps an address: `3000`, `localhost:3000`, `tcp://[::]:3000`.
fn in_word(at: usize, word: &Word, before: &str) -> Option<PortArgument> {
    let value = word.text.strip_prefix(before)?;
    if word.expanded {
        return (!before.is_empty() || value.starts_with('$')).then_some(PortArgument::Unknown);
    }
    // Several addresses in one word.
    if value.contains([';', ',']) {
        return None;
    }
    let address = value.rfind(':').map_or(0, |colon| colon + 1);
    let number = &value[address..];
    // The last part of `::1` is not a port; an IPv6 address with a port is in brackets.
    let host = value[..address].trim_end_matches(':');
    let host = host.rsplit("://").next().unwrap_or(host);
    if value[..address].ends_with("::")
        || host.contains(':') && !(host.starts_with('[') && host.ends_with(']'))
    {
        return None;
    }
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let port = match number.parse() {
        Ok(port) => Some(port),
        Err(_) if is_number && number.bytes().all(|byte| byte == b'0') => None,
        Err(_) => return None,
    };
    Some(PortArgument::Port { at, port, with_port: format!("{before}{}{{port}}", &value[..address]) })
}
