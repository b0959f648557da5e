//! The document, its sections and tables.

use crate::support::cc;

/// A page, or a section of it.
pub struct Page(pub String);

pub fn page() -> Page {
    Page(std::fs::read_to_string(cc::root().join("docs/protocol.md")).expect("docs/protocol.md"))
}

/// Returns the text below this heading, up to the next one.
pub fn section(heading: &str) -> Page {
    let page = page();
    let mut lines = page.0.lines().skip_while(|line| *line != heading);
    assert_eq!(lines.next(), Some(heading));
    let section: Vec<_> = lines.take_while(|line| !line.starts_with('#')).collect();
    Page(section.join("\n"))
}

impl Page {
    /// Returns the rows of a table below its head, without backquotes.
    pub fn table(&self, number: usize) -> Vec<Vec<String>> {
        let paragraphs = self.0.split("\n\n").map(str::trim_start);
        let mut tables = paragraphs.filter(|paragraph| paragraph.starts_with('|'));
        let rows = tables.nth(number).expect("a table").lines().skip(2);
        rows.map(|row| {
            let cells = row.trim_start_matches('|').trim_end_matches('|').split('|');
            let cells = cells.map(|cell| cell.replace('`', "").trim().to_owned());
            cells.collect()
        })
        .collect()
    }
}
