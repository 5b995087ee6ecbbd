//! The output formats of variables. Names and values come from [`crate::here::variables`] and contain no character that is
//! special in any of these formats; they are still quoted where that is possible.

use clap::ValueEnum;

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
        Form::Export => format!("export {name}='{value}'\n"),
        Form::Dotenv | Form::Github => format!("{name}={value}\n"),
        Form::Fish => format!("set -gx {name} '{value}';\n"),
        Form::Powershell => format!("$env:{name} = '{value}'\n"),
        Form::Json => format!("{}:{}", json(name), json(value)),
    };
    let lines: Vec<String> = variables.iter().map(line).collect();
    match form {
        Form::Json => format!("{{{}}}\n", lines.join(",")),
        Form::Export | Form::Dotenv | Form::Github | Form::Fish | Form::Powershell => lines.concat(),
    }
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
}
