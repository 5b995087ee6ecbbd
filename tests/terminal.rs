//! `styxy run` at a terminal: job control, window size and colours are the command's.

use crate::support::{Home, Terminal};

#[test]
fn ctrl_c_ends_the_command_and_the_shell_gets_its_exit_code() {
    let home = Home::new();
    let mut terminal = Terminal::shell(&home);
    terminal.types("$STYXY run -q -s web -- sh -c 'trap \"echo caught; exit 42\" INT; echo re\"\"ady; while :; do sleep 0.1; done'\n");
    terminal.sees("ready");
    terminal.types("\x03");
    terminal.sees("caught");
    terminal.types("echo code=$?\n");
    terminal.sees("code=42");
}

#[test]
fn ctrl_z_stops_the_command_and_fg_continues_it() {
    let home = Home::new();
    let mut terminal = Terminal::shell(&home);
    terminal.types("$STYXY run -q -s web -- sh -c 'echo re\"\"ady $PORT; read line; echo go\"\"t-$line'\n");
    terminal.sees("ready");
    terminal.types("\x1a");
    terminal.sees("Stopped");
    terminal.types("echo shell-i''s-back\n");
    terminal.sees("shell-is-back");
    assert_eq!(home.leases().len(), 1, "a stopped command keeps its lease");
    terminal.types("fg\n");
    terminal.types("it\n");
    terminal.sees("got-it");
}

#[test]
fn the_command_sees_the_terminal_its_size_and_its_colours() {
    let home = Home::new();
    let mut terminal = Terminal::shell(&home);
    terminal.resizes(33, 77);
    terminal.types("$STYXY run -s web -- sh -c 'stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo a\"\"ll; printf \"\\033[31mr\"\"ed\"'\n");
    terminal.sees("styxy: web is http://localhost:");
    terminal.sees("33 77");
    terminal.sees("all");
    terminal.sees("\u{1b}[31mred");
}
