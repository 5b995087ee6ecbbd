//! Which variables a project's file may have set to texts of its own: under `styxy up`, and where nobody asked for it.
//!
//! An ending is no fence: of 13 variables tried that look like addresses, 12 made a tool send its requests there, one with
//! the user's token.

use super::env_name::{self, EnvName};
use super::service::Service;
use super::text::{Fact, Part, Place, Text};
use crate::invalid::Invalid;

/// The longest name, in bytes.
const LONGEST: usize = 100;

/// Variables that loaders, shells and tools act on, beside those of [`env_name`].
const NAMES: [&str; 3] = ["LESSOPEN", "PS4", "ZDOTDIR"];
const BEGINNINGS: [&str; 42] = [
    "_JAVA",
    "ANTHROPIC_",
    "AWS_",
    "AZURE_",
    "BUNDLE_",
    "BUN_",
    "CLAUDE",
    "CLOUDSDK_",
    "CODEX_",
    "COMPOSE_",
    "COREPACK_",
    "CURL_",
    "CURSOR_",
    "DBUS_",
    "DENO_",
    "DOCKER_",
    "GEMINI_",
    "GEM_",
    "GH_",
    "GITHUB_",
    "GITLAB_",
    "GO",
    "GPG_",
    "GRADLE_",
    "HELM_",
    "HF_",
    "JDK_",
    "KUBE",
    "MAVEN_",
    "MCP_",
    "NX_",
    "OPENAI_",
    "PIP_",
    "SSL_",
    "STYXY_",
    "SUDO_",
    "SYSTEMD_",
    "TURBO_",
    "UV_",
    "VERCEL_",
    "VIRTUAL_ENV",
    "WSLENV",
];
const ENDINGS: [&str; 2] = ["_PROXY", "_CA_BUNDLE"];
/// Such a name is Node's, and it is harmless.
const HARMLESS: &str = "NODE_ENV";

/// What front-end tools put into pages that everybody may read.
const PUBLIC: [&str; 9] = [
    "VITE_",
    "NEXT_PUBLIC_",
    "PUBLIC_",
    "NUXT_PUBLIC_",
    "REACT_APP_",
    "EXPO_PUBLIC_",
    "VUE_APP_",
    "GATSBY_",
    "NG_APP_",
];
/// What the address of a service may be called, behind its label.
const ADDRESSES: [&str; 3] = ["_URL", "_ORIGIN", "_HOST"];

/// Checks the name of a variable that a file gives a server that `styxy up` starts (R141). Upper and lower case are no
/// difference. What the file runs is code anyway, so this guards against accidents only.
///
/// # Errors
/// It has not the form, or is known to be taken for something else than an address of a server.
pub fn check(name: &str) -> Result<(), Invalid> {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !letters
        || name.len() > LONGEST
        || name.starts_with(|first: char| first.is_ascii_digit())
        || name.is_empty()
    {
        let allowed = "up to 100 letters, digits and _, beginning with a letter or _";
        return Err(Invalid::text(name, "is not the name of a variable", allowed));
    }
    let upper = name.to_ascii_uppercase();
    if upper == "PORT" {
        return Err(Invalid::text(name, "is always the server's own port", "another name"));
    }
    if upper == HARMLESS {
        return Ok(());
    }
    let is_refused = env_name::is_dangerous(&upper)
        || NAMES.contains(&&*upper)
        || BEGINNINGS.iter().any(|beginning| upper.starts_with(beginning))
        || ENDINGS.iter().any(|ending| upper.ends_with(ending));
    if !is_refused {
        return Ok(());
    }
    let problem = "is not for a project's file to set: programs act on it, whatever it holds";
    Err(Invalid::text(
        name,
        problem,
        "another name; or write it into \"run\", such as \"NAME=value command\"",
    ))
}

/// Whether a file's variable may be set where nobody has asked for it: in an agent's own shell, and by `styxy env` (R142).
///
/// It may if its name says PORT and its value is a port; or if its name is that of a front-end tool's public variable, or of the
/// address of one of the file's `services`, and its value consists of addresses of the file's services.
#[must_use]
pub fn is_harmless(name: &str, value: &Text, services: &[Service]) -> bool {
    if EnvName::for_project(name).is_ok() {
        return is_port(value);
    }
    if check(name).is_err() {
        return false;
    }
    let is_public = PUBLIC.iter().any(|prefix| name.starts_with(prefix));
    let is_address = ADDRESSES.iter().any(|ending| {
        let label = name.strip_suffix(ending);
        label.is_some_and(|label| {
            services.iter().any(|service| variable_part(service.label.as_str()) == label)
        })
    });
    (is_public || is_address) && is_addresses(value)
}

/// `MY_API` for the label `my-api`: what variables call a service.
#[must_use]
pub fn variable_part(label: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    label.chars().map(letter).collect()
}

fn is_port(value: &Text) -> bool {
    matches!(value.parts(), [Part::Place(Place::Of(_, Fact::Port))])
}

/// Where a text of addresses is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// An address has to follow.
    Start,
    /// Right behind the host and the port.
    Host,
    /// Behind a slash.
    Path,
}

/// Whether the text consists of addresses with commas between them. A place alone is not enough: in `{api.url}@example.com` the
/// server of this machine has become a user's name.
fn is_addresses(value: &Text) -> bool {
    if let [Part::Place(Place::Of(_, Fact::Host))] = value.parts() {
        return true;
    }
    let mut at = At::Start;
    for part in value.parts() {
        match part {
            Part::Place(place) => {
                let is_address = match place {
                    Place::Of(_, Fact::Url | Fact::NamedUrl | Fact::Origin | Fact::NamedOrigin) => true,
                    Place::Of(_, Fact::Host | Fact::Port) | Place::Slug | Place::SlugUnderscored => false,
                };
                at = match at {
                    At::Start if is_address => At::Host,
                    At::Start | At::Host => return false,
                    At::Path => At::Path,
                };
            }
            Part::Plain(plain) => {
                for letter in plain.chars() {
                    at = match (at, letter) {
                        (At::Host | At::Path, ',') => At::Start,
                        (At::Host | At::Path, '/' | '?' | '#') => At::Path,
                        (At::Path, letter)
                            if letter.is_ascii_alphanumeric() || "-._~&=:%+@".contains(letter) =>
                        {
                            At::Path
                        }
                        (At::Start | At::Host | At::Path, _) => return false,
                    };
                }
            }
        }
    }
    at != At::Start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_act_on_is_refused_in_any_case() {
        let refused = [
            // Of the 13 that look like addresses, each that was tried.
            "PIP_INDEX_URL",
            "npm_config_registry",
            "NPM_CONFIG_REGISTRY",
            "pnpm_config_registry",
            "COREPACK_NPM_REGISTRY",
            "http_proxy",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "DOCKER_HOST",
            "GOPROXY",
            "RUSTUP_DIST_SERVER",
            "TURBO_API",
            "UV_INDEX_URL",
            "pnpm_config_script_shell",
            "LD_PRELOAD",
            "ld_preload",
            "NODE_OPTIONS",
            "Node_Options",
            "PATH",
            "Path",
            "SSL_CERT_FILE",
            "REQUESTS_CA_BUNDLE",
            "STYXY_HOME",
            "PORT",
            "port",
            "PROMPT_COMMAND",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CONFIG_DIR",
            "COMPOSE_FILE",
            "_JAVA_OPTIONS",
            "A B",
            "1A",
            "",
            "A=B",
            "A\n",
            "\u{fc}",
        ];
        for name in refused {
            assert!(check(name).is_err(), "{name}");
        }
        for name in ["API_URL", "DATABASE_URL", "VITE_API", "NODE_ENV", "_x", "web_origin", "WEB_PORT"] {
            assert!(check(name).is_ok(), "{name}: {:?}", check(name));
        }
        assert!(check(&"X".repeat(101)).is_err());
    }

    #[test]
    fn unasked_only_addresses_of_the_files_own_services_are_set() {
        let services = ["my-api", "docker", "npm"]
            .map(|label| Service::new(label.parse().unwrap(), "api".parse().unwrap()));
        let harmless = |name: &str, value: &str| is_harmless(name, &Text::parse(value).unwrap(), &services);
        for (name, value) in [
            ("WEB_PORT", "{my-api.port}"),
            ("VITE_API", "{my-api.url}"),
            ("NEXT_PUBLIC_API", "{my-api.named_url}/v1?x=1"),
            ("MY_API_ORIGIN", "{my-api.origin},{my-api.named_origin}"),
            ("MY_API_HOST", "{my-api.host}"),
            ("VITE_X", "{my-api.url}/{slug}/{docker.port}"),
        ] {
            assert!(harmless(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("WEB_PORT", "1"),
            ("WEB_PORT", "{my-api.url}"),
            ("DATABASE_URL", "{my-api.url}"),
            ("DOCKER_HOST", "{docker.host}"),
            ("NPM_URL", "{npm.url}"),
            ("vite_api", "{my-api.url}"),
            ("VITE_API", "https://example.com"),
            ("VITE_API", "{my-api.url}@example.com"),
            ("VITE_API", "{my-api.url}.example.com"),
            ("VITE_API", "{my-api.host}.example.com"),
            ("VITE_API", "{my-api.url}{docker.port}"),
            ("VITE_API", "{slug}.example.com"),
            ("VITE_API", "{my-api.url},https://example.com"),
            ("VITE_API", "{my-api.url}/'; id; '"),
            ("VITE_API", "{my-api.url}/$HOME"),
            ("VITE_API", "{my-api.url}/`id`"),
            ("VITE_API", "{my-api.url},"),
            ("VITE_API", ""),
        ] {
            assert!(!harmless(name, value), "{name}={value}");
        }
    }
}
