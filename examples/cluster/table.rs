//! A table of the trackers' counts and of the time each took: live on a terminal, line by line
//! elsewhere.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::screen::{Screen, ms, say};

/// The table. A cell holds a count, or a time that runs until an event has happened.
pub struct Table {
    title: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    screen: Option<Screen>,
}

/// The head of a column.
pub struct Column {
    title: String,
    width: usize,
    /// The event that stops a cell's time, as in `a peer, <news> after 5 ms`.
    news: String,
}

struct Row {
    name: String,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Empty,
    Count(u32),
    Waiting(Instant),
    Done(Duration),
}

const NAME_WIDTH: usize = 28;

const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

impl Column {
    pub fn of_counts(title: &str) -> Column {
        Column {
            title: title.to_owned(),
            width: 4,
            news: String::new(),
        }
    }

    pub fn of_times(title: &str, news: String) -> Column {
        Column {
            title: title.to_owned(),
            width: 13,
            news,
        }
    }
}

impl Table {
    /// Makes a table with empty cells. Its title stands above the names of the rows.
    pub fn new(title: &str, columns: Vec<Column>, names: Vec<String>) -> Table {
        let cells = vec![Cell::Empty; columns.len()];
        let rows = names
            .into_iter()
            .map(|name| Row {
                name,
                cells: cells.clone(),
            })
            .collect();
        Table {
            title: title.to_owned(),
            columns,
            rows,
            screen: Screen::open(),
        }
    }

    /// Shows a count.
    pub fn count(&mut self, row: usize, column: usize, count: u32) {
        let cell = &mut self.rows[row].cells[column];
        if *cell != Cell::Count(count) {
            *cell = Cell::Count(count);
            self.draw();
        }
    }

    /// Starts the cell's time.
    pub fn wait(&mut self, row: usize, column: usize) {
        self.rows[row].cells[column] = Cell::Waiting(Instant::now());
        self.draw();
    }

    /// Stops the cell's time, if it runs.
    pub fn done(&mut self, row: usize, column: usize) {
        let Row { name, cells } = &mut self.rows[row];
        if let Cell::Waiting(since) = cells[column] {
            let time = since.elapsed();
            cells[column] = Cell::Done(time);
            match self.screen {
                Some(_) => self.draw(),
                None => {
                    let news = &self.columns[column].news;
                    say(&format!("  {name} {news} after {}", ms(time)));
                }
            }
        }
    }

    /// Redraws the table, so that the running times are seen to run.
    pub fn refresh(&mut self) {
        if self.screen.as_ref().is_some_and(Screen::is_due) {
            self.draw();
        }
    }

    /// Returns the names of the rows in which the column's time still runs.
    pub fn open(&self, column: usize) -> impl Iterator<Item = &str> {
        let is_open = move |row: &&Row| !matches!(row.cells[column], Cell::Done(_));
        self.rows.iter().filter(is_open).map(|row| &row.name[..])
    }

    /// Returns all stopped times of a column.
    pub fn times(&self, column: usize) -> impl Iterator<Item = Duration> {
        self.rows
            .iter()
            .filter_map(move |row| match row.cells[column] {
                Cell::Done(time) => Some(time),
                Cell::Empty | Cell::Count(_) | Cell::Waiting(_) => None,
            })
    }

    fn draw(&mut self) {
        if let Some(screen) = &mut self.screen {
            let mut lines = vec![header(&self.title, &self.columns)];
            let rows = self.rows.iter();
            lines.extend(rows.map(|row| row.draw(&self.columns, screen.colour)));
            screen.show(&lines);
        }
    }
}

impl Row {
    fn draw(&self, columns: &[Column], colour: bool) -> String {
        let mut line = format!("  {:NAME_WIDTH$}", self.name);
        for (cell, &Column { width, .. }) in self.cells.iter().zip(columns) {
            let (text, style) = match cell {
                Cell::Empty => (String::new(), PLAIN),
                Cell::Count(0) => ("0".to_owned(), DIM),
                Cell::Count(count) => (count.to_string(), PLAIN),
                Cell::Waiting(since) => (format!("... {}", ms(since.elapsed())), DIM),
                Cell::Done(time) => (ms(*time), GREEN),
            };
            // Writing to a String cannot fail.
            let _ = match colour {
                true => write!(line, "  {style}{text:>width$}{PLAIN}"),
                false => write!(line, "  {text:>width$}"),
            };
        }
        line
    }
}

fn header(title: &str, columns: &[Column]) -> String {
    let mut line = format!("  {title:NAME_WIDTH$}");
    for Column { title, width, .. } in columns {
        let _ = write!(line, "  {title:>width$}");
    }
    line
}
