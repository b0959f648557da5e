//! The second act: a tracker joins empty, and learns the torrents and their download counts,
//! although no peer announces itself any more.

use std::net::SocketAddrV4;
use std::thread;
use std::time::{Duration, Instant};

use crate::downloads::{self, Counters, Counts, DOWNLOADS};
use crate::screen::{ms, say};
use crate::table::{Column, Table};
use crate::trackers::{Cluster, url};
use crate::watch::{LIMIT, POLL};

/// Scrapes all trackers and measures how long the last one takes to learn their counts.
struct Lesson {
    counters: Counters,
    counted: Vec<Counts>,
    table: Table,
}

/// Plays the second act.
pub fn play(cluster: &mut Cluster, summary: &mut Vec<String>) -> Result<(), String> {
    let number = cluster.trackers().len() + 1;
    say(&format!(
        "\nTracker {number} joins, empty. All send beacons with the number of their torrents,
{}.
After two intervals of listening it asks the fullest, which tells its torrents
and how often each was downloaded, but no peers: those announce again anyway.",
        cluster.beacons().describe()
    ));
    let limit = cluster.beacons().time_to_learn().saturating_add(LIMIT);
    let address = cluster.start_tracker()?;
    let mut lesson = Lesson::begin(cluster.trackers())?;
    say(&format!(
        "  tracker {number}  {}, knows {} of {} torrents",
        url(address),
        lesson.known(),
        DOWNLOADS.len()
    ));
    let outcome = lesson.look_until_learned(limit);
    summary.push(lesson.summary());
    outcome
}

impl Lesson {
    fn begin(trackers: &[SocketAddrV4]) -> Result<Lesson, String> {
        let number = trackers.len();
        let mut columns: Vec<Column> = (1..=number)
            .map(|tracker| Column::of_counts(&tracker.to_string()))
            .collect();
        columns.push(Column::of_times(
            "after",
            format!("known to tracker {number}"),
        ));
        let names = (1..).zip(DOWNLOADS).map(|(torrent, downloads)| {
            let s = if downloads == 1 { "" } else { "s" };
            format!("torrent {torrent} ({downloads} download{s})")
        });
        let mut counters = Counters::new(trackers)?;
        let counted = counters.read()?;
        Ok(Lesson {
            counters,
            counted,
            table: Table::new("downloads known to tracker", columns, names.collect()),
        })
    }

    /// Returns how many torrents the tracker that joined knows.
    fn known(&self) -> usize {
        let counts = self.counted.last();
        counts.map_or(0, |counts| {
            counts.iter().filter(|&&count| count > 0).count()
        })
    }

    /// Scrapes until all trackers show the right counts, including those that had them before.
    fn look_until_learned(&mut self, limit: Duration) -> Result<(), String> {
        let start = Instant::now();
        (0..DOWNLOADS.len()).for_each(|row| self.table.wait(row, self.counted.len()));
        loop {
            self.show();
            if self.counted.iter().all(|counts| *counts == DOWNLOADS) {
                return Ok(());
            }
            if start.elapsed() >= limit {
                return Err(downloads::what_is_wrong(&self.counted, limit));
            }
            thread::sleep(POLL);
            self.counted = self.counters.read()?;
        }
    }

    fn show(&mut self) {
        for (column, counts) in self.counted.iter().enumerate() {
            for (row, &count) in counts.iter().enumerate() {
                self.table.count(row, column, count);
            }
        }
        if let Some(counts) = self.counted.last() {
            let rows = counts.iter().zip(DOWNLOADS).enumerate();
            rows.filter(|(_, (count, right))| *count == right)
                .for_each(|(row, _)| self.table.done(row, self.counted.len()));
        }
        self.table.refresh();
    }

    /// Returns a line about what the tracker that joined has learned.
    fn summary(&self) -> String {
        let number = self.counted.len();
        let times: Vec<Duration> = self.table.times(number).collect();
        let count = format!(
            "tracker {number} joined empty and learned {} of {} torrents",
            times.len(),
            DOWNLOADS.len()
        );
        match times.iter().max() {
            Some(&last) => format!("{count}, the last after {}", ms(last)),
            None => count,
        }
    }
}
