//! A cluster against a model of it. In the model there is no network and no protocol: each
//! announce is in each table at once. In the cluster packets are lost, doubled and
//! overtaken as the data say; then nothing goes wrong any more, and in the end the tables
//! must be those of the model.

#![no_main]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use livesync::unstable::wire::{Frame, Packet};
use livesync::{Announce, Config, Keys, PeerFlags, TrackerId};
use livesync_fuzz::peers::Told;
use livesync_fuzz::tube::cluster::Cluster;
use livesync_fuzz::tube::host::Host;
use livesync_fuzz::tube::network::SLOWEST;
use livesync_fuzz::tube::old::Old;
use livesync_fuzz::tube::peers::{Key, Peers, assert_same, key};
use livesync_fuzz::tube::traffic::{Kind, Ledger, Sent};

/// How long the members know each other when the first announce comes.
const WARM_UP: Duration = Duration::from_secs(2);

/// What went wrong within so short a time is recovered, all of it.
const SHORT: Duration = Duration::from_secs(5);

/// So long nothing goes wrong at the end: who was silent longest has said how much it had
/// sent, and what is missing then is recovered or lost.
const CALM: Duration = Duration::from_secs(45);

const MOST_STEPS: usize = 64;

/// The cluster.
#[derive(Arbitrary, Debug)]
struct Setup {
    members: u8,
    repair: bool,
    key: bool,
    /// Whether each member hears of IPv6 peers, by bit.
    ipv6: u8,
    flush_ms: u8,
}

/// Something that happens.
#[derive(Arbitrary, Debug)]
enum Step<'a> {
    /// A member hears announces.
    Announce {
        by: u8,
        told: Told,
        more: u8,
    },
    Pass {
        centis: u8,
    },
    /// What becomes of the next packets.
    Misbehave {
        fates: &'a [u8],
    },
}

fuzz_target!(|data: &[u8]| {
    let mut data = Unstructured::new(data);
    let Ok(setup) = Setup::arbitrary(&mut data) else {
        return;
    };
    let mut run = Run::new(&setup);
    for _ in 0..MOST_STEPS {
        if data.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut data) else {
            break;
        };
        run.step(step);
    }
    run.ends();
});

/// The cluster and its model.
struct Run {
    cluster: Cluster,
    config: Config,
    /// The tables as they should be: those of the members, and that of the old one.
    tables: Vec<Peers>,
    /// Which member has heard a peer last, and when.
    last: HashMap<Key, (usize, Duration)>,
    completed: HashSet<Key>,
    /// Nothing has gone wrong.
    faultless: bool,
}

impl Run {
    fn new(setup: &Setup) -> Self {
        let mut cluster = Cluster::new(1);
        let mut config = Config::default()
            .scrape(false)
            .repair(setup.repair)
            .flush_after(Duration::from_millis(setup.flush_ms.into()));
        config.keys = setup.key.then(|| Keys::new([7; 32]));
        let members = 2 + setup.members % 3;
        for number in 0..members {
            let ipv6 = setup.ipv6 >> number & 1 == 0;
            let config = config.clone().ipv6(ipv6);
            cluster.join(
                TrackerId([number; 4]),
                Host::default(),
                &config,
                Duration::ZERO,
            );
        }
        cluster.old.push(Old::new(TrackerId([9; 4])));
        cluster.run_until(WARM_UP);
        cluster.ledger = Some(Ledger::default());
        Self {
            cluster,
            config,
            tables: vec![Peers::default(); usize::from(members) + 1],
            last: HashMap::new(),
            completed: HashSet::new(),
            faultless: true,
        }
    }

    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Announce { by, told, more } => {
                let by = usize::from(by) % self.cluster.members.len();
                for shift in 0..=u32::from(more % 64) {
                    let mut announce = told.announce(shift);
                    announce.peer.ip = announce.peer.ip.to_canonical();
                    self.announce(by, announce);
                }
            }
            Step::Pass { centis } => {
                let time = Duration::from_millis(10) * centis.into();
                self.cluster.run_for(time);
            }
            // Without repair nobody promises anything.
            Step::Misbehave { fates } if self.config.repair => {
                self.faultless &= fates.is_empty();
                self.cluster.network.misbehave(fates);
            }
            Step::Misbehave { .. } => {}
        }
    }

    /// A member hears an announce; and it is in all tables that hear of such. That of two
    /// announces to different members one is the later is known only if they are further
    /// apart than packets wait and take. A peer completes once.
    fn announce(&mut self, by: usize, mut announce: Announce) {
        let key = key(&announce);
        let flags = &mut announce.peer.flags;
        *flags = flags.without(PeerFlags::FROM_SYNC);
        if flags.contains(PeerFlags::COMPLETED) && !self.completed.insert(key) {
            *flags = flags.without(PeerFlags::COMPLETED);
        }
        if let Some((last, at)) = self.last.get(&key)
            && *last != by
        {
            let apart = self.config.flush_after * 2 + SLOWEST * 2;
            self.cluster.run_until((*at + apart).max(self.cluster.now));
        }
        self.last.insert(key, (by, self.cluster.now));
        self.cluster.announce(by, announce);
        for (number, table) in self.tables.iter_mut().enumerate() {
            let member = self.cluster.members.get(number);
            let ipv6 = member.is_some_and(|member| member.config.ipv6);
            if number == by || ipv6 || announce.peer.ip.is_ipv4() {
                table.apply([announce]);
            }
        }
    }

    /// Nothing goes wrong any more; then the tables are those of the model, but for the
    /// peers in packets that are counted as lost.
    fn ends(mut self) {
        let took = self.cluster.now - WARM_UP;
        self.cluster.network.misbehave(&[]);
        self.cluster.run_for(CALM);
        for (number, member) in self.cluster.members.iter().enumerate() {
            let missing = self.missing(number);
            let counters = member.node.counters();
            assert_eq!(counters.packets_overflowed, 0);
            let lost = counters.repair.packets_lost;
            if member.config.ipv6 {
                assert_eq!(lost, missing.len() as u64, "lost by {number}");
            }
            if self.faultless || took < SHORT {
                assert_eq!(lost, 0, "{number}: {counters}");
            }
            let announces = missing.iter().flat_map(|sent| announces(sent));
            let unknown = announces.map(|announce| key(&announce)).collect();
            assert_same(number, &member.peers, &self.tables[number], &unknown);
        }
        if self.faultless
            && let (Some(old), Some(table)) = (self.cluster.old.first(), self.tables.last())
        {
            assert_same(9, &old.peers, table, &HashSet::new());
        }
    }

    /// The numbered packets of others that a member has not used.
    fn missing(&self, number: usize) -> Vec<&Sent> {
        let ledger = self.cluster.ledger.as_ref().expect("a ledger");
        let used = ledger.used.get(number);
        let is_used = |sent: &Sent| {
            let (used, sent) = (used, sent.number);
            sent.is_some_and(|sent| used.is_some_and(|used| used.contains(&sent)))
        };
        let firsts = ledger.of(Kind::First);
        let missing = firsts.filter(|sent| sent.by != number && !is_used(sent));
        missing.collect()
    }
}

fn announces(sent: &Sent) -> Vec<Announce> {
    match Frame::parse(&sent.bytes).map(|frame| frame.packet) {
        Ok(Packet::Live(peers)) => peers.collect(),
        other => panic!("{other:?}"),
    }
}
