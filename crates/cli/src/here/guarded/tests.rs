use super::*;
use std::fs;

fn values(home: &Path, set: &[(&str, &str)]) -> Result<Vec<(&'static str, String)>, Cannot> {
    let set = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
    Ok(Guard::install(&Layout::new(home.to_owned()), set)?.variables(set))
}

fn value(values: &[(&'static str, String)], name: &str) -> String {
    values.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

#[test]
#[cfg(has_guard_library)]
fn ours_comes_first_and_only_once_and_others_stay() {
    let top = tempfile::tempdir().unwrap();
    let once = values(top.path(), &[]).unwrap();
    let library = value(&once, PRELOAD);
    assert!(Path::new(&library).is_file(), "{once:?}");
    assert_eq!(
        (value(&once, "ASAN_OPTIONS").as_str(), value(&once, "PATH").as_str()),
        ("verify_asan_link_order=0", "")
    );
    let shell = value(&once, BASH_ENV);
    assert!(Path::new(&shell).is_file() && crate::here::agent_settings::recognised::is_shell_file(&shell));
    let own = format!("/lib/mine.so {library}");
    let set = [
        ("LD_PRELOAD", own.as_str()),
        ("ASAN_OPTIONS", "detect_leaks=0"),
        ("PATH", "/usr/bin:/bin"),
        ("BASH_ENV", "/my/own"),
    ];
    let twice = values(top.path(), &set).unwrap();
    assert_eq!(value(&twice, PRELOAD), format!("{library}:/lib/mine.so"));
    assert_eq!(value(&twice, "ASAN_OPTIONS"), "detect_leaks=0:verify_asan_link_order=0");
    let shims = top.path().join("guard/bin");
    assert_eq!(value(&twice, "PATH"), format!("{}:/usr/bin:/bin", shims.display()));
    assert_eq!((value(&twice, "STYXY_BASH_ENV").as_str(), value(&twice, BASH_ENV)), ("/my/own", shell));
}

#[test]
#[cfg(has_guard_library)]
fn a_folder_that_a_list_cannot_name_is_avoided() {
    let top = tempfile::tempdir().unwrap();
    let (home, runtime) = (top.path().join("my home"), top.path().join("run"));
    let given = values(&home, &[("XDG_RUNTIME_DIR", runtime.to_str().unwrap())]).unwrap();
    assert!(value(&given, PRELOAD).starts_with(runtime.join("styxy").to_str().unwrap()), "{given:?}");
    let blank = top.path().join("a b");
    let refused = values(&home, &[("XDG_RUNTIME_DIR", blank.to_str().unwrap())]).unwrap_err();
    assert!(matches!(refused, Cannot::Path(_)));
}

#[test]
#[cfg(has_guard_library)]
fn what_was_changed_is_written_again_and_an_older_program_goes() {
    let top = tempfile::tempdir().unwrap();
    let first = values(top.path(), &[]).unwrap();
    let (library, guard) = (value(&first, PRELOAD), top.path().join("guard"));
    fs::write(&library, "broken").unwrap();
    fs::remove_file(guard.join("bin/kill")).unwrap();
    fs::write(guard.join("bin/kill"), "broken").unwrap();
    fs::write(guard.join("styxy-0.0.1"), "old").unwrap();
    assert_eq!(value(&values(top.path(), &[]).unwrap(), PRELOAD), library);
    assert_eq!(Some(&fs::read(&library).unwrap()[..]), library::LIBRARY);
    let names = |folder: &Path| {
        let mut names: Vec<OsString> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert!(fs::metadata(guard.join("bin/kill")).unwrap().len() > 1000);
    assert!(names(&guard).iter().all(|name| is_ours(name)), "{:?}", names(&guard));
    assert_eq!(names(&guard).len(), 4);
    assert_eq!(
        names(&guard.join("bin")),
        [".styxy-shims", "fuser", "kill", "kill-judge", "killall", "pkill", "skill"]
    );
}
