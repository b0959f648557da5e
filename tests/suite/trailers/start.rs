//! A node that starts beside others: the earlier packets that it gets, and how the nodes get to
//! know each other.

use super::*;

/// Time after which a second node starts.
const BEFORE: u64 = 10_003;

/// One node announces all the time, another one starts later, and packets take no time.
struct Pair {
    old: Node,
    new: Node,
}

#[test]
fn who_starts_beside_a_busy_tracker_asks_for_nothing() {
    for config in [keyed(Keys::new(key(0))), Config::default()] {
        for pause in [1, 10, 100, 900] {
            let mut pair = Pair::start(&config, |now| now % pause == 0);
            for now in BEFORE..BEFORE + 3000 {
                pair.step(now, now % pause == 0, false);
            }
            pair.check_that_nothing_is_missed();
            let announced = (BEFORE..BEFORE + 3000).filter(|now| now % pause == 0);
            let records = pair.new.counters().records_heard;
            assert_eq!(records, announced.count() as u64, "every {pause} ms");
        }
    }
}

#[test]
fn who_starts_beside_a_silent_tracker_asks_for_nothing() {
    for config in [keyed(Keys::new(key(0))), Config::default()] {
        for silent in [1, 500, 5000] {
            let mut pair = Pair::start(&config, |now| now + silent < BEFORE);
            for now in BEFORE..BEFORE + 3000 {
                pair.step(now, false, false);
            }
            pair.check_that_nothing_is_missed();
            assert_eq!(pair.new.counters().records_heard, 0);
            for node in [&mut pair.old, &mut pair.new] {
                assert_eq!(
                    node.nodes(at(BEFORE + 3000)).count(),
                    1,
                    "they know each other"
                );
            }
        }
    }
}

#[test]
fn after_a_greeting_every_loss_shows() {
    for config in [keyed(Keys::new(key(0))), Config::default()] {
        let mut pair = Pair::start(&config, |now| now + 500 < BEFORE);
        // Within the first second, only a node that was greeted knows the earlier packets.
        for now in BEFORE..BEFORE + 900 {
            let announces = [150, 300].contains(&(now - BEFORE));
            pair.step(now, announces, now - BEFORE < 200 && announces);
        }
        let repair = pair.new.counters().repair;
        assert_eq!((repair.packets_recovered, repair.packets_lost), (1, 0));
    }
}

impl Pair {
    /// The first node has run for a while, and announces a peer whenever `announces` returns
    /// true.
    fn start(config: &Config, announces: impl Fn(u64) -> bool) -> Self {
        let config = config.clone().scrape(false).isolated_after(Duration::MAX);
        let mut old = node(OTHER, &config);
        for now in 0..BEFORE {
            step(&mut old, now, announces(now));
            sent(&mut old);
        }
        let mut new = Node::new(
            at(BEFORE),
            HEARER,
            &[LinkInfo::multicast_ipv4(address(2))],
            2,
            &config,
        );
        new.set_unix_time(at(BEFORE), BEGAN + millis(BEFORE));
        Self { old, new }
    }

    /// A packet of the first node is lost if `is_lost`, and arrives otherwise; a packet of the
    /// second one arrives.
    fn step(&mut self, now: u64, announces: bool, is_lost: bool) {
        step(&mut self.old, now, announces);
        step(&mut self.new, now, false);
        loop {
            let (of_old, of_new) = (sent(&mut self.old), sent(&mut self.new));
            if of_old.is_empty() && of_new.is_empty() {
                return;
            }
            for packet in of_old.iter().filter(|_| !is_lost) {
                hear(&mut self.new, now, packet);
            }
            for packet in &of_new {
                hear(&mut self.old, now, packet);
            }
        }
    }

    fn check_that_nothing_is_missed(&self) {
        for node in [&self.old, &self.new] {
            let repair = node.counters().repair;
            assert_eq!((repair.naks_sent, repair.packets_retransmitted), (0, 0));
            assert_eq!((repair.packets_recovered, repair.packets_lost), (0, 0));
        }
    }
}

fn step(node: &mut Node, now: u64, announces: bool) {
    node.handle_timeout(at(now));
    if announces {
        announce_at(node, now, list().next().expect("an announce"));
    }
}
