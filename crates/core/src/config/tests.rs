//! Files as people write them, right and wrong.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::parse::{KEYS, MAX_LENGTH, SERVICE_KEYS};
use super::{Config, ConfigError, InstanceBehavior, LogLevel, Quotas, Seconds, ServiceTypeConfig, parse};
use crate::json;
use crate::names::ServiceType;
use crate::port::{Port, PortRange};

fn config(text: &str) -> Config {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).config
}

fn mistake(text: &str) -> ConfigError {
    parse(text).map(|parsed| panic!("{text} was taken: {parsed:?}")).unwrap_err()
}

fn service(config: &Config, name: &str) -> ServiceTypeConfig {
    config.service_types[&ServiceType::new(name).unwrap()].clone()
}

fn numbers(ports: &[Port]) -> Vec<u16> {
    ports.iter().map(|port| port.get()).collect()
}

/// Puts `marked` into a file of several lines and expects the mistake at its `‸`, saying each of `says`.
#[track_caller]
fn refused(marked: &str, says: &[&str]) {
    let (before, after) = marked.split_once('‸').expect("a mark");
    let error = mistake(&format!("{before}{after}"));
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    assert_eq!((error.line, error.column), (line, column), "{marked}\n{error:?}");
    let whole = format!("{error} hint: {}", error.hint.as_deref().unwrap_or("none"));
    for part in says {
        assert!(whole.contains(part), "{part:?} is not in {whole:?}");
    }
}

/// A mistake in the entry of `dev`, on the fourth line.
#[track_caller]
fn refused_in_dev(marked: &str, says: &[&str]) {
    refused(
        &format!("{{\n  \"service_types\": {{\n    \"dev\": {{\n      {marked}\n\n    }}\n  }}\n}}\n"),
        says,
    );
}

/// A mistake in a key at the top, on the third line, before and after others.
#[track_caller]
fn refused_at_top(marked: &str, says: &[&str]) {
    refused(&format!("{{\n  \"bind_ttl\": 60,\n  {marked}  \n ,\n  \"log_level\": \"debug\"\n}}\n"), says);
}

#[test]
fn a_file_sets_what_it_names_and_nothing_else() {
    let parsed = parse(
        r#"{ "$schema": "./config.schema.json", "unbind_grace": 0.25, "listen_port": 80, "overflow_range": null,
             "strict_service_types": true, "log_level": null,
             "quotas": { "instances": 7, "metadata_bytes": null },
             "service_types": { "dev": { "preferred_ports": [3100] }, "ai": {}, "docs": null,
                                "game": { "port_range": [7000, 7000], "instance_behavior": "single" } } }"#,
    )
    .unwrap();
    let from_file =
        ["unbind_grace", "listen_port", "overflow_range", "strict_service_types", "quotas.instances"];
    let types = ["service_types.dev", "service_types.game"];
    assert_eq!(parsed.from_file, [&from_file[..], &types[..]].concat());

    let mut expected = Config { strict_service_types: true, overflow_range: None, ..Config::default() };
    expected.unbind_grace = Seconds::from_millis(250);
    expected.listen_port = Some(Port::new(80).unwrap());
    expected.quotas.instances = 7;
    let dev = expected.service_types.get_mut(&ServiceType::new("dev").unwrap()).unwrap();
    dev.preferred_ports = vec![Port::new(3100).unwrap()];
    let game = ServiceTypeConfig {
        preferred_ports: vec![],
        range: PortRange::new(Port::new(7000).unwrap(), Port::new(7000).unwrap()).unwrap(),
        description: String::new(),
        instance_behavior: InstanceBehavior::Single,
    };
    expected.service_types.insert(ServiceType::new("game").unwrap(), game);
    assert_eq!(parsed.config, expected);
}

#[test]
fn an_empty_object_a_null_and_a_byte_order_mark_set_nothing() {
    for text in ["{}", "\u{feff}{}", " \r\n{ }\r\n", r#"{"listen_port": null, "service_types": null}"#] {
        assert_eq!(parse(text).unwrap(), super::Parsed::default(), "{text:?}");
    }
}

#[test]
fn a_user_entry_keeps_the_built_in_fields_it_does_not_name() {
    let changed =
        config(r#"{"service_types": {"dev": {"range": [3100, 3199]}, "ai": {"preferred_ports": []}}}"#);
    assert_eq!(numbers(&service(&changed, "dev").preferred_ports), [3000, 8000]);
    assert_eq!(service(&changed, "dev").range.to_string(), "3100-3199");
    assert_eq!(service(&changed, "ai").instance_behavior, InstanceBehavior::Single);
    assert!(service(&changed, "ai").preferred_ports.is_empty());
}

#[test]
fn every_known_key_is_known() {
    for key in KEYS {
        assert!(parse(&format!("{{\"{key}\": null}}")).is_ok(), "{key}");
    }
    for key in SERVICE_KEYS {
        assert!(parse(&format!("{{\"service_types\": {{\"dev\": {{\"{key}\": null}}}}}}")).is_ok(), "{key}");
    }
}

#[test]
fn a_mistyped_key_is_refused_with_the_nearest_one() {
    refused_at_top(r#"‸"listenport": 1"#, &["listenport is not a known key", "mean listen_port?"]);
    refused_at_top(r#"‸"auto_allocation": null"#, &["auto_allocation is not a known key", "hint: none"]);
    refused_at_top(r#"‸"dev": {}"#, &["dev is not a known key", "put it into service_types"]);
    refused_at_top(r#"‸"a\u001bb": 1"#, &["a\\u{1b}b is not"]);
    refused_in_dev(
        r#"‸"prefered_ports": [1]"#,
        &["service_types.dev.prefered_ports is not", "mean preferred_ports?"],
    );
    refused_in_dev(r#""range": [1, 2], ‸"ports": [1]"#, &["allowed: preferred_ports, range, "]);
}

#[test]
fn a_quota_is_a_whole_number_in_its_range() {
    for (marked, allowed) in [
        (
            r#""quotas": {"instances": ‸0}"#,
            "quotas.instances: 0 is not a number of this kind; allowed: a whole number from 1 to 65535",
        ),
        (r#""quotas": {"leases_per_checkout": ‸65536}"#, "from 1 to 65535"),
        (r#""quotas": {"waiting_per_owner": ‸1.5}"#, "from 1 to 65535"),
        (r#""quotas": {"metadata_bytes": ‸-1}"#, "from 0 to 16384"),
        (r#""quotas": {"metadata_bytes": ‸"12"}"#, "from 0 to 16384"),
        (r#""quotas": ‸12"#, "is not an object"),
        (r#""quotas": {‸"instance": 12}"#, "mean instances?"),
    ] {
        refused_at_top(marked, &[allowed]);
    }
}

#[test]
fn a_key_that_comes_twice_is_refused_at_the_second() {
    refused_at_top(r#"‸"bind_ttl": 60"#, &["bind_ttl is there twice, the first on line 2"]);
    refused_in_dev(
        "\"range\": [1, 2],\n\n ‸\"range\": [1, 2]",
        &["service_types.dev.range is there twice", "line 4"],
    );
    refused_in_dev(
        "\"range\": [1, 2],\n ‸\"port_range\": [1, 2]",
        &["port_range is there twice, as range on line 4"],
    );
}

#[test]
fn what_is_no_port_is_refused_where_it_stands() {
    for bad in ["0", "70000", "-1", "3.5", "3000.0", "3e3", "\"abc\"", "true", "[3000]"] {
        let says = format!("listen_port: {bad} is not a port; allowed: a whole number from 1 to 65535");
        refused_at_top(&format!("\"listen_port\":   ‸{bad}"), &[&says]);
        let says = format!("service_types.dev.preferred_ports[1]: {bad} is not a port");
        refused_in_dev(&format!("\"preferred_ports\": [1,\n ‸{bad}\n ]"), &[&says]);
    }
    refused_at_top("\"listen_port\": ‸{\"a\": 1}", &["listen_port: an object is not a port"]);
    refused_at_top(r#""listen_port": ‸"3000""#, &["\"3000\" is not a port", "write 3000 without quotes"]);
    refused_in_dev("\"preferred_ports\": [‸null]", &["preferred_ports[0]: null is not a port"]);
}

#[test]
fn what_is_no_range_is_refused() {
    for key in ["range", "port_range"] {
        let says = [&*format!("service_types.dev.{key}: [8099, 8000] is reversed"), "write [8000, 8099]"];
        refused_in_dev(&format!("\"{key}\":\n\n\t‸[8099, 8000]"), &says);
    }
    refused_in_dev("\"range\": ‸[8000]", &["range: [8000] is not a range; allowed: [first, last]"]);
    refused_in_dev("\"range\": ‸[1, 2, 3]", &["range: [1, 2, 3] is not a range"]);
    refused_in_dev("\"range\": ‸[1,\n 2,\n 3]", &["range: a list of 3 is not a range"]);
    refused_in_dev("\"range\": ‸\"8000-8099\"", &["range: \"8000-8099\" is not a range"]);
    refused_in_dev("\"range\": [‸0, 8000]", &["range[0]: 0 is not a port"]);
    refused_in_dev("\"range\": [8000,\n   ‸70000 ]", &["range[1]: 70000 is not a port"]);
    refused_at_top("\"overflow_range\": ‸[2, 1]", &["overflow_range: [2, 1] is reversed"]);
}

#[test]
fn a_port_twice_or_too_many_are_refused() {
    refused_in_dev("\"preferred_ports\": [1, 2,\n ‸1]", &["preferred_ports[2]: 1 is there twice"]);
    refused_in_dev("\"preferred_ports\": ‸3000", &["preferred_ports: 3000 is not a list of ports"]);
    let many = |count: usize| format!("{:?}", (1..=count).collect::<Vec<_>>());
    refused_in_dev(&format!("\"preferred_ports\": ‸{}", many(65)), &["65 ports are too many; allowed: 64"]);
    let most = config(&format!("{{\"service_types\": {{\"dev\": {{\"preferred_ports\": {}}}}}}}", many(64)));
    assert_eq!(service(&most, "dev").preferred_ports.len(), 64);
}

#[test]
fn a_value_of_another_type_is_refused() {
    refused_at_top(r#""strict_service_types": ‸"yes""#, &["\"yes\" is not a switch; allowed: true or false"]);
    refused_at_top(r#""service_types": ‸[]"#, &["service_types: [] is not an object"]);
    refused_at_top(r#""$schema": ‸1"#, &["$schema: 1 is not a text"]);
    refused_in_dev(r#""description": ‸5"#, &["service_types.dev.description: 5 is not a text"]);
    refused("{\n\"service_types\": {\"dev\": ‸8000}}", &["service_types.dev: 8000 is not an object"]);
    for whole in ["[]", "3", "\"{}\"", "null", "true"] {
        refused(&format!("\n\n ‸{whole}\n"), &["the file: ", "is not an object"]);
    }
}

#[test]
fn durations_are_seconds_within_bounds() {
    for bad in ["0", "-1", "0.01", "\"30\"", "31622401", "1e300", "[1]"] {
        for key in ["cleanup_interval", "instance_ttl"] {
            let says = [&*format!("{key}: {bad} is not a duration"), "seconds from 0.1 to 31622400"];
            refused_at_top(&format!("\"{key}\": ‸{bad}"), &says);
        }
    }
    refused_at_top(
        "\"unbind_grace\": ‸-0.5",
        &["-0.5 is not a duration; allowed: a number of seconds from 0 to"],
    );
    let set =
        config(r#"{"unbind_grace": 0, "bind_ttl": 1.5, "instance_ttl": 3e1, "cleanup_interval": 31622400}"#);
    assert_eq!([set.unbind_grace, set.bind_ttl, set.instance_ttl].map(Seconds::millis), [0, 1500, 30_000]);
    assert!(Seconds::from_f64(f64::NAN).is_none() && serde_json::from_str::<Seconds>("-1").is_err());
}

#[test]
fn an_unknown_word_is_refused_with_the_nearest_one() {
    refused_at_top(
        r#""log_level": ‸"inof""#,
        &["\"inof\" is not a log level; allowed: error, warn, info, debug"],
    );
    refused_at_top(r#""log_level": ‸"Debug""#, &["did you mean debug?"]);
    refused_at_top(r#""log_level": ‸3"#, &["log_level: 3 is not a log level", "hint: none"]);
    refused_in_dev(r#""instance_behavior": ‸"singel""#, &["allowed: multi, single", "did you mean single?"]);
}

#[test]
fn words_are_those_of_the_wire() {
    for level in LogLevel::ALL {
        assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
    }
    for behavior in InstanceBehavior::ALL {
        assert_eq!(serde_json::to_value(behavior).unwrap(), behavior.as_str());
    }
}

#[test]
fn a_service_type_needs_a_valid_name_and_a_new_one_a_range() {
    refused(
        "{\"service_types\": {\n ‸\"bad name!\": null}}",
        &["\"bad name!\" is not a service type; allowed: letters"],
    );
    refused("{\"service_types\": {\n ‸\"\": {}}}", &["\"\" is not a service type"]);
    let says = ["service_types.dve2: a new service type needs \"range\": [first, last]", "hint: none"];
    refused("{\"service_types\": {\"dev\": {},\n ‸\"dve2\": {\"range\": null}}}", &says);
    refused("{\"service_types\": {\n  ‸\"storybok\": {}}}", &["did you mean storybook?"]);
}

#[test]
fn a_file_that_is_not_json_is_refused_at_the_wrong_character() {
    refused("‸", &["the file is empty; allowed: an object, for example {}"]);
    refused("‸ \n\n ", &["the file is empty"]);
    refused("{\n  \"bind_ttl\": 1,\n  ‸// why\n}", &["found /; allowed: a key", "JSON has no comments"]);
    refused("{\n  \"bind_ttl\": 1,\n‸}", &["found }; allowed: another key", "remove the comma before it"]);
    refused("{\n  \"bind_ttl\": 1\n  ‸\"log_level\": 2}", &["found \"; allowed: a comma or }"]);
    refused("{\n  ‸bind_ttl: 1}", &["found bind_ttl; allowed: a key in double quotes", "write \"bind_ttl\""]);
    refused("{‸'bind_ttl': 1}", &["found '; allowed: a key", "in double quotes"]);
    refused("{\"bind_ttl\" ‸= 1}", &["found =; allowed: a colon"]);
    refused("{\"bind_ttl\": ‸NaN}", &["found NaN; allowed: a value"]);
    refused("{\"bind_ttl\": ‸007}", &["007 is not a number"]);
    refused("{\"bind_ttl\": ‸1e999}", &["1e999 is not a number"]);
    refused("{\"bind_ttl\": ‸,}", &["found ,; allowed: a value"]);
    refused("{\"range\": [1,\n ‸]}", &["found ]; allowed: another value", "remove the comma"]);
    refused("{\"range\": [1 ‸2]}", &["found 2; allowed: a comma or ]"]);
    refused("{\n \"log_level\": ‸\"debug\n}", &["this text is not closed"]);
    refused("{\n \"log_level\": ‸\"\\x\"\n}", &["\"\\x\" is not a text: invalid escape"]);
    refused("{\"bind_ttl\": 1‸\n\n", &["the file ends here; allowed: a comma or }"]);
    refused("{}\n‸{}", &["found {; allowed: nothing after the value"]);
    refused("{\"ü\": \"ü\", ‸é}", &["found é; allowed: a key"]);
}

#[test]
fn a_deep_or_a_huge_file_is_refused() {
    let deep = |levels: usize| format!("{{\"x\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(mistake(&deep(31)).message.contains("x is not a known key"));
    for levels in [32, 100_000] {
        let error = mistake(&deep(levels));
        assert_eq!((error.line, error.column), (1, 7 + 31));
        assert!(error.message.contains("nested too deep"), "{error}");
    }
    let huge = format!("{{{}}}", " ".repeat(MAX_LENGTH));
    assert!(mistake(&huge).message.contains("allowed: up to 1048576"));
    let long = mistake(&format!("{{\"{}\": {}}}", "k".repeat(5000), "1".repeat(5000)));
    assert!(long.message.len() < 400, "{long}");
}

fn ports() -> impl Strategy<Value = Port> {
    (1..=u16::MAX).prop_map(|number| Port::new(number).unwrap())
}

prop_compose! {
    fn ranges()(one in ports(), other in ports()) -> PortRange {
        PortRange::new(one.min(other), one.max(other)).unwrap()
    }
}

prop_compose! {
    fn service_types()(
        preferred in prop::collection::btree_set(ports(), 0..=64),
        range in ranges(),
        description in any::<String>(),
        single in any::<bool>(),
    ) -> ServiceTypeConfig {
        let instance_behavior = if single { InstanceBehavior::Single } else { InstanceBehavior::Multi };
        ServiceTypeConfig { preferred_ports: preferred.into_iter().rev().collect(), range, description, instance_behavior }
    }
}

prop_compose! {
    fn configs()(
        listen_port in prop::option::of(ports()),
        level in 0..LogLevel::ALL.len(),
        [cleanup, bind, instance] in prop::array::uniform3(100..=Seconds::MAX.millis()),
        [grace, session] in prop::array::uniform2(0..=Seconds::MAX.millis()),
        end in prop::sample::select(&super::EndWith::ALL[..]),
        overflow_range in prop::option::of(ranges()),
        strict_service_types in any::<bool>(),
        [leases_per_checkout, waiting_per_owner, instances] in prop::array::uniform3(1..=65_535_u32),
        metadata_bytes in 0..=16_384_u32,
        named in prop::collection::btree_map("dev|ai|[A-Za-z0-9][A-Za-z0-9_-]{0,49}", service_types(), 0..5),
    ) -> Config {
        let named: BTreeMap<_, _> =
            named.into_iter().map(|(name, entry)| (ServiceType::new(&name).unwrap(), entry)).collect();
        let mut service_types = Config::default().service_types;
        service_types.extend(named);
        let [cleanup_interval, bind_ttl, instance_ttl] = [cleanup, bind, instance].map(Seconds::from_millis);
        Config {
            listen_port, log_level: LogLevel::ALL[level], cleanup_interval, bind_ttl,
            unbind_grace: Seconds::from_millis(grace), instance_ttl, overflow_range, strict_service_types, service_types,
            end_with: end, session_grace: Seconds::from_millis(session),
            quotas: Quotas { leases_per_checkout, waiting_per_owner, instances, metadata_bytes },
        }
    }
}

/// What `serde_json` would have read; of a key that comes twice, the last.
fn value(node: &json::Node<'_>) -> serde_json::Value {
    match &node.kind {
        json::Kind::Null => serde_json::Value::Null,
        json::Kind::Bool(on) => (*on).into(),
        json::Kind::Number => serde_json::from_str(node.text).unwrap(),
        json::Kind::Text(text) => (**text).into(),
        json::Kind::List(items) => items.iter().map(value).collect(),
        json::Kind::Object(members) => {
            members.iter().map(|member| (member.key.to_string(), value(&member.value))).collect()
        }
    }
}

proptest! {
    #[test]
    fn a_written_config_is_read_back(config in configs()) {
        for text in [serde_json::to_string(&config), serde_json::to_string_pretty(&config)] {
            prop_assert_eq!(&parse(&text.unwrap()).unwrap().config, &config);
        }
        let wire = serde_json::from_value::<Config>(serde_json::to_value(&config).unwrap());
        prop_assert_eq!(wire.unwrap(), config);
    }

    #[test]
    fn a_cut_config_is_refused_within_the_file(config in configs(), cut in any::<prop::sample::Index>()) {
        let text = serde_json::to_string_pretty(&config).unwrap();
        let cut = text.char_indices().map(|(at, _)| at).nth(cut.index(text.chars().count())).unwrap();
        let error = parse(&text[..cut]).unwrap_err();
        prop_assert!(error.line <= text[..cut].lines().count().max(1), "{:?}", error);
    }

    #[test]
    fn json_is_what_serde_takes_for_json(
        config in configs(),
        at in any::<prop::sample::Index>(),
        put in r#"[{}\[\]:,"\\/ntu01e+.\n -]|true|null|1, |\\\\u[d0][0-9]e9|"#,
    ) {
        let mut text = serde_json::to_string_pretty(&config).unwrap();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = *at.get(&places);
        let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
        text.replace_range(at..end, &put);
        match (json::read(&text, json::Form::Strict), serde_json::from_str::<serde_json::Value>(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(value(&ours), theirs),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{text:?}: {ours:?} {theirs:?}"),
        }
    }
}
