//! The output formats of variables. Names are made of letters, digits and `_`. A value is a port or an address, or a text of a
//! project's file that a person has allowed: it has no control characters, and any other character may be special.

use clap::ValueEnum;

use crate::say::shell_word::in_quotes;

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// sh, bash, zsh and direnv: export PORT='3000'
    Export,
    /// docker compose, mise and dotenv: PORT=3000
    Dotenv,
    /// Programs: {"PORT":"3000"}
    Json,
    /// fish: set -gx PORT '3000'
    Fish,
    /// PowerShell: $env:PORT = '3000'
    #[value(alias = "pwsh")]
    Powershell,
    /// GitHub Actions: PORT=3000, appended to `$GITHUB_ENV`
    Github,
}

/// The lines for `variables`, each with its line end.
pub(super) fn write(form: Form, variables: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| match form {
        Form::Export => format!("export {name}={}\n", in_quotes(value)),
        Form::Dotenv => format!("{name}={}\n", for_dotenv(value)),
        Form::Github => format!("{name}={value}\n"),
        Form::Fish => format!("set -gx {name} '{}';\n", with_before(value, &['\\', '\''], |_| '\\')),
        // All of these are single quotes there, and stand for themselves if they are there twice.
        Form::Powershell => {
            let quotes = ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'];
            format!("$env:{name} = '{}'\n", with_before(value, &quotes, |quote| quote))
        }
        Form::Json => format!("{}:{}", json(name), json(value)),
    };
    let lines: Vec<String> = variables.iter().map(line).collect();
    match form {
        Form::Json => format!("{{{}}}\n", lines.join(",")),
        Form::Export | Form::Dotenv | Form::Github | Form::Fish | Form::Powershell => lines.concat(),
    }
}

/// As most readers of such files take it: in single quotes nothing is special, in double quotes a backslash is.
fn for_dotenv(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~/:,%@+=&?".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else if value.contains('\'') {
        format!("\"{}\"", with_before(value, &['\\', '"', '$', '`'], |_| '\\'))
    } else {
        format!("'{value}'")
    }
}

/// `value` with a character in front of each of the `special` ones.
fn with_before(value: &str, special: &[char], before: impl Fn(char) -> char) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        text.extend(special.contains(&letter).then(|| before(letter)));
        text.push(letter);
    }
    text
}

fn json(text: &str) -> serde_json::Value {
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form) -> String {
        write(form, &[("PORT".into(), "3000".into()), ("STYXY_URL".into(), "http://localhost:3000".into())])
    }

    #[test]
    fn every_format_is_the_one_of_its_reader() {
        assert_eq!(written(Form::Export), "export PORT='3000'\nexport STYXY_URL='http://localhost:3000'\n");
        assert_eq!(written(Form::Dotenv), "PORT=3000\nSTYXY_URL=http://localhost:3000\n");
        assert_eq!(written(Form::Github), written(Form::Dotenv));
        assert_eq!(written(Form::Fish), "set -gx PORT '3000';\nset -gx STYXY_URL 'http://localhost:3000';\n");
        assert_eq!(
            written(Form::Powershell),
            "$env:PORT = '3000'\n$env:STYXY_URL = 'http://localhost:3000'\n"
        );
        assert_eq!(written(Form::Json), "{\"PORT\":\"3000\",\"STYXY_URL\":\"http://localhost:3000\"}\n");
    }

    #[test]
    fn a_text_is_quoted_as_its_reader_wants_it() {
        let text = |form, value: &str| write(form, &[("X".into(), value.into())]);
        let hostile = r#"it's $HOME `id` "\"#;
        assert_eq!(text(Form::Export, hostile), "export X='it'\\''s $HOME `id` \"\\'\n");
        assert_eq!(text(Form::Dotenv, hostile), "X=\"it's \\$HOME \\`id\\` \\\"\\\\\"\n");
        assert_eq!(text(Form::Dotenv, "a b#c"), "X='a b#c'\n");
        assert_eq!(text(Form::Dotenv, ""), "X=''\n");
        assert_eq!(text(Form::Fish, hostile), "set -gx X 'it\\'s $HOME `id` \"\\\\';\n");
        assert_eq!(text(Form::Powershell, "it\u{2019}s 'x'"), "$env:X = 'it\u{2019}\u{2019}s ''x'''\n");
    }
}
