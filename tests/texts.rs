//! Texts with places in `.styxy.json`: who gets which variable unasked, and what a person has to allow.

use std::fs;

use crate::support::{Home, Output, finish, sort};

const FILE: &str = r#"{"services": {
  "shop": {"type": "web", "env": {"VITE_API": "{api.url}/v1", "DB": "it's {slug_}$HOME", "SHOP_PORT": "{shop.port}"}},
  "api": {"env": {"WEB_ORIGIN": "{shop.origin},{shop.named_origin}"}}
}}"#;

fn home() -> Home {
    assert_eq!((sort::WEB, sort::API), ("web", "api"), "the texts say so");
    let home = Home::new();
    fs::write(home.project().join(".styxy.json"), FILE).unwrap();
    home
}

fn value(env: &Output, name: &str) -> Option<String> {
    env.json()[name].as_str().map(str::to_owned)
}

#[test]
fn what_is_harmless_is_set_and_the_rest_once_a_person_allows_the_file() {
    let home = home();
    let env = || home.styxy(&["env", "--json"]).done();
    let before = env();
    let (shop, api) = (value(&before, "STYXY_SHOP_PORT").unwrap(), value(&before, "STYXY_API_PORT").unwrap());
    assert_eq!(value(&before, "PORT").as_ref(), Some(&shop));
    assert_eq!(
        value(&before, "STYXY_WEB_PORT").as_ref(),
        Some(&shop),
        "the first one is found by its type too"
    );
    assert_eq!(value(&before, "VITE_API").unwrap(), format!("http://localhost:{api}/v1"));
    assert_eq!(value(&before, "SHOP_PORT").unwrap(), shop);
    assert_eq!((value(&before, "DB"), value(&before, "WEB_ORIGIN")), (None, None));
    let note = "styxy: DB, WEB_ORIGIN of .styxy.json are not set, unless you allow them: styxy allow\n";
    assert_eq!(before.stderr, note);
    let allowed = home.styxy(&["allow"]).done().stdout;
    assert!(
        allowed.ends_with(".styxy.json is allowed as it is now, and sets DB, WEB_ORIGIN.\n"),
        "{allowed}"
    );
    let after = env();
    assert_eq!(after.stderr, "");
    let named = value(&after, "STYXY_SHOP_NAMED_URL").unwrap();
    assert_eq!(value(&after, "WEB_ORIGIN").unwrap(), format!("http://localhost:{shop},{named}"));
    let slug = named.split('.').nth(1).unwrap().replace('-', "_");
    assert_eq!(value(&after, "DB").unwrap(), format!("it's {slug}$HOME"));
    fs::write(home.project().join(".styxy.json"), format!("{FILE}\n")).unwrap();
    assert_eq!(value(&env(), "DB"), None, "a change asks again");
    let listed = home.styxy(&["allow", "--list"]).done().stdout;
    assert!(listed.contains(".styxy.json has changed since, and is not allowed any more"), "{listed}");
    fs::write(home.project().join(".styxy.json"), FILE).unwrap();
    home.styxy(&["allow", "--revoke"]).done();
    assert_eq!(value(&env(), "DB"), None);
}

#[test]
fn an_agent_allows_nothing() {
    let home = home();
    let mut allow = home.styxy_command(&["allow"]);
    let refused = finish(allow.env("STYXY_INSTANCE", "claude-1")).exits(1);
    assert!(refused.stderr.contains("claude-1 cannot allow it"), "{}", refused.stderr);
    assert_eq!(home.styxy(&["allow", "--list"]).done().stdout, "No file is allowed.\n");
    fs::remove_file(home.project().join(".styxy.json")).unwrap();
    home.styxy(&["allow"]).exits(1);
}

#[test]
#[cfg(unix)]
fn a_shell_takes_an_allowed_text_as_it_is() {
    let home = home();
    home.styxy(&["allow"]).done();
    let lines = home.styxy(&["env"]).done().stdout;
    let said = finish(&mut home.shell(&format!("{lines} printf '%s' \"$DB\""))).done().stdout;
    assert!(said.starts_with("it's ") && said.ends_with("$HOME"), "{said}");
}

#[test]
#[cfg(unix)]
fn the_command_of_run_gets_the_texts_of_its_own_service() {
    let home = home();
    let run = |service: &str| {
        let words =
            ["run", "-s", service, "--", "sh", "-c", "echo $VITE_API $WEB_ORIGIN $STYXY_API_URL $PORT"];
        home.styxy(&words).done()
    };
    let shop = run("shop");
    let words: Vec<&str> = shop.stdout.split_whitespace().collect();
    let [vite, api, port] = words[..] else { panic!("{words:?}") };
    assert_eq!(vite, format!("{api}/v1"));
    assert!(home.range(sort::WEB).contains(&port.parse().unwrap()), "its type is that of the file: {port}");
    assert!(shop.stderr.contains("DB of .styxy.json is not set"), "{}", shop.stderr);
    assert!(!run("api").stdout.contains("/v1"));
}
