//! How rows of a corpus are written: what cannot be seen in an editor, or would turn its lines around, is an escape.

/// The rows of a corpus: its lines without comments and blanks.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|row| !row.is_empty() && !row.starts_with("# "))
}

/// The bytes that `text` means: `\xNN`, `\u{N}`, `\r`, `\n`, `\t` and `\\` are as in Rust, ⏎ is CR LF, `{a*9}` nine times what is
/// before the last star, and `{NAME}` what `named` says; other braces are themselves.
pub(crate) fn bytes(text: &str, named: &impl Fn(&str) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let behind = &rest[first.len_utf8()..];
        let braces = (first == '{').then(|| behind.split_once('}')).flatten();
        let (written, next) = match (first, braces) {
            ('\\', _) => escape(behind),
            ('⏎', _) => (b"\r\n".to_vec(), behind),
            (_, Some((inside, next))) if times(inside).is_some() => {
                let (what, count) = times(inside).unwrap();
                (bytes(what, named).repeat(count), next)
            }
            (_, Some((inside, next))) if named(inside).is_some() => (named(inside).unwrap(), next),
            _ => (first.to_string().into(), behind),
        };
        out.extend(written);
        rest = next;
    }
    out
}

/// The text that `text` means, without names in braces.
pub(crate) fn text(text: &str) -> String {
    String::from_utf8(bytes(text, &|_| None)).unwrap()
}

fn times(text: &str) -> Option<(&str, usize)> {
    let (what, count) = text.rsplit_once('*')?;
    Some((what, count.parse().ok()?))
}

/// What a backslash and the beginning of `behind` mean, and what follows.
fn escape(behind: &str) -> (Vec<u8>, &str) {
    let byte = |byte: u8| (vec![byte], &behind[1..]);
    match behind.as_bytes()[0] {
        b'r' => byte(b'\r'),
        b'n' => byte(b'\n'),
        b't' => byte(b'\t'),
        b'\\' => byte(b'\\'),
        b'x' => (vec![u8::from_str_radix(&behind[1..3], 16).unwrap()], &behind[3..]),
        b'u' => {
            let (digits, next) = behind[1..].strip_prefix('{').unwrap().split_once('}').unwrap();
            let letter = char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap();
            (letter.to_string().into(), next)
        }
        _ => panic!("\\{behind}"),
    }
}
