//! The reasons why arriving packets and records are dropped, and their counters.

use crate::counters::counters;

macro_rules! reasons {
    (() $($(#[$when:meta])+ $reject:ident, $counter:ident: $reason:literal;)+) => {
        /// The reason why a datagram, its tail or one of its records was dropped.
        ///
        /// Every drop is counted under exactly one reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(usize)]
        #[non_exhaustive]
        pub enum Reject {
            $($(#[$when])+ $reject,)+
        }

        impl Reject {
            /// All reasons, in the order of their discriminants.
            pub const ALL: &'static [Self] = &[$(Self::$reject),+];

            /// Returns the reason as one word: the label `reason` of the metric
            /// `livesync_drops_total`.
            pub const fn name(self) -> &'static str {
                let counter = match self {
                    $(Self::$reject => stringify!($counter),)+
                };
                counter.split_at("drops_".len()).1
            }

            /// Returns the reason as the phrase that log lines use.
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$reject => $reason,)+
                }
            }
        }
    };
}

counters!(drops => reasons!());

impl Reject {
    /// Returns whether the operator should learn of such a drop, because a node is configured
    /// wrongly, or an intruder sends packets.
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

/// The number of drops for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; Reject::ALL.len()]);

impl Drops {
    /// Counts one drop for this reason.
    pub(crate) fn count(&mut self, reject: Reject) {
        self.add(reject, 1);
    }

    /// Counts several drops for this reason.
    pub(crate) fn add(&mut self, reject: Reject, drops: u64) {
        self.0[reject as usize] += drops;
    }

    /// Returns the number of drops for one reason.
    pub fn of(&self, reject: Reject) -> u64 {
        self.0[reject as usize]
    }

    /// Returns the number of packets that were dropped because they are not authenticated, or
    /// are authenticated but replayed or from another time.
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

    /// Returns the number of drops for all reasons together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
