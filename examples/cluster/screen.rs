//! Output for people: lines, and on a terminal a frame that is redrawn in place.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

/// The terminal, if there is one.
pub struct Screen {
    /// True if the output may have colours.
    pub colour: bool,
    lines: usize,
    drawn: Option<Instant>,
}

/// Interval for redrawing a frame although nothing has happened.
const REDRAW: Duration = Duration::from_millis(40);

impl Screen {
    pub fn open() -> Option<Screen> {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        (io::stdout().is_terminal() && !dumb).then(|| Screen {
            colour: !is_set("NO_COLOR"),
            lines: 0,
            drawn: None,
        })
    }

    /// Returns whether the frame is due for a redraw.
    pub fn is_due(&self) -> bool {
        self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW)
    }

    /// Draws over the previous frame.
    pub fn show(&mut self, lines: &[String]) {
        let mut frame = String::new();
        if self.lines > 0 {
            // Writing to a String cannot fail.
            let _ = write!(frame, "\r\x1b[{}A", self.lines);
        }
        // A line that wrapped around would break the way back up.
        frame.push_str("\x1b[?7l");
        for line in lines {
            let _ = write!(frame, "{line}\x1b[K\r\n");
        }
        frame.push_str("\x1b[?7h");
        // A terminal that has gone away is no reason to stop.
        let mut stdout = io::stdout().lock();
        let _ = stdout
            .write_all(frame.as_bytes())
            .and_then(|()| stdout.flush());
        self.lines = lines.len();
        self.drawn = Some(Instant::now());
    }
}

/// Formats a duration in milliseconds.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Prints a line. A reader that has gone away is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
