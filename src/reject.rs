//! Why something that arrived was not used.

/// The reason why a datagram, its tail or one of its records was dropped. Every drop is
/// counted under exactly one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Reject {
    /// The host does not let this source address speak.
    NotBlessed,
    /// Shorter than a header.
    TooShort,
    /// Our own packet, come back to us.
    OwnPacket,
    /// A packet type we do not know.
    UnknownType,
    /// The length does not fit the packet type.
    BadLength,
    /// A list without a record.
    EmptyList,
    /// The last record of a list is incomplete; the records before it were used.
    TruncatedTail,
    /// An IPv6 peer list, and the host takes none.
    Ipv6Unsupported,
    /// Scrape sync, in which this build, configuration or host takes no part.
    ScrapeUnsupported,
    /// The ranges of a NAK do not ascend, or a packet has a number that should have none,
    /// or none that should have one, or one further ahead than its sender can have sent.
    BadNumbers,
    /// A packet that was heard already, or given up.
    Duplicate,
    /// A packet that comes so late that newer ones, which it must not override, are
    /// forgotten; or an announce to be applied once more, for which the host had no room in time.
    TooLate,
    /// A packet without a tag, where a key is required.
    Untagged,
    /// The tag is not one that our keys and our cluster name make.
    BadTag,
    /// A packet with a good tag that was used already, or is older than what the sender
    /// says now.
    Replayed,
    /// A packet with a good tag, from a time too far from ours.
    Skewed,
    /// The peer in a record has port 0 or address 0; the other records were used.
    BadPeer,
    /// A beacon with more torrents than a tracker can have; or the record of a torrent with
    /// more downloads than there can be, or announced longer ago than can be, of which the
    /// other records were used.
    BadCount,
}

impl Reject {
    /// Every reason, in the order of the numbers behind them.
    pub const ALL: [Self; 18] = [
        Self::NotBlessed,
        Self::TooShort,
        Self::OwnPacket,
        Self::UnknownType,
        Self::BadLength,
        Self::EmptyList,
        Self::TruncatedTail,
        Self::Ipv6Unsupported,
        Self::ScrapeUnsupported,
        Self::BadNumbers,
        Self::Duplicate,
        Self::TooLate,
        Self::Untagged,
        Self::BadTag,
        Self::Replayed,
        Self::Skewed,
        Self::BadPeer,
        Self::BadCount,
    ];

    /// The reason as one word, as metrics have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotBlessed => "not_blessed",
            Self::TooShort => "too_short",
            Self::OwnPacket => "own_packet",
            Self::UnknownType => "unknown_type",
            Self::BadLength => "bad_length",
            Self::EmptyList => "empty_list",
            Self::TruncatedTail => "truncated_tail",
            Self::Ipv6Unsupported => "ipv6_unsupported",
            Self::ScrapeUnsupported => "scrape_unsupported",
            Self::BadNumbers => "bad_numbers",
            Self::Duplicate => "duplicate",
            Self::TooLate => "too_late",
            Self::Untagged => "untagged",
            Self::BadTag => "bad_tag",
            Self::Replayed => "replayed",
            Self::Skewed => "skewed",
            Self::BadPeer => "bad_peer",
            Self::BadCount => "bad_count",
        }
    }

    /// The reason in words, as the log has it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotBlessed => "the source is not allowed to speak",
            Self::TooShort => "shorter than a header",
            Self::OwnPacket => "our own packet",
            Self::UnknownType => "unknown packet type",
            Self::BadLength => "length does not fit the packet type",
            Self::EmptyList => "no record in it",
            Self::TruncatedTail => "last record incomplete (those before it were used)",
            Self::Ipv6Unsupported => "this tracker takes no IPv6 peers",
            Self::ScrapeUnsupported => "no part is taken in scrape sync",
            Self::BadNumbers => "numbers that cannot be",
            Self::Duplicate => "heard already, or given up",
            Self::TooLate => "repaired too late to know what is newer",
            Self::Untagged => "no proof of origin (no tag)",
            Self::BadTag => "false proof of origin (bad tag)",
            Self::Replayed => "recorded earlier and sent again, by whomever",
            Self::Skewed => "its sender's clock and ours are too far apart",
            Self::BadPeer => "a peer with port 0 or address 0 (the other records were used)",
            Self::BadCount => "more torrents, downloads or minutes than there can be",
        }
    }

    /// Whether an operator should hear of it: something is set up wrongly, or
    /// somebody speaks who should not.
    pub const fn is_alarming(self) -> bool {
        !matches!(
            self,
            Self::OwnPacket
                | Self::TruncatedTail
                | Self::ScrapeUnsupported
                | Self::Duplicate
                | Self::TooLate
                | Self::BadPeer
        )
    }
}

/// How many drops there were for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; Reject::ALL.len()]);

impl Drops {
    /// Counts one more.
    pub fn count(&mut self, reject: Reject) {
        self.add(reject, 1);
    }

    /// Counts so many more.
    pub fn add(&mut self, reject: Reject, drops: u64) {
        self.0[reject as usize] += drops;
    }

    /// The drops for one reason.
    pub fn of(&self, reject: Reject) -> u64 {
        self.0[reject as usize]
    }

    /// The drops of packets that do not prove to come from the cluster, and now.
    pub fn without_proof(&self) -> u64 {
        [
            Reject::Untagged,
            Reject::BadTag,
            Reject::Replayed,
            Reject::Skewed,
        ]
        .map(|reject| self.of(reject))
        .iter()
        .sum()
    }

    /// The drops for all reasons.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_in_the_order_of_the_numbers() {
        for (number, reject) in Reject::ALL.into_iter().enumerate() {
            assert_eq!(reject as usize, number);
        }
    }
}
