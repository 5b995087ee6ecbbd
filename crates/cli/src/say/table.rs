//! Tables for people: no lines, two spaces between columns, and no line wider than the terminal.
//!
//! Where there is not enough room, columns that matter less are left out, and the widest ones are cut. A path loses folders
//! from its left, any other text its end. Nothing is ever wrapped.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::Style;

use crate::say::output::{STRONG, one_line};
use crate::say::width::{cut, cut_process, end_of_path, width};

/// What is shown where nothing is known.
pub(crate) const UNKNOWN: &str = "-";
/// Between two columns.
const GAP: usize = 2;
/// A column with a number up to this is left out before the others are cut too short.
const OPTIONAL: u8 = 4;

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    kind: Kind,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Path,
    Process,
}

impl Cell {
    /// A path, of which the last folders are shown where there is no room for all.
    pub(crate) fn path(path: String) -> Self {
        Self { kind: Kind::Path, ..path.into() }
    }

    /// A process: its name is cut, and its pid stays while there is room for it.
    pub(crate) fn process(text: String) -> Self {
        Self { kind: Kind::Process, ..text.into() }
    }

    /// The same in a colour.
    pub(crate) fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// As much of it as fits, at least one column.
    pub(crate) fn at_width(&self, room: usize) -> Cow<'_, str> {
        if width(&self.text) <= room {
            return Cow::Borrowed(&self.text);
        }
        match self.kind {
            Kind::Text => cut(&self.text, room).into(),
            Kind::Process => cut_process(&self.text, room).into(),
            Kind::Path => end_of_path(&self.text, room).into(),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        let text = one_line(&text).into_owned();
        Self { text, kind: Kind::Text, style: Style::new() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A column: its title, and what becomes of it where there is not enough room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    /// The narrowest that it may be.
    least: usize,
    /// As narrow as it gets while there are optional columns.
    good: usize,
    leaves: u8,
    unknown: Unknown,
}

/// What becomes of a column in which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Shown,
    LeftOut,
}

impl Column {
    /// A column that is cut only if the others are as narrow as they may be. One of numbers, PORT or MEMORY, is aligned to the right.
    pub(crate) const fn new(title: &'static str) -> Self {
        Self { title, least: usize::MAX, good: usize::MAX, leaves: u8::MAX, unknown: Unknown::Shown }
    }

    /// It may be cut to this width.
    pub(crate) const fn at_least(self, least: usize) -> Self {
        Self { least, good: least, ..self }
    }

    /// Optional columns are left out before this one is cut to less than that.
    pub(crate) const fn better(self, good: usize) -> Self {
        Self { good, ..self }
    }

    /// It is left out before those with a greater number; with one of up to 4 it is optional. The first column always stays.
    pub(crate) const fn leaves(self, leaves: u8) -> Self {
        Self { leaves, ..self }
    }

    /// It is left out if nothing in it is known.
    pub(crate) const fn if_known(self) -> Self {
        Self { unknown: Unknown::LeftOut, ..self }
    }

    const fn least(&self) -> usize {
        self.least
    }

    const fn good(&self) -> usize {
        self.good
    }

    fn is_to_the_right(&self) -> bool {
        matches!(self.title, "PORT" | "MEMORY")
    }
}

/// A header and rows with as many cells.
#[derive(Debug, Clone)]
pub(crate) struct Table<const COLUMNS: usize> {
    columns: [Column; COLUMNS],
    rows: Vec<[Cell; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) const fn new(columns: [Column; COLUMNS]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [Cell; COLUMNS]) {
        self.rows.push(cells);
    }

    /// Writes the table, at most `room` columns wide; none: as wide as it is.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub(crate) fn print(&self, room: Option<usize>, out: &mut impl Write) -> io::Result<()> {
        for line in self.lines(room) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// The header and the rows, each a line with colours.
    pub(crate) fn lines(&self, room: Option<usize>) -> Vec<String> {
        let shown = self.layout(room);
        let header = self.columns.map(|column| Cell::from(column.title).styled(STRONG));
        std::iter::once(&header).chain(&self.rows).map(|cells| self.line(&shown, cells)).collect()
    }

    fn line(&self, shown: &[(usize, usize)], cells: &[Cell; COLUMNS]) -> String {
        let mut line = String::new();
        let mut gap = 0;
        for (at, room) in shown {
            let text = cells[*at].at_width(*room);
            let left = room - width(&text);
            let is_to_the_right = self.columns[*at].is_to_the_right();
            let before = gap + if is_to_the_right { left } else { 0 };
            gap = GAP + if is_to_the_right { 0 } else { left };
            line.extend(std::iter::repeat_n(' ', before));
            let style = cells[*at].style;
            let (begin, end) = (style.render().to_string(), style.render_reset().to_string());
            line.extend([begin.as_str(), &text, &end]);
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// Which columns are shown, and how wide each is.
    fn layout(&self, room: Option<usize>) -> Vec<(usize, usize)> {
        let is_known = |at: usize| self.rows.iter().any(|row| row[at].text != UNKNOWN);
        let mut shown: Vec<(usize, usize)> = (0..COLUMNS)
            .filter(|at| self.columns[*at].unknown == Unknown::Shown || is_known(*at))
            .map(|at| (at, self.natural_width(at)))
            .collect();
        let Some(room) = room.map(|room| room.max(1)) else { return shown };
        self.leave_out(&mut shown, room);
        let widths = |limit: usize| {
            shown
                .iter()
                .map(move |(at, wide)| (*wide).min(self.columns[*at].least.max(limit)))
                .collect::<Vec<_>>()
        };
        let widest = shown.iter().map(|(_, wide)| *wide).max().unwrap_or(1);
        let fits = |limit: &usize| total(&widths(*limit)) <= room;
        let widths = widths((1..=widest.min(room)).rev().find(fits).unwrap_or(1));
        let mut left = room.saturating_sub(total(&widths));
        for ((at, wide), cut) in shown.iter_mut().zip(widths) {
            // What is left over when all are as wide as the limit goes to the first ones that are cut.
            let more = usize::from(cut < *wide && left > 0);
            left -= more;
            // A path may need less than it got.
            *wide = self.used_width(*at, (cut + more).min(room));
        }
        shown
    }

    /// Leaves columns out until the others may be as narrow as it takes: first the optional ones.
    fn leave_out(&self, shown: &mut Vec<(usize, usize)>, room: usize) {
        for (most, width) in [(OPTIONAL, Column::good as fn(&Column) -> usize), (u8::MAX, Column::least)] {
            let leaves = |at: usize| self.columns[at].leaves;
            let narrow = |(at, wide): &(usize, usize)| (*wide).min(width(&self.columns[*at]));
            while total(&shown.iter().map(narrow).collect::<Vec<_>>()) > room {
                // Of several with the same number the one to the right.
                let places = (1..shown.len()).rev().filter(|place| leaves(shown[*place].0) <= most);
                let Some(next) = places.min_by_key(|place| leaves(shown[*place].0)) else { break };
                shown.remove(next);
            }
        }
    }

    /// How much of `room` a column needs.
    fn used_width(&self, at: usize, room: usize) -> usize {
        let cells = self.rows.iter().map(|row| width(&row[at].at_width(room)));
        cells.chain([width(self.columns[at].title).min(room)]).max().unwrap_or(room)
    }

    fn natural_width(&self, at: usize) -> usize {
        let cells = self.rows.iter().map(|row| width(&row[at].text));
        cells.chain([width(self.columns[at].title)]).max().unwrap_or(0)
    }
}

/// How wide columns of these widths are together.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, plain, snapshot};
    use proptest::prelude::*;
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

    fn table() -> Table<4> {
        let mut table = Table::new([
            Column::new("PORT"),
            Column::new("SERVICE").at_least(5).leaves(3),
            Column::new("PROJECT").at_least(6).leaves(2),
            Column::new("SINCE").leaves(1),
        ]);
        table.row([
            "80".into(),
            "dev/web".into(),
            Cell::path("~/code/shop/frontend".into()),
            "3 min ago".into(),
        ]);
        table.row(["10000".into(), "api".into(), Cell::path("/w/app".into()), "2 h ago".into()]);
        table
    }

    fn shown<const COLUMNS: usize>(table: &Table<COLUMNS>, room: impl Into<Option<usize>>) -> String {
        plain(|out| table.print(room.into(), out))
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let expected = " PORT  SERVICE  PROJECT               SINCE
   80  dev/web  ~/code/shop/frontend  3 min ago
10000  api      /w/app                2 h ago
";
        assert_eq!(shown(&table(), None), expected);
        assert_eq!(shown(&table(), 80), expected);
    }

    #[test]
    fn where_there_is_little_room_the_widest_are_cut_and_what_matters_least_leaves() {
        let rooms = [46, 40, 34, 24, 20, 12, 5, 3, 1, 0];
        let shown = rooms.map(|room| (format!("{room} columns"), shown(&table(), room)));
        snapshot!("narrow_tables", each(shown));
    }

    #[test]
    fn a_letter_takes_as_many_columns_as_a_terminal_gives_it() {
        let columns = [Column::new("PROJECT").at_least(4), Column::new("SINCE")];
        let mut table = Table::new(columns);
        // Two columns for each of the first four letters, and none for the accent.
        table.row([Cell::path("/w/店舗/🦀🦀/cafe\u{301}".into()), "1 s ago".into()]);
        let whole = "PROJECT            SINCE\n/w/店舗/🦀🦀/cafe\u{301}  1 s ago\n";
        let shorter = "PROJECT           SINCE\n…/店舗/🦀🦀/cafe\u{301}  1 s ago\n";
        assert_eq!(shown(&table, None), whole);
        assert_eq!(shown(&table, 26), whole);
        assert_eq!(shown(&table, 25), shorter);
        assert_eq!(shown(&table, 14), "PROJ…  SINCE\n…cafe\u{301}  1 s ago\n");
    }

    #[test]
    fn a_pid_stays_where_its_programs_name_is_cut() {
        let cell = Cell::process("next-server (1767123)".to_owned());
        let at = |room| cell.at_width(room).into_owned();
        assert_eq!([14, 11, 9].map(at), ["nex… (1767123)", "… (1767123)", "next-ser…"]);
    }

    #[test]
    fn another_programs_name_stays_in_its_cell() {
        let mut table = Table::new([Column::new("PROCESS")]);
        table.row(["a\nb\u{1b}[1m".into()]);
        assert_eq!(shown(&table, None), "PROCESS\na\\nb\\u{1b}[1m\n");
    }

    #[test]
    fn a_column_of_which_nothing_is_known_may_be_left_out() {
        let mut table = Table::new([Column::new("PORT"), Column::new("BRANCH").if_known()]);
        table.row(["80".into(), UNKNOWN.into()]);
        assert_eq!(shown(&table, None), "PORT\n  80\n");
        table.row(["81".into(), "main".into()]);
        assert_eq!(shown(&table, None), "PORT  BRANCH\n  80  -\n  81  main\n");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            rows in prop::collection::vec(
                [text(), text(), text(), text()], 0..4),
            room in 1_usize..220,
        ) {
            let mut table = Table::new([
                Column::new("PORT"),
                Column::new("WHO").at_least(9).leaves(2),
                Column::new("PROJECT").at_least(6).leaves(3).if_known(),
                Column::new("FOLDER").at_least(3).leaves(1),
            ]);
            for [port, who, project, folder] in rows {
                table.row([port.into(), who.into(), project.into(), Cell::path(folder)]);
            }
            for line in shown(&table, room).lines() {
                let characters: usize = line.chars().map(|character| character.width().unwrap_or(0)).sum();
                prop_assert!(width(line) <= room && line.width() <= room && characters <= room, "{line:?}");
            }
        }
    }

    /// Anything, and more often what takes no column, two, or several characters.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>().prop_map(String::from),
            "[a-z/]{1,8}",
            prop::sample::select(vec![
                "店",
                "🦀",
                "e\u{301}",
                "👩\u{200d}💻",
                "🇩🇪",
                "❤\u{fe0f}",
                "/",
                " ",
                "لا"
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }
}
