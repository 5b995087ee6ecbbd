//! The lines of the screen.

use std::path::Path;

use anstyle::Style;
use styxy_core::WallTime;
use styxy_core::api::SessionView;
use styxy_core::printable::tilde;

use super::row::Row;
use super::state::{Mode, State};
use crate::commands::list::rows::{state as state_cell, who};
use crate::commands::list::seen::has_lease;
use crate::commands::list::watch;
use crate::say::age::ago;
use crate::say::output::{ALERT, FAINT, STRONG, one_line};
use crate::say::table::{Cell, Column, Table, UNKNOWN};
use crate::say::width::cut;

/// What can be done. The end of it has no room in a narrow terminal.
const HELP: &str =
    "q ends · ↑↓ selects · o opens · k ends the server · r releases · / searches · a shows all listeners";
/// With fewer columns there is no room for a mark in front of each row.
const NARROW: usize = 12;

const COLUMNS: [Column; 7] = [
    Column::new("PORT"),
    Column::new("SERVICE").at_least(7).better(12).leaves(7),
    Column::new("STATE").leaves(6),
    Column::new("WHO").at_least(11).better(16).leaves(5),
    Column::new("MEMORY").leaves(3).if_known(),
    Column::new("SESSION").at_least(12).leaves(1).if_known(),
    Column::new("SINCE").leaves(2),
];

/// As many lines as the terminal has rows, at most; `size` is columns and rows.
pub(super) fn lines(state: &State, size: (usize, usize), now: WallTime, home: Option<&Path>) -> Vec<String> {
    let (columns, rows) = size;
    let rows_of = state.rows();
    let foot = foot(state, columns, rows);
    let most = rows.saturating_sub(foot.len()).max(1);
    let (head, body, selected) = body(state, &rows_of, columns, now, home);
    let mut lines: Vec<String> = head.into_iter().collect();
    let room = most.saturating_sub(lines.len());
    lines.extend(window(body, selected, room, columns));
    lines.truncate(most);
    lines.resize(most, String::new());
    lines.extend(foot);
    lines.truncate(rows.max(1));
    lines
}

/// The header, the lines below it, and which of these is selected.
fn body(
    state: &State,
    rows: &[Row<'_>],
    columns: usize,
    now: WallTime,
    home: Option<&Path>,
) -> (Option<String>, Vec<String>, usize) {
    let mut body = Vec::new();
    let mut selected = 0;
    let mut head = None;
    if rows.is_empty() {
        let empty = if state.search.is_empty() { state.found.empty.as_str() } else { "Nothing matches." };
        body.push(cut(empty, columns));
    } else {
        let (mark, none) = marks(columns);
        let room = columns.saturating_sub(mark.len()).max(1);
        let mut lines = table(rows, now).lines(Some(room)).into_iter();
        head = lines.next().map(|header| format!("{none}{header}"));
        let chosen = state.selected();
        let mut last = None;
        for (at, (row, line)) in rows.iter().zip(lines).enumerate() {
            if last != Some(&raw const *row.worktree) {
                last = Some(&raw const *row.worktree);
                body.push(heading(row, columns, home));
            }
            let is_chosen = chosen == Some(at);
            if is_chosen {
                selected = body.len();
            }
            body.push(if is_chosen { marked(mark, &line) } else { format!("{none}{line}") });
        }
        if !has_lease(&state.found.view) && state.search.is_empty() {
            body.push(cut(&state.found.empty, columns));
        }
    }
    let chosen = state.selected().and_then(|at| at.checked_sub(rows.len()));
    let (more, chosen) = more(state, chosen, columns, now, home);
    if let Some(chosen) = chosen {
        selected = body.len() + chosen;
    }
    body.extend(more);
    (head, body, selected)
}

/// What is in front of the selected row, and of the others.
const fn marks(columns: usize) -> (&'static str, &'static str) {
    if columns < NARROW { ("", "") } else { ("> ", "  ") }
}

/// The selected line is marked in colour, and without colours too.
fn marked(mark: &str, line: &str) -> String {
    let inverse = Style::new().invert();
    let end = Style::new().bold().render_reset().to_string();
    // Where a colour of the line ends, the mark begins again.
    format!("{inverse}{mark}{}{inverse:#}", line.replace(&end, &format!("{end}{inverse}")))
}

/// `shop  main  ~/code/shop`
fn heading(row: &Row<'_>, columns: usize, home: Option<&Path>) -> String {
    let Row { repository, worktree, .. } = row;
    let name = repository.name.as_deref().unwrap_or("outside of any worktree");
    let name = cut(&one_line(name), columns);
    let path = worktree.path.as_ref().map(|path| tilde(path.as_str(), home));
    let rest = [worktree.branch.as_deref().map(|branch| one_line(branch).into_owned()), path];
    let rest: Vec<String> = rest.into_iter().flatten().collect();
    let rest = rest.join("  ");
    let room = columns.saturating_sub(crate::say::width::width(&name) + 2);
    if rest.is_empty() || room < 4 {
        return format!("{STRONG}{name}{STRONG:#}");
    }
    format!("{STRONG}{name}{STRONG:#}  {FAINT}{}{FAINT:#}", cut(&rest, room))
}

fn table(rows: &[Row<'_>], now: WallTime) -> Table<7> {
    let mut table = Table::new(COLUMNS);
    for Row { service, .. } in rows {
        let session = service.instance_id.as_ref().map_or_else(|| UNKNOWN.to_owned(), ToString::to_string);
        table.row([
            service.port.to_string().into(),
            service.name.as_deref().unwrap_or(UNKNOWN).into(),
            state_cell(service),
            who(service),
            service.memory.map_or_else(|| UNKNOWN.to_owned(), size).into(),
            session.into(),
            Cell::from(service.since.map_or_else(|| UNKNOWN.to_owned(), |since| ago(since, now))),
        ]);
    }
    table
}

/// `84 MB`, `1.5 GB`
fn size(bytes: u64) -> String {
    const MEBI: u64 = 1 << 20;
    match bytes.div_ceil(MEBI) {
        mebi @ 0..1024 => format!("{mebi} MB"),
        mebi => format!("{}.{} GB", mebi / 1024, mebi % 1024 * 10 / 1024),
    }
}

/// What is below the services, sessions and what the guard refused; and the line of the one at `chosen` of all of them.
fn more(
    state: &State,
    chosen: Option<usize>,
    columns: usize,
    now: WallTime,
    home: Option<&Path>,
) -> (Vec<String>, Option<usize>) {
    let sessions: Vec<String> =
        state.sessions().iter().map(|session| session_line(session, now, home)).collect();
    let refusals = state.refusals().iter();
    let refusals = refusals.map(|refused| format!("{}  {}", ago(refused.at, now), refused.message)).collect();
    let (mark, none) = marks(columns);
    let (mut lines, mut line_of_chosen, mut count) = (Vec::new(), None, 0);
    for (title, entries) in [("AGENT SESSIONS", sessions), ("REFUSED BY THE GUARD", refusals)] {
        if entries.is_empty() {
            continue;
        }
        lines.push(String::new());
        lines.push(format!("{STRONG}{}{STRONG:#}", cut(title, columns)));
        for entry in entries {
            let entry = cut(&one_line(&entry), columns.saturating_sub(mark.len()));
            if chosen == Some(count) {
                line_of_chosen = Some(lines.len());
                lines.push(marked(mark, &entry));
            } else {
                lines.push(format!("{none}{entry}"));
            }
            count += 1;
        }
    }
    (lines, line_of_chosen)
}

/// `claude-51204  3000, 3001  ~/code/shop  5 min ago`
fn session_line(session: &SessionView, now: WallTime, home: Option<&Path>) -> String {
    let ports: Vec<String> = session.ports.iter().map(ToString::to_string).collect();
    let ports = if ports.is_empty() { "no port".to_owned() } else { ports.join(", ") };
    let path = session.path.as_ref().map(|path| format!("  {}", tilde(path.as_str(), home)));
    format!("{}  {ports}{}  {}", session.instance_id, path.unwrap_or_default(), ago(session.since, now))
}

/// As many lines of `body` as fit, with the selected one among them, and how many do not.
fn window(body: Vec<String>, selected: usize, room: usize, columns: usize) -> Vec<String> {
    if body.len() <= room {
        return body;
    }
    let shown = room.saturating_sub(1);
    // As far down as the selection needs, and its worktree's name above it.
    let first = (selected + 1).saturating_sub(shown.max(1)).min(body.len().saturating_sub(shown));
    let left = body.len() - shown;
    let mut lines: Vec<String> = body.into_iter().skip(first).take(shown).collect();
    lines.push(format!("{FAINT}{}{FAINT:#}", cut(&format!("… {left} more"), columns)));
    lines
}

/// The last lines: what the last command said, or what can be done.
fn foot(state: &State, columns: usize, rows: usize) -> Vec<String> {
    if rows < 2 {
        return Vec::new();
    }
    let line = |style: Style, text: &str| format!("{style}{}{style:#}", cut(&one_line(text), columns));
    let mut lines: Vec<String> =
        state.said.iter().take(rows.saturating_sub(4)).map(|said| line(Style::new(), said)).collect();
    lines.push(match &state.mode {
        _ if state.is_gone => line(ALERT, watch::GONE),
        Mode::Release(target) => {
            let name = target.name.as_deref().unwrap_or_default();
            line(
                ALERT,
                &format!("Release port {} ({name})? y releases it, its server keeps running", target.port),
            )
        }
        Mode::Search => {
            line(Style::new(), &format!("/{}_  Enter keeps it, Esc ends the search", state.search))
        }
        Mode::Commands if !state.search.is_empty() => {
            line(FAINT, &format!("q ends · Esc shows all, not only {}", state.search))
        }
        Mode::Commands if state.hidden() > 0 => line(FAINT, &format!("{HELP} ({})", state.hidden())),
        Mode::Commands => line(FAINT, HELP),
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::list::top::keys::Key;
    use crate::commands::list::top::state::tests::state;
    use crate::say::shown::{each, snapshot};
    use crate::say::width::width;
    use anstream::adapter::strip_str;

    fn shown(state: &State, columns: usize, rows: usize) -> String {
        let now = "2026-11-22T17:43:10Z".parse().unwrap();
        let lines = lines(state, (columns, rows), now, Some(Path::new("/home/ada")));
        assert_eq!(lines.len(), rows);
        let lines: Vec<String> = lines.iter().map(|line| strip_str(line).to_string()).collect();
        for line in &lines {
            assert!(width(line) <= columns, "{columns}: {line:?}");
        }
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        lines.join("\n") + "\n"
    }

    #[test]
    fn the_screen_shows_services_by_worktree_at_every_width() {
        let mut searching = state();
        for letter in "/web".chars() {
            searching.press(Key::Letter(letter));
        }
        let mut all = state();
        all.press(Key::Letter('a'));
        let mut releasing = state();
        releasing.press(Key::Letter('r'));
        let mut said = state();
        said.said = vec![
            "error: the server does not belong to this worktree".to_owned(),
            "hint: styxy kill 3001 --force".to_owned(),
        ];
        let mut none = state();
        none.found.view.repositories.clear();
        none.take(crate::commands::list::live::Update::Found(none.found.clone()));
        snapshot!(
            "top",
            each([
                ("wide", shown(&state(), 120, 20)),
                ("usual", shown(&state(), 80, 18)),
                ("narrow", shown(&state(), 40, 16)),
                ("very narrow", shown(&state(), 20, 14)),
                ("low", shown(&state(), 80, 6)),
                ("listeners too", shown(&all, 80, 20)),
                ("a search", shown(&searching, 80, 8)),
                ("a question", shown(&releasing, 80, 16)),
                ("an answer", shown(&said, 80, 16)),
                ("nothing", shown(&none, 80, 8)),
            ])
        );
    }

    #[test]
    fn the_selected_row_is_seen_wherever_it_is_and_in_whatever_size() {
        let mut state = state();
        for _ in 0..6 {
            for rows in 1..20 {
                for columns in [1, 2, 7, 20, 80] {
                    let screen = shown(&state, columns, rows);
                    assert!(
                        rows < 4 || columns < NARROW || screen.lines().any(|line| line.starts_with('>')),
                        "{columns}x{rows}\n{screen}"
                    );
                }
            }
            state.press(Key::Down);
        }
    }

    #[test]
    fn memory_is_in_the_unit_that_people_read() {
        let sizes = [1, 84 << 20, (84 << 20) + 1, 1023 << 20, 1 << 30, 3 << 29].map(size);
        assert_eq!(sizes, ["1 MB", "84 MB", "85 MB", "1023 MB", "1.0 GB", "1.5 GB"]);
    }
}
