//! Words as they are typed in a shell.

/// `word` as one word: in quotes only if it needs them.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@:,=%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{word}\"")
    } else {
        in_quotes(word)
    }
}

/// `word` in quotes, for shells of Unix.
pub(crate) fn in_quotes(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// How a script names a variable, by the program that runs scripts: cmd on Windows and sh elsewhere if none is named.
pub(crate) fn variable(name: &str, script_shell: Option<&str>) -> String {
    let program =
        script_shell.map(|shell| shell.rsplit(['/', '\\']).next().unwrap_or(shell).to_ascii_lowercase());
    let program = program.as_deref().map(|program| program.strip_suffix(".exe").unwrap_or(program));
    match program.unwrap_or(if cfg!(windows) { "cmd" } else { "sh" }) {
        "cmd" => format!("%{name}%"),
        "powershell" | "pwsh" => format!("$env:{name}"),
        _ => format!("${name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_a_variable_as_its_shell_reads_it() {
        let port = |shell: &str| variable("PORT", Some(shell));
        assert_eq!((port("sh"), port("/bin/bash")), ("$PORT".to_owned(), "$PORT".to_owned()));
        assert_eq!(port(r"C:\Windows\system32\cmd.exe"), "%PORT%");
        assert_eq!((port("pwsh"), port("PowerShell.exe")), ("$env:PORT".to_owned(), "$env:PORT".to_owned()));
        assert_eq!(variable("PORT", None), if cfg!(windows) { "%PORT%" } else { "$PORT" });
    }
}
