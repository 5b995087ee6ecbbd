use super::*;

fn of(repository: &str, linked: Option<&str>) -> String {
    let standing = Standing { repository: repository.to_owned(), linked: linked.map(str::to_owned) };
    Label::of_worktree(&standing).to_string()
}

#[test]
fn a_worktree_is_called_by_its_repository_and_its_own_name() {
    let long = "x".repeat(80);
    for (repository, linked, label) in [
        ("shop", None, "shop"),
        ("shop", Some("login"), "login-shop"),
        // What git itself calls the second worktree in a folder of that name.
        ("shop", Some("login1"), "login1-shop"),
        ("shop", Some("shop-login"), "shop-login"),
        ("shop", Some("login-shop"), "login-shop"),
        ("shop", Some("shop"), "shop-shop"),
        ("shop", Some("workshop"), "workshop-shop"),
        ("My Shop_2.0", Some("Fix #12"), "fix-12-my-shop-2-0"),
        ("Café", Some("Straße"), "strasse-cafe"),
        ("shop", Some("Ünï-code_日本"), "uni-code-shop-7fj3"),
        ("日本", None, "w-cmcf"),
        (&long, None, &format!("{}-iptt", "x".repeat(58))),
    ] {
        assert_eq!(of(repository, linked), label, "{repository} {linked:?}");
    }
}

#[test]
fn names_of_which_something_is_lost_stay_apart() {
    assert_ne!(of("日本", None), of("東京", None));
    assert_ne!(of("shop", Some("日本")), of("shop", Some("東京")));
    let (one, other) = (format!("{}1", "x".repeat(80)), format!("{}2", "x".repeat(80)));
    assert_ne!(of(&one, None), of(&other, None));
    assert_ne!(of("shop", Some("日本")), of("shop", None));
}

#[test]
fn an_accent_is_the_same_whether_it_is_a_character_of_its_own_or_not() {
    assert_eq!(of("cafe\u{301}", None), of("caf\u{e9}", None));
    assert_eq!(of("I\u{307}stanbul", None), of("\u{130}stanbul", None));
    assert_eq!(of("Tie\u{302}\u{301}ng-Vie\u{323}\u{302}t", None), of("Ti\u{1ebf}ng-Vi\u{1ec7}t", None));
    assert_eq!(of("Ti\u{1ebf}ng-Vi\u{1ec7}t", None), "tieng-viet");
}

#[test]
fn every_label_is_one_that_a_host_name_may_have() {
    let long = "x".repeat(300);
    for text in
        ["", "-", "--a--", ".", "..", "a..b", "ＡＢＣ", "\u{301}", "🦀", "\0", "a\n\r", &long, "-é-", "xn--a"]
    {
        for label in [of(text, None), of("shop", Some(text)), of(text, Some("login"))] {
            let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!((1..=63).contains(&label.len()) && label.bytes().all(is_fit), "{text:?}: {label}");
            assert!(!label.starts_with('-') && !label.ends_with('-'), "{text:?}: {label}");
        }
    }
}

#[test]
fn a_service_is_called_by_its_name_if_it_is_of_the_usual_type() {
    for (service, name, label) in [
        ("dev", None, "dev"),
        ("dev", Some("web"), "web"),
        ("api", None, "api"),
        ("storybook", Some("web"), "storybook-web"),
        ("dev", Some("packages.web_app"), "packages-web-app"),
        ("my_type", None, "my-type"),
        ("DEV", Some("web"), "web"),
    ] {
        let (service, name) =
            (ServiceType::new(service).unwrap(), name.map(|name| ServiceName::new(name).unwrap()));
        assert_eq!(Label::of_service(&Key { project: None, service, name }).as_str(), label);
    }
    let (service, name) = (ServiceType::new("dev").unwrap(), ServiceName::new(&"n".repeat(100)).ok());
    assert_eq!(Label::of_service(&Key { project: None, service, name }).as_str().len(), 63);
}

#[test]
fn a_second_one_of_the_same_name_is_numbered_or_hashed_within_the_limit() {
    let label = Label("x".repeat(63).into());
    assert!(label.numbered(2).as_str().ends_with("x-2") && label.numbered(2).as_str().len() == 63);
    assert_eq!(label.apart("/w/shop").as_str().len(), 63);
    assert_ne!(label.apart("/w/shop"), label.apart("/v/shop"));
}
