//! What trackers say at their end that they have done.

use livesync::stats::Reject;

/// A packet has so many announces at most.
pub const FULL: u64 = 51;

/// A tracker's log.
pub struct Books {
    /// In which name it has spoken.
    pub id: String,
    /// The last line: what it has done.
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

    /// Packets of others that were missing, and did not come in time.
    pub fn lost(&self) -> u64 {
        self.number_of("lost,")
    }

    /// Packets of its own.
    pub fn not_sent(&self) -> u64 {
        self.number_of("packets not sent")
    }

    /// Packets for which the receive buffer had no room.
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

    /// The number before these words, 0 if there is none.
    fn number_of(&self, words: &str) -> u64 {
        let numbers = self.line.match_indices(words).filter_map(|(at, _)| {
            let before = self.line[..at].strip_suffix(' ')?;
            before.rsplit(' ').next()?.parse().ok()
        });
        { numbers }.next().unwrap_or(0)
    }
}

/// What others told each tracker it has heard, or it is among what is counted as lost.
pub fn balance(books: &[Books]) {
    (0..books.len()).for_each(|number| balance_of(number, books));
}

/// The same for one of them.
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
