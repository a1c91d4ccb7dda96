//! The terminal: taken for the screen, and given back whatever happens.

use std::io::{self, Stdout, Write as _};
use std::panic::PanicHookInfo;

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Clicks and the wheel, but no moves, in coordinates without bounds.
const MOUSE_ON: &str = "\u{1b}[?1000h\u{1b}[?1006h";
/// Nothing of it.
const MOUSE_OFF: &str = "\u{1b}[?1006l\u{1b}[?1000l";

/// The terminal of the process, in raw mode and on its other screen. Dropping it gives the terminal back.
pub struct Screen {
    /// What is drawn on.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Whether it tells of the mouse.
    mouse: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// Standard output is no terminal, or refuses.
    pub fn take() -> io::Result<Self> {
        restore_on_panic();
        enter()?;
        let terminal = drawn_anew().inspect_err(|_| leave())?;
        Ok(Self {
            terminal,
            mouse: false,
        })
    }

    /// Lets the terminal tell of clicks and of the wheel, or not; its own selection needs a key meanwhile.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        self.say(if on { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Sends a sequence that shows nothing.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn say(&mut self, sequence: &str) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(sequence.as_bytes())?;
        out.flush()
    }

    /// Gives the terminal back for a while.
    pub fn leave(&mut self) {
        leave();
    }

    /// Takes it again; everything is drawn anew.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn again(&mut self) -> io::Result<()> {
        // The shell may have set it otherwise; what counts as raw already would not be set again.
        disable_raw_mode()?;
        enter()?;
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal = drawn_anew()?;
        self.mouse(self.mouse)
    }
}

/// Nothing is known of what it shows. Clearing by ratatui would ask the terminal where its cursor is, and the answer may
/// be read as a key.
fn drawn_anew() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    Terminal::new(CrosstermBackend::new(io::stdout()))
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen).inspect_err(|_| leave())
}

/// Nothing is left to do where the terminal does not answer any more.
fn leave() {
    disable_raw_mode().ok();
    // Also where it is not on: whoever panics does not know.
    io::stdout().write_all(MOUSE_OFF.as_bytes()).ok();
    execute!(io::stdout(), LeaveAlternateScreen, Show).ok();
    io::stdout().flush().ok();
}

/// A panic's report is written to a terminal that shows it.
fn restore_on_panic() {
    use std::sync::Once;
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(first_then(leave, report)));
    });
}

/// A hook that gives the terminal back before the report.
fn first_then(
    restore: impl Fn(),
    report: impl Fn(&PanicHookInfo<'_>),
) -> impl Fn(&PanicHookInfo<'_>) {
    move |info| {
        restore();
        report(info);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_reported() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (first, second) = (Arc::clone(&told), Arc::clone(&told));
        let hook = first_then(
            move || first.lock().unwrap().push("restored".to_owned()),
            move |info| {
                let mine = info.payload_as_str() == Some("of this test");
                second.lock().unwrap().push(format!("reported {mine}"));
            },
        );
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(hook));
        let ended = std::thread::spawn(|| panic!("of this test")).join();
        std::panic::set_hook(before);
        assert!(ended.is_err());
        let told = told.lock().unwrap();
        // Tests beside this one may panic in the meantime.
        let place = told
            .iter()
            .position(|line| line == "reported true")
            .unwrap();
        assert!(told[..place].contains(&"restored".to_owned()), "{told:?}");
    }
}
