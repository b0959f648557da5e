//! A table of times, one row per peer and one column per tracker: live on a terminal, line by
//! line elsewhere.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

/// How long each tracker took to learn something of each peer.
pub struct Table {
    news: String,
    rows: Vec<Row>,
    columns: usize,
    screen: Option<Screen>,
}

struct Row {
    name: String,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy)]
enum Cell {
    Idle,
    Waiting(Instant),
    Done(Duration),
}

/// The terminal, when there is one.
struct Screen {
    colour: bool,
    lines: usize,
    drawn: Option<Instant>,
}

/// A waiting cell counts up so often.
const REDRAW: Duration = Duration::from_millis(40);
const NAME_WIDTH: usize = 28;
const CELL_WIDTH: usize = 12;

const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

impl Table {
    /// A table in which nothing is waited for yet. `news` is what the times are about:
    /// "time until <news> tracker 2".
    pub fn new(news: &str, names: Vec<String>, columns: usize) -> Table {
        let cells = vec![Cell::Idle; columns];
        let rows = names
            .into_iter()
            .map(|name| Row {
                name,
                cells: cells.clone(),
            })
            .collect();
        Table {
            news: news.to_owned(),
            rows,
            columns,
            screen: Screen::open(),
        }
    }

    /// From now on the row's cells wait.
    pub fn wait(&mut self, row: usize) {
        self.rows[row].cells.fill(Cell::Waiting(Instant::now()));
        self.draw();
    }

    /// The cell waits no more. Says nothing new to a cell that was not waiting.
    pub fn done(&mut self, row: usize, column: usize) {
        let Row { name, cells } = &mut self.rows[row];
        if let Cell::Waiting(since) = cells[column] {
            let time = since.elapsed();
            cells[column] = Cell::Done(time);
            match self.screen {
                Some(_) => self.draw(),
                None => {
                    let (news, tracker) = (&self.news, column + 1);
                    say(&format!(
                        "  {name} {news} tracker {tracker} after {}",
                        ms(time)
                    ));
                }
            }
        }
    }

    /// Lets the waiting cells count up.
    pub fn refresh(&mut self) {
        let due = |screen: &Screen| screen.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW);
        if self.screen.as_ref().is_some_and(due) {
            self.draw();
        }
    }

    /// The names of the rows that still have this column open.
    pub fn open(&self, column: usize) -> impl Iterator<Item = &str> {
        let is_open = move |row: &&Row| !matches!(row.cells[column], Cell::Done(_));
        self.rows.iter().filter(is_open).map(|row| &row.name[..])
    }

    /// All times of a column.
    pub fn times(&self, column: usize) -> impl Iterator<Item = Duration> {
        self.rows
            .iter()
            .filter_map(move |row| match row.cells[column] {
                Cell::Done(time) => Some(time),
                Cell::Idle | Cell::Waiting(_) => None,
            })
    }

    fn draw(&mut self) {
        if let Some(screen) = &mut self.screen {
            let mut lines = vec![header(&self.news, self.columns)];
            lines.extend(self.rows.iter().map(|row| row.draw(screen.colour)));
            screen.show(&lines);
        }
    }
}

impl Row {
    fn draw(&self, colour: bool) -> String {
        let mut line = format!("  {:NAME_WIDTH$}", self.name);
        for cell in &self.cells {
            let (text, style) = match cell {
                Cell::Idle => (String::new(), PLAIN),
                Cell::Waiting(since) => (format!("... {}", ms(since.elapsed())), DIM),
                Cell::Done(time) => (ms(*time), GREEN),
            };
            // Writing to a String cannot fail.
            let _ = match colour {
                true => write!(line, "  {style}{text:>CELL_WIDTH$}{PLAIN}"),
                false => write!(line, "  {text:>CELL_WIDTH$}"),
            };
        }
        line
    }
}

impl Screen {
    fn open() -> Option<Screen> {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        (io::stdout().is_terminal() && !dumb).then(|| Screen {
            colour: !is_set("NO_COLOR"),
            lines: 0,
            drawn: None,
        })
    }

    /// Draws over what was shown last.
    fn show(&mut self, lines: &[String]) {
        let mut frame = String::new();
        if self.lines > 0 {
            let _ = write!(frame, "\r\x1b[{}A", self.lines);
        }
        // A line that wrapped around would spoil the way back up.
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

/// A duration in milliseconds, for people.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Prints a line. A reader that has gone away is no reason to stop.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn header(news: &str, columns: usize) -> String {
    let mut line = format!("  {:NAME_WIDTH$}", format!("time until {news}"));
    for column in 1..=columns {
        let _ = write!(line, "  {:>CELL_WIDTH$}", format!("tracker {column}"));
    }
    line
}
