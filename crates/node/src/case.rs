//! The names of the wire as JavaScript writes them.

/// `lock_id` → `lockId`
pub(crate) fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_wire_become_names_of_javascript() {
        for (snake, expected) in
            [("lock_id", "lockId"), ("last_seen_listening", "lastSeenListening"), ("port", "port")]
        {
            assert_eq!(camel(snake), expected);
        }
    }
}
