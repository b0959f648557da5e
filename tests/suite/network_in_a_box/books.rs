//! The counts that trackers log at their end.

use livesync::stats::Reject;

/// Upper bound for the announces in a packet.
pub const FULL: u64 = 51;

/// A tracker's log.
pub struct Books {
    /// The id under which it has sent.
    pub id: String,
    /// The last line, with its counts.
    pub line: String,
    pub log: String,
}

impl Books {
    pub fn read(log: &str) -> Self {
        let after = |words: &str| {
            let line = log.lines().find_map(|line| line.split_once(words));
            line.unwrap_or_else(|| panic!("no '{words}' in\n{log}")).1
        };
        let (id, _) = after("tracker ").split_once(' ').expect("an id");
        Self {
            id: id.to_owned(),
            line: after("stopped after ").to_owned(),
            log: log.to_owned(),
        }
    }

    pub fn told(&self) -> u64 {
        self.number_of("announces sent in")
    }

    pub fn heard(&self) -> u64 {
        self.number_of("announces heard in")
    }

    /// Returns the packets of others that were missing, and did not come in time.
    pub fn lost(&self) -> u64 {
        self.number_of("lost,")
    }

    /// Returns the packets of its own that were not sent.
    pub fn not_sent(&self) -> u64 {
        self.number_of("packets not sent")
    }

    /// Returns the packets for which the receive buffer had no room.
    pub fn dropped_by_kernel(&self) -> u64 {
        self.number_of("packets dropped by the kernel")
    }

    pub fn dropped(&self, reason: Reject) -> u64 {
        let dropped = self.line.split("; ").find_map(|dropped| {
            let (count, why) = dropped.strip_prefix("dropped ")?.split_once(": ")?;
            (why == reason.reason()).then(|| count.parse().expect("a number"))
        });
        dropped.unwrap_or(0)
    }

    /// Returns the number before these words, or 0 if there is none.
    fn number_of(&self, words: &str) -> u64 {
        let numbers = self.line.match_indices(words).filter_map(|(at, _)| {
            let before = self.line[..at].strip_suffix(' ')?;
            before.rsplit(' ').next()?.parse().ok()
        });
        { numbers }.next().unwrap_or(0)
    }
}

/// Checks for each tracker that it got the announces of the others, or counts them as lost.
pub fn balance(books: &[Books]) {
    (0..books.len()).for_each(|number| balance_of(number, books));
}

/// Checks the same for one tracker.
pub fn balance_of(number: usize, books: &[Books]) {
    let own = &books[number];
    println!("tracker {number}: {}", own.line);
    let of_others = |count: fn(&Books) -> u64| {
        let all: u64 = books.iter().map(count).sum();
        all - count(own)
    };
    let told = of_others(Books::told);
    let lost = told.checked_sub(own.heard());
    let lost = lost.expect("heard more than was told");
    let refused = own.dropped(Reject::Skewed);
    let counted = own.lost() + refused + of_others(Books::not_sent);
    println!(
        "tracker {number}: {told} announces of others, {} heard, {lost} lost; {counted} \
         packets counted as lost",
        own.heard()
    );
    assert!(lost <= counted * FULL, "lost and not counted");
}
