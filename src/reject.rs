//! Why something that arrived was not used.

/// The reason why a datagram, or the tail of one, was dropped. Every drop is
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
}

impl Reject {
    /// Every reason, in the order of the numbers behind them.
    pub const ALL: [Self; 9] = [
        Self::NotBlessed,
        Self::TooShort,
        Self::OwnPacket,
        Self::UnknownType,
        Self::BadLength,
        Self::EmptyList,
        Self::TruncatedTail,
        Self::Ipv6Unsupported,
        Self::ScrapeUnsupported,
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
        }
    }

    /// Whether an operator should hear of it: something is set up wrongly, or
    /// somebody speaks who should not.
    pub const fn is_alarming(self) -> bool {
        !matches!(
            self,
            Self::OwnPacket | Self::TruncatedTail | Self::ScrapeUnsupported
        )
    }
}

/// How many drops there were for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; Reject::ALL.len()]);

impl Drops {
    /// Counts one more.
    pub fn count(&mut self, reject: Reject) {
        self.0[reject as usize] += 1;
    }

    /// The drops for one reason.
    pub fn of(&self, reject: Reject) -> u64 {
        self.0[reject as usize]
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
