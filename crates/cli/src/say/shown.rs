//! What a person sees, for tests: answers and failures without colours, compared with a file in `snapshots/`.
//!
//! The test names the file, which lies beside the code. `INSTA_UPDATE=always cargo test` writes the files again.

use std::io;
use std::path::Path;

use anstream::adapter::strip_bytes;

use crate::say::failure::Failure;
use crate::say::output;
use crate::say::table::Table;

/// Compares `shown` with the file `snapshots/NAME.snap` beside the test.
macro_rules! snapshot {
    ($name:expr, $shown:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $shown));
    }};
}
pub(crate) use snapshot;

/// What `write` writes, without colours.
pub(crate) fn plain(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(strip_bytes(&out).into_vec()).unwrap()
}

/// What a failing command prints, and its exit code.
pub(crate) fn failed(failure: impl Into<Failure>) -> String {
    let failure = failure.into();
    let exit = failure.exit().code();
    let said = plain(|out| output::words(&failure.into_refusal(), out));
    format!("{said}exits {exit}\n")
}

/// `shown` as it would be on Linux if `folder` were `named`, so that a file fits every machine.
pub(crate) fn moved(shown: &str, folder: &Path, named: &str) -> String {
    shown.replace(folder.to_str().unwrap(), named).replace('\\', "/")
}

/// Several cases in one file, each under its title.
pub(crate) fn each<T: AsRef<str>>(cases: impl IntoIterator<Item = (T, String)>) -> String {
    let cases = cases.into_iter().map(|(title, shown)| format!("== {}\n{shown}", title.as_ref()));
    cases.collect::<Vec<_>>().join("\n")
}

/// A table where there is room for all of it, and on terminals from 200 to 40 columns.
pub(crate) fn at_widths<const COLUMNS: usize>(table: &Table<COLUMNS>) -> String {
    each([None, Some(200), Some(120), Some(100), Some(80), Some(60), Some(40)].map(|width| {
        let title = width.map_or("no terminal".to_owned(), |width| format!("{width} columns"));
        (title, plain(|out| table.print(width, out)))
    }))
}
