//! Eight Procfiles for development.

use super::*;

fn services(text: &str) -> Vec<String> {
    let worktree = Worktree::new(&[
        ("Procfile.dev", text),
        (
            "package.json",
            r#"{"scripts": {"build:css": "tailwindcss -i a.css -o b.css", "watch": "vite build --watch", "ui": "vite"}}"#,
        ),
        ("client/package.json", r#"{"scripts": {"dev": "vite"}}"#),
        ("services/api/go.mod", ""),
    ]);
    worktree.services()
}

#[test]
fn every_line_is_a_service_and_its_own_port_is_a_wish() {
    assert_eq!(
        services("web: bin/rails server -p 3000\ncss: bin/rails tailwindcss:watch\n"),
        [
            "web dev/web 3000 known: bin/rails server -p 3000",
            "css dev/css no port: bin/rails tailwindcss:watch"
        ]
    );
    assert_eq!(
        services("web: PORT=3000 bin/rails s\nworker: PORT=3000 bundle exec sidekiq\n"),
        ["web dev/web 3000 known: bin/rails s", "worker dev/worker 3000 perhaps: bundle exec sidekiq"]
    );
    assert_eq!(
        services(
            "# all\nweb: env RUBY_DEBUG_OPEN=true bin/rails server -p ${PORT:-3000}\n\njs: yarn watch\ncss: yarn build:css --watch\n"
        ),
        [
            "web dev/web known: env RUBY_DEBUG_OPEN=true bin/rails server -p ${PORT:-3000}",
            "js dev/js no port: yarn watch",
            "css dev/css no port: yarn build:css --watch"
        ]
    );
    assert_eq!(
        services("web: python manage.py runserver\nredis: redis-server\nmail: docker compose up mail\n"),
        [
            "web dev/web known: python manage.py runserver",
            "redis dev/redis no port: redis-server",
            "mail dev/mail no port: docker compose up mail"
        ]
    );
}

#[test]
fn a_line_may_run_in_a_folder_of_its_own() {
    assert_eq!(
        services("client: cd client && npm run dev\napi: cd services/api && go run .\nui: npm run ui\n"),
        [
            "client dev/client known in client: npm run dev",
            "api dev/services.api perhaps in services/api: go run .",
            "ui dev/ui known: npm run ui"
        ]
    );
    assert_eq!(
        services("one: cd client && npm run dev\ntwo: cd client && npx vite preview\n"),
        ["one dev/client known in client: npm run dev", "two dev/two known in client: npx vite preview"],
        "no two have one lease"
    );
}

#[test]
fn names_and_odd_lines_are_as_a_runner_takes_them() {
    assert_eq!(
        services(
            "web:vite\nnot a process\nempty:\n bad: x\nmy_api-2: uvicorn app:app --reload --port 8000\r\n"
        ),
        ["web dev/web known: vite", "my_api-2 dev/my_api-2 8000 known: uvicorn app:app --reload --port 8000"]
    );
    assert_eq!(
        services("storybook: storybook dev -p 6006\nboth: vite & node log.js\n"),
        [
            "storybook storybook/storybook 6006 known: storybook dev -p 6006",
            "both dev/both perhaps: vite & node log.js"
        ]
    );
}

#[test]
fn a_line_that_is_left_out_or_called_otherwise_is_said_with_its_number() {
    let text = "web: vite\nnot a process\n\n# css: x\nempty:\n bad: x\nWeb: node b.js\n-x: node c.js\nrelease: x\n--: y\n";
    let worktree = Worktree::new(&[("Procfile.dev", text)]);
    assert_eq!(
        worktree.services(),
        ["web dev/web known: vite", "Web-2 dev/Web-2 perhaps: node b.js", "x dev/x perhaps: node c.js"]
    );
    assert_eq!(
        worktree.stack().reasons[3..],
        [
            "line 2 of Procfile.dev is left out: it has no colon behind a name",
            "line 5 of Procfile.dev is left out: it has no command",
            "line 6 of Procfile.dev is left out: its name is not letters, digits, _ and -",
            "line 7 of Procfile.dev is called Web-2: the name Web is there already",
            "line 8 of Procfile.dev is called x: a service's name begins with a letter or a digit",
            "line 10 of Procfile.dev is left out: \"\" is not a service name; allowed: letters, digits, ., _ and -, 1 to 100 characters",
        ]
    );
}

#[test]
fn what_prepares_things_beside_a_procfile_is_named() {
    let worktree = Worktree::new(&[("Procfile.dev", "web: vite\n"), ("bin/dev", "#!/bin/sh\n")]);
    let reasons = worktree.stack().reasons;
    assert_eq!(
        reasons,
        [
            "web: the process web of Procfile.dev runs Vite",
            "bin/dev is not run: what it does beside starting Procfile.dev is left out"
        ]
    );
}
