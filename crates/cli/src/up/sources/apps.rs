//! The web application that a repository's files are, if it is one of a framework that is told by its files.

use std::path::Path;

use crate::devserver::folder::read;
use crate::devserver::frameworks::{self, Framework};

/// An application: what says so (`app.py is`), its framework, and the command that serves it.
#[derive(Debug)]
pub(super) struct App {
    pub(super) what: String,
    pub(super) framework: &'static Framework,
    pub(super) command: String,
}

/// The files that list what a Python project needs.
const NEEDS: [&str; 4] = ["requirements.txt", "requirements-dev.txt", "pyproject.toml", "Pipfile"];

/// Files of variables that Flask reads.
const VARIABLES: [&str; 2] = [".flaskenv", ".env"];

/// The application in `root`; `variable` says what the environment has.
pub(super) fn find(root: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Option<App> {
    let is_there = |file: &&&str| root.join(file).is_file();
    let app = |what: String, words: &[&str]| {
        let (name, args) = words.split_first()?;
        let name = name.rsplit('/').next().unwrap_or(name);
        let framework = frameworks::find(name, &args.iter().copied())?;
        Some(App { what, framework, command: words.join(" ") })
    };
    for (file, words) in
        [("manage.py", &["./manage.py", "runserver"][..]), ("bin/rails", &["bin/rails", "server"])]
    {
        if root.join(file).is_file() {
            return app(format!("{file} is"), words);
        }
    }
    let texts: Vec<String> = NEEDS.iter().filter_map(|file| read(&root.join(file))).collect();
    let needs = |package: &str| texts.iter().any(|text| names(text, package));
    let set = || {
        let said = VARIABLES.iter().find(|file| {
            read(&root.join(file))
                .is_some_and(|text| text.lines().any(|line| line.trim_start().starts_with("FLASK_APP=")))
        });
        let by_file = said.map(|file| format!("FLASK_APP in {file} names"));
        by_file.or_else(|| variable("FLASK_APP").map(|_| "FLASK_APP names".to_owned()))
    };
    let flask = set().or_else(|| {
        let file = ["app.py", "wsgi.py"].iter().find(is_there).filter(|_| needs("flask"))?;
        Some(format!("{file} is"))
    });
    if let Some(file) = flask {
        return app(file, &["flask", "run"]);
    }
    let file = ["main.py", "app.py", "app/main.py"].iter().find(is_there).filter(|_| needs("fastapi"))?;
    app(format!("{file} is"), &["fastapi", "dev"])
}

/// Whether a line of `text` names `package`: `Flask>=3`, `"flask[async]"` in a list, `flask = "^3"`.
fn names(text: &str, package: &str) -> bool {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default().trim();
        // `name = "flask"` is what the project itself is called.
        let is_own = line.split_once('=').is_some_and(|(key, _)| key.trim() == "name");
        let mut words = line.split(['"', '\'', '[', ',']).map(|word| {
            let word = word.trim();
            &word[..word.find(|letter| !is_of_name(letter)).unwrap_or(word.len())]
        });
        !is_own && words.any(|word| word.eq_ignore_ascii_case(package))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_by_a_line_of_its_own_or_in_a_list() {
        for text in [
            "flask",
            "a\nFlask==3.0.0 # web\n",
            "flask[async]>=2; python_version > '3'",
            "dependencies = [\"flask>=3\"]",
            "  \"Flask~=3.0\",",
            "flask = \"^3\"",
            "flask = {version = \"^3\"}",
        ] {
            assert!(names(text, "flask"), "{text}");
        }
        for text in
            ["flask-login", "# flask", "name = \"flask\"", "werkzeug", "description = \"no flask here\"", ""]
        {
            assert!(!names(text, "flask"), "{text}");
        }
    }

    #[test]
    fn an_application_is_told_by_its_files() {
        let found = |files: &[(&str, &str)], variable: Option<&str>| {
            let top = tempfile::tempdir().unwrap();
            for (file, text) in files {
                let path = top.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let app = find(top.path(), &|_| variable.map(str::to_owned));
            app.map(|app| format!("{} {} {}", app.framework.name, app.what, app.command))
        };
        let flask = Some("Flask app.py is flask run".to_owned());
        assert_eq!(found(&[("app.py", ""), ("requirements.txt", "flask\n")], None), flask);
        assert_eq!(found(&[("app.py", ""), ("pyproject.toml", "dependencies = [\"flask\"]")], None), flask);
        let set = found(&[(".flaskenv", "FLASK_APP=shop:create\n")], None);
        assert_eq!(set.as_deref(), Some("Flask FLASK_APP in .flaskenv names flask run"));
        assert_eq!(found(&[], Some("shop")).as_deref(), Some("Flask FLASK_APP names flask run"));
        assert_eq!(found(&[("app.py", ""), ("requirements.txt", "django\n")], None), None);
        assert_eq!(found(&[("requirements.txt", "flask\n")], None), None);
        let django = found(&[("manage.py", ""), ("requirements.txt", "flask\n"), ("app.py", "")], None);
        assert_eq!(django.as_deref(), Some("Django manage.py is ./manage.py runserver"));
        assert_eq!(found(&[("bin/rails", "")], None).as_deref(), Some("Rails bin/rails is bin/rails server"));
        let api = found(&[("app/main.py", ""), ("requirements.txt", "fastapi[standard]\n")], None);
        assert_eq!(api.as_deref(), Some("FastAPI app/main.py is fastapi dev"));
    }
}
