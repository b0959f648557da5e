//! A running cluster gets a key, and then another one, and no announce is lost: a running
//! tracker gets each announce, whichever tracker it was made at.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use livesync::{Auth, Config, KEY_LEN, Keys};

use super::segment::{Ends, PATIENCE, Tracker, announce, config, until};
use crate::support::netns::{self, Host, Network};
use crate::support::skip;

/// Time for which a cluster works in each state.
const WHILE: Duration = Duration::from_millis(150);

#[test]
fn a_cluster_gets_a_key_and_another_one_and_no_announce_is_lost() {
    const TEST: &str =
        "repair::changeover::a_cluster_gets_a_key_and_another_one_and_no_announce_is_lost";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let (old, new) = ([1; KEY_LEN], [2; KEY_LEN]);
    let accept = |keys: Keys| config().keys(keys).auth(Auth::Accept);
    let require = |keys: Keys| config().keys(keys).auth(Auth::Require);
    // The trackers restart one after the other with each of these.
    let steps = [
        accept(Keys::new(old)),
        require(Keys::new(old)),
        require(Keys::new(old).and(new)),
        require(Keys::new(new).and(old)),
        require(Keys::new(new)),
    ];

    let mut network = Network::new().expect("a network");
    let names = ["one", "two", "three"];
    let hosts = names.map(|name| network.add_host(name).expect("a host"));
    let cluster = Cluster::start(&hosts);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| cluster.announce_until(&over));
        let _ends = Ends(&over);
        for config in &steps {
            for (number, host) in hosts.iter().enumerate() {
                thread::sleep(WHILE);
                let complete = cluster.is_complete(number);
                assert!(complete, "tracker {number}, before {config:?}");
                cluster.restart(number, host, config.clone());
            }
        }
        thread::sleep(WHILE);
    });
    for number in 0..hosts.len() {
        assert!(cluster.is_complete(number), "tracker {number}, at the end");
    }
    let announces = cluster.next();
    println!("{announces} announces");
    assert!(announces > 100, "hardly anybody announced himself");
}

/// Three trackers, and the announces so far.
struct Cluster {
    members: [Mutex<Option<Member>>; 3],
    /// The number of the next announce.
    next: Mutex<u32>,
}

struct Member {
    tracker: Tracker,
    /// The first announce that was made after its start.
    since: u32,
}

impl Cluster {
    fn start(hosts: &[Host; 3]) -> Self {
        let start = |host| {
            let tracker = Tracker::start(host, config());
            Mutex::new(Some(Member { tracker, since: 0 }))
        };
        Self {
            members: hosts.each_ref().map(start),
            next: Mutex::new(0),
        }
    }

    fn next(&self) -> u32 {
        *self.next.lock().expect("no panic")
    }

    /// Clients announce themselves to all trackers that are up.
    fn announce_until(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            for member in &self.members {
                if let Some(member) = &*member.lock().expect("no panic") {
                    let mut next = self.next.lock().expect("no panic");
                    member.tracker.announce(announce(*next));
                    *next += 1;
                }
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Returns whether a tracker gets all announces from its start until now.
    fn is_complete(&self, number: usize) -> bool {
        let until_now = self.next();
        let knows_all = || {
            let member = self.members[number].lock().expect("no panic");
            let Member { tracker, since } = member.as_ref().expect("it is up");
            let peers = tracker.peers();
            (*since..until_now).map(announce).all(|announce| {
                let peer = announce.peer;
                peers.contains_key(&(announce.info_hash, peer.ip, peer.port))
            })
        };
        until(PATIENCE, knows_all).is_some()
    }

    /// While it is down, clients announce themselves to the others.
    fn restart(&self, number: usize, host: &Host, config: Config) {
        let member = self.members[number].lock().expect("no panic").take();
        drop(member);
        thread::sleep(Duration::from_millis(100));
        let tracker = Tracker::start(host, config);
        let since = self.next();
        let member = Some(Member { tracker, since });
        *self.members[number].lock().expect("no panic") = member;
    }
}
