//! Tables for people: no lines, two spaces between columns; paths are shortened if the terminal is narrow.

use std::io::{self, Write};
use std::path::{Component, Path};

use comfy_table::{CellAlignment, Table as Grid, presets};
use unicode_width::UnicodeWidthStr;

use crate::say::output::{STRONG, one_line};

/// One cell.
pub(crate) enum Cell {
    /// Shown unchanged.
    Text(String),
    /// A path, of which only the last components are shown where there is no room for all.
    Path(String),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What is shown where nothing is known.
pub(crate) const UNKNOWN: &str = "-";

/// A header and rows with as many cells. A first column called PORT is aligned to the right.
pub(crate) struct Table<const COLUMNS: usize> {
    header: [&'static str; COLUMNS],
    rows: Vec<[Cell; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) const fn new(header: [&'static str; COLUMNS]) -> Self {
        Self { header, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [Cell; COLUMNS]) {
        self.rows.push(cells);
    }

    /// Writes the table, at most `width` columns wide if the paths can be shortened that far.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub(crate) fn print(&self, width: Option<usize>, out: &mut impl Write) -> io::Result<()> {
        let shown = self.fitting(width);
        let (header, rows) = shown.split_once('\n').unwrap_or((&shown, ""));
        writeln!(out, "{STRONG}{header}{STRONG:#}")?;
        if rows.is_empty() { Ok(()) } else { writeln!(out, "{rows}") }
    }

    fn fitting(&self, width: Option<usize>) -> String {
        let whole = self.render(usize::MAX);
        let Some(width) = width else { return whole };
        let fits = |text: &String| text.lines().all(|line| line.width() <= width);
        if fits(&whole) {
            return whole;
        }
        let shorter = [4, 3, 2].into_iter().map(|components| self.render(components)).find(fits);
        shorter.unwrap_or_else(|| self.render(1))
    }

    fn render(&self, components: usize) -> String {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING).set_header(self.header);
        for row in &self.rows {
            grid.add_row(row.iter().map(|cell| match cell {
                Cell::Text(text) => one_line(text).into_owned(),
                Cell::Path(path) => one_line(&last_components(path, components)).into_owned(),
            }));
        }
        for column in grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if let ("PORT", Some(ports)) = (self.header[0], grid.column_mut(0)) {
            ports.set_cell_alignment(CellAlignment::Right);
        }
        grid.trim_fmt()
    }
}

/// `path` with the home folder written `~`, in one line.
pub(crate) fn tilde(path: &str, home: Option<&Path>) -> String {
    let path = &*one_line(path);
    let home = home.filter(|home| home.components().count() > 1);
    match home.and_then(|home| Path::new(path).strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.to_owned(),
    }
}

/// The last `most` components of `path`, after an ellipsis if there are more.
fn last_components(path: &str, most: usize) -> String {
    let components = || Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
    let count = components().count();
    if count <= most {
        return path.to_owned();
    }
    let last: Vec<_> =
        components().skip(count - most).map(|part| part.as_os_str().to_string_lossy()).collect();
    format!("…/{}", last.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<4> {
        let mut table = Table::new(["PORT", "SERVICE", "PROJECT", "SINCE"]);
        table.row([
            "80".into(),
            "dev/web".into(),
            Cell::Path("~/code/shop/frontend".into()),
            "3 min ago".into(),
        ]);
        table.row(["10000".into(), "api".into(), Cell::Path("/w/app".into()), "2 h ago".into()]);
        table
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let expected = " PORT  SERVICE  PROJECT               SINCE
   80  dev/web  ~/code/shop/frontend  3 min ago
10000  api      /w/app                2 h ago";
        assert_eq!(table().fitting(None), expected);
        assert_eq!(table().fitting(Some(80)), expected);
    }

    #[test]
    fn a_narrow_terminal_shows_the_last_components_of_paths() {
        let expected = " PORT  SERVICE  PROJECT     SINCE
   80  dev/web  …/frontend  3 min ago
10000  api      …/app       2 h ago";
        assert_eq!(table().fitting(Some(40)), expected);
        assert_eq!(table().fitting(Some(5)), expected);
    }

    #[test]
    fn a_letter_takes_as_many_columns_as_a_terminal_gives_it() {
        let mut table = Table::new(["PROJECT", "SINCE"]);
        // Two columns for each of the first four letters, and none for the accent.
        table.row([Cell::Path("/w/店舗/🦀🦀/cafe\u{301}".into()), "1 s ago".into()]);
        let whole = "PROJECT            SINCE\n/w/店舗/🦀🦀/cafe\u{301}  1 s ago";
        let shorter = "PROJECT           SINCE\n…/店舗/🦀🦀/cafe\u{301}  1 s ago";
        assert_eq!(table.fitting(None), whole);
        assert_eq!(table.fitting(Some(26)), whole);
        assert_eq!(table.fitting(Some(25)), shorter);
    }

    #[test]
    fn another_programs_name_stays_in_its_cell() {
        let mut table = Table::new(["PROCESS"]);
        table.row(["a\nb\u{1b}[1m".into()]);
        assert_eq!(table.fitting(None), "PROCESS\na\\nb\\u{1b}[1m");
    }

    #[test]
    fn the_home_folder_is_a_tilde() {
        let home = Some(Path::new("/home/ada"));
        assert_eq!(tilde("/home/ada/shop", home), "~/shop");
        assert_eq!(tilde("/home/ada", home), "~");
        assert_eq!(tilde("/home/adam/shop", home), "/home/adam/shop");
        assert_eq!(tilde("/home/ada/shop", None), "/home/ada/shop");
        assert_eq!(tilde("/srv/shop", Some(Path::new("/"))), "/srv/shop");
    }
}
