//! What the screen shows, and what each key does to it. It draws nothing and runs nothing.

use styxy_core::Port;
use styxy_core::api::{Refused, ServiceState, SessionView};

use super::keys::Key;
use super::row::{Id, Row};
use crate::commands::list::live::Update;
use crate::commands::list::seen::FoundView;

/// What the person at the terminal sees, and has chosen.
#[derive(Debug)]
pub(super) struct State {
    pub(super) found: FoundView,
    pub(super) is_gone: bool,
    /// Whether listeners without a lease are shown.
    pub(super) shows_all: bool,
    pub(super) search: String,
    pub(super) mode: Mode,
    /// What the last command said.
    pub(super) said: Vec<String>,
    selected: Option<Id>,
    /// Where the selected row was, in case it goes.
    at: usize,
}

/// What keys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// Commands.
    Commands,
    /// The search.
    Search,
    /// An answer: `y` releases the lease of this port.
    Release(Target),
}

/// What a command is run for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) port: Port,
    /// The worktree's folder; none for what belongs to none.
    pub(super) folder: Option<String>,
    /// `dev/web`
    pub(super) name: Option<String>,
}

/// What follows from a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Todo {
    Draw,
    End,
    Open(Target),
    Kill(Target),
    Release(Target),
}

impl State {
    pub(super) const fn new(found: FoundView) -> Self {
        Self {
            found,
            is_gone: false,
            shows_all: false,
            search: String::new(),
            mode: Mode::Commands,
            said: Vec::new(),
            selected: None,
            at: 0,
        }
    }

    /// Takes what is new. The selected row stays selected, wherever it is now.
    pub(super) fn take(&mut self, update: Update<FoundView>) {
        self.is_gone = matches!(update, Update::Gone);
        if let Update::Found(found) = update {
            self.found = found;
        }
        self.keep_selection();
    }

    /// The services that are shown, in their order.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let words: Vec<String> = self.search.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let all = self.found.view.repositories.iter().flat_map(|repository| {
            repository.worktrees.iter().flat_map(move |worktree| {
                worktree.services.iter().map(move |service| Row { repository, worktree, service })
            })
        });
        let is_shown = |row: &Row<'_>| {
            (self.shows_all || row.service.lock_id.is_some()) && words.iter().all(|word| row.has(word))
        };
        all.filter(is_shown).collect()
    }

    /// The agent sessions that are shown below the services; a search is for services.
    pub(super) fn sessions(&self) -> &[SessionView] {
        if self.search.is_empty() { &self.found.view.sessions } else { &[] }
    }

    /// What the guard refused, as far as it is shown below the sessions.
    pub(super) fn refusals(&self) -> &[Refused] {
        if self.search.is_empty() { &self.found.view.refusals } else { &[] }
    }

    /// How many listeners without a lease are not shown.
    pub(super) fn hidden(&self) -> usize {
        let worktrees = self.found.view.repositories.iter().flat_map(|repository| &repository.worktrees);
        let unleased = worktrees.flat_map(|worktree| &worktree.services);
        let count = unleased.filter(|service| service.state == ServiceState::Unleased).count();
        if self.shows_all { 0 } else { count }
    }

    /// The place of the selected row among those that are shown: the services, the sessions, and what was refused.
    pub(super) fn selected(&self) -> Option<usize> {
        self.selected_of(&self.ids())
    }

    fn selected_of(&self, ids: &[Id]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        // The guard may have refused the same several times in one moment.
        if ids.get(self.at) == Some(selected) {
            return Some(self.at);
        }
        ids.iter().position(|id| id == selected)
    }

    pub(super) fn press(&mut self, key: Key) -> Todo {
        match &self.mode {
            Mode::Commands => self.command(key),
            Mode::Search => self.type_search(key),
            Mode::Release(target) => {
                let target = target.clone();
                self.mode = Mode::Commands;
                match key {
                    Key::Letter('y' | 'Y') => Todo::Release(target),
                    Key::End => Todo::End,
                    Key::Letter(_)
                    | Key::Up
                    | Key::Down
                    | Key::PageUp
                    | Key::PageDown
                    | Key::First
                    | Key::Last
                    | Key::Enter
                    | Key::Escape
                    | Key::Erase => Todo::Draw,
                }
            }
        }
    }

    fn command(&mut self, key: Key) -> Todo {
        const PAGE: isize = 10;
        self.said.clear();
        match key {
            Key::Up => self.step(-1),
            Key::Down => self.step(1),
            Key::PageUp => self.step(-PAGE),
            Key::PageDown => self.step(PAGE),
            Key::First => self.step(isize::MIN),
            Key::Last => self.step(isize::MAX),
            Key::Letter('q' | 'Q') | Key::End => return Todo::End,
            Key::Letter('/') => self.mode = Mode::Search,
            Key::Letter('a') => {
                self.shows_all = !self.shows_all;
                self.keep_selection();
            }
            Key::Escape => {
                self.search.clear();
                self.keep_selection();
            }
            Key::Letter('o') | Key::Enter => return self.of_server(Todo::Open),
            Key::Letter('k') => return self.of_server(Todo::Kill),
            Key::Letter('r') => match self.target() {
                Some(target) if target.name.is_some() => self.mode = Mode::Release(target),
                Some(_) => self.said = vec!["it has no lease".to_owned()],
                None => return self.of_server(Todo::Release),
            },
            Key::Letter(_) | Key::Erase => {}
        }
        Todo::Draw
    }

    fn type_search(&mut self, key: Key) -> Todo {
        match key {
            Key::Letter(letter) => self.search.push(letter),
            Key::Erase => drop(self.search.pop()),
            Key::Enter => self.mode = Mode::Commands,
            Key::Escape => {
                self.search.clear();
                self.mode = Mode::Commands;
            }
            Key::Up => self.step(-1),
            Key::Down => self.step(1),
            Key::End => return Todo::End,
            Key::PageUp | Key::PageDown | Key::First | Key::Last => {}
        }
        self.keep_selection();
        Todo::Draw
    }

    /// What follows for the server of the selected row; if the row is something else, nothing does, and that is said.
    fn of_server(&mut self, todo: impl FnOnce(Target) -> Todo) -> Todo {
        if let Some(target) = self.target() {
            return todo(target);
        }
        if self.selected().is_some() {
            self.said = vec!["it is not a server".to_owned()];
        }
        Todo::Draw
    }

    /// None if the selected row is not a service.
    fn target(&self) -> Option<Target> {
        let rows = self.rows();
        let Row { service, worktree, .. } = rows.get(self.selected()?)?;
        let folder = worktree.path.as_ref().map(|path| path.as_str().to_owned());
        Some(Target { port: service.port, folder, name: service.name.clone() })
    }

    fn step(&mut self, by: isize) {
        let ids = self.ids();
        let Some(last) = ids.len().checked_sub(1) else { return };
        let at = self.selected_of(&ids).unwrap_or(self.at).min(last);
        self.at = at.saturating_add_signed(by).min(last);
        self.selected = ids.get(self.at).cloned();
    }

    /// A row that has gone leaves the selection to the next one.
    fn keep_selection(&mut self) {
        let ids = self.ids();
        self.at = self.selected_of(&ids).unwrap_or(self.at).min(ids.len().saturating_sub(1));
        self.selected = ids.get(self.at).cloned();
    }

    fn ids(&self) -> Vec<Id> {
        let sessions = self.sessions().iter().map(|session| Id::Session(session.instance_id.clone()));
        let refusals = self.refusals().iter();
        let refusals =
            refusals.map(|refused| Id::Refusal { at: refused.at, message: refused.message.clone() });
        self.rows().iter().map(Row::id).chain(sessions).chain(refusals).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::commands::list::seen::tests::some;

    pub(in crate::commands::list::top) fn state() -> State {
        let mut state = State::new(FoundView { view: some(), empty: "No port is leased.".to_owned() });
        state.take(Update::Found(state.found.clone()));
        state
    }

    fn ports(state: &State) -> Vec<u16> {
        state.rows().iter().map(|row| row.service.port.get()).collect()
    }

    /// The port of the selected row, if that is a service.
    fn selected(state: &State) -> Option<u16> {
        state.selected().and_then(|at| ports(state).get(at).copied())
    }

    fn typed(state: &mut State, text: &str) -> Todo {
        let keys: Vec<Todo> = text.chars().map(|letter| state.press(Key::Letter(letter))).collect();
        keys.last().cloned().unwrap_or(Todo::Draw)
    }

    #[test]
    fn arrows_move_the_selection_which_stays_with_its_row() {
        let mut state = state();
        assert_eq!(
            ports(&state),
            [3001, 3000, 3010, 8000],
            "conflicts first, listeners without a lease not at all"
        );
        assert_eq!(selected(&state), Some(3001));
        state.press(Key::Down);
        assert_eq!(selected(&state), Some(3000));
        state.press(Key::Up);
        state.press(Key::Up);
        assert_eq!(selected(&state), Some(3001));
        state.press(Key::Down);
        state.press(Key::Down);
        state.press(Key::Down);
        assert_eq!(selected(&state), Some(8000));
        let mut fewer = some();
        fewer.repositories.retain(|one| one.name.as_deref() != Some("shop"));
        state.take(Update::Found(FoundView { view: fewer, empty: String::new() }));
        assert_eq!(selected(&state), Some(8000), "the row has gone");
        state.take(Update::Found(FoundView { view: some(), empty: String::new() }));
        assert_eq!(selected(&state), Some(8000));
    }

    #[test]
    fn a_search_narrows_the_rows_down_until_escape() {
        let mut state = state();
        typed(&mut state, "/LOGIN");
        assert_eq!((ports(&state), selected(&state)), (vec![3010], Some(3010)));
        state.press(Key::Erase);
        state.press(Key::Enter);
        assert_eq!((state.mode.clone(), state.search.as_str()), (Mode::Commands, "LOGI"));
        state.press(Key::Escape);
        assert_eq!((ports(&state).len(), selected(&state)), (4, Some(3010)));
        typed(&mut state, "/kq");
        assert_eq!(state.search, "kq", "letters are no commands there");
        assert_eq!(
            (state.press(Key::Enter), typed(&mut state, "o")),
            (Todo::Draw, Todo::Draw),
            "nothing is there"
        );
    }

    #[test]
    fn listeners_without_a_lease_are_shown_if_that_is_wished_for() {
        let mut state = state();
        assert_eq!(state.hidden(), 2);
        typed(&mut state, "a");
        assert_eq!((ports(&state), state.hidden()), (vec![3001, 3000, 5173, 3010, 8000, 5432], 0));
        let at_unleased = |state: &State| selected(state) == Some(5432);
        while !at_unleased(&state) {
            state.press(Key::Down);
        }
        assert_eq!(
            (typed(&mut state, "r"), state.said.clone()),
            (Todo::Draw, vec!["it has no lease".to_owned()])
        );
    }

    #[test]
    fn the_selection_goes_on_to_sessions_and_to_what_was_refused() {
        let mut state = state();
        let (services, sessions) = (ports(&state).len(), state.sessions().len());
        let twice = state.found.view.refusals[0].clone();
        state.found.view.refusals.push(twice);
        let rows = services + sessions + state.refusals().len();
        assert!(sessions > 0);
        for at in 0..rows {
            assert_eq!(state.selected(), Some(at));
            let target = (at < services).then_some(());
            assert_eq!(state.target().map(|_| ()), target, "{at}");
            state.press(Key::Down);
        }
        assert_eq!(state.selected(), Some(rows - 1), "the last one");
        for letter in ['k', 'r', 'o'] {
            assert_eq!(state.press(Key::Letter(letter)), Todo::Draw);
            assert_eq!(
                (&state.mode, &state.said[..]),
                (&Mode::Commands, &["it is not a server".to_owned()][..])
            );
        }
        typed(&mut state, "/node");
        assert_eq!(selected(&state), Some(3000), "only services are searched");
        state.press(Key::Escape);
        state.press(Key::First);
        state.press(Key::Last);
        assert_eq!(state.selected(), Some(rows - 1));
    }

    #[test]
    fn commands_are_for_the_selected_row_in_its_worktree() {
        let mut state = state();
        state.press(Key::Down);
        let target = Target {
            port: Port::new(3000).unwrap(),
            folder: Some("/home/ada/code/shop".to_owned()),
            name: Some("dev/web".to_owned()),
        };
        assert_eq!(typed(&mut state, "o"), Todo::Open(target.clone()));
        assert_eq!(state.press(Key::Enter), Todo::Open(target.clone()));
        assert_eq!(typed(&mut state, "k"), Todo::Kill(target.clone()), "kill asks by itself");
        assert_eq!(typed(&mut state, "r"), Todo::Draw, "a release is asked about");
        assert_eq!(state.mode, Mode::Release(target.clone()));
        assert_eq!((typed(&mut state, "n"), state.mode.clone()), (Todo::Draw, Mode::Commands));
        assert_eq!(typed(&mut state, "ry"), Todo::Release(target));
        assert_eq!(typed(&mut state, "q"), Todo::End);
    }
}
