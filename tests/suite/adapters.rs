//! Trackers with the shapes of later generations of opentracker, and with the adapters for
//! them, that sync with each other.

mod going_down;
mod setup;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::generations::{
    ALL, DUALSTACK, Generation, V6, WORKSTRUCT, each, hasten_scrape_sync,
};
use crate::support::group::{Wire, port};
use crate::support::host::Host;
use crate::support::{is_long, skip};

/// Time limit for scrape sync, where no time is measured.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn announces_and_stops_arrive_both_ways() {
    each(ALL, |generation| {
        let port = port();
        let mut hosts = [generation.syncing(1, port), generation.syncing(2, port)];
        announce_both_ways(&mut hosts, &[generation, generation]);
        for host in &mut hosts {
            // One peer comes and one leaves, of each family. None arrives twice.
            let heard = if generation.ipv6 { 4 } else { 2 };
            assert_eq!(count(host, "peers_from_sync"), heard);
        }
        for host in hosts {
            assert_eq!(host.end(), Some(0));
        }
    });
}

#[test]
fn torrents_and_their_counts_arrive_both_ways() {
    each(ALL, |generation| {
        let port = port();
        let mut hosts = [1, 2].map(|id| generation.syncing_scrapes(id, port));
        learn_from_each_other(&mut hosts);
        for host in hosts {
            assert_eq!(host.end(), Some(0));
        }
    });
}

#[test]
fn generations_sync_with_each_other() {
    let port = port();
    let generations = [V6, DUALSTACK];
    let mut hosts = [V6.syncing(1, port), DUALSTACK.syncing(2, port)];
    announce_both_ways(&mut hosts, &generations);

    let port = self::port();
    let mut hosts = [
        V6.syncing_scrapes(1, port),
        DUALSTACK.syncing_scrapes(2, port),
    ];
    learn_from_each_other(&mut hosts);
}

#[test]
fn a_classic_tracker_gets_the_ipv4_peers_of_a_mixed_one_and_takes_no_harm() {
    let port = port();
    let mut classic = Host::syncing(1, port);
    let mut mixed = DUALSTACK.syncing(2, port);
    mixed.run("announce aa 2001:db8::1 6881 80");
    mixed.run("announce bb 192.0.2.1 6881 80");
    let call = classic.expect("add");
    assert!(
        call.starts_with("add bb 192.0.2.1 6881 0x80 0 proto=2"),
        "{call}"
    );
    classic.run("tell cc 192.0.2.2 6882 20");
    assert_eq!(mixed.expect("remove"), "remove cc 192.0.2.2 6882 0x20");
    mixed.run("announce aa 2001:db8::1 6881 20");
    // An answer to it would come before this announce.
    mixed.run("announce dd 192.0.2.1 6881 80");
    let call = classic.expect("add");
    assert!(call.starts_with("add dd "), "{call}");
    assert_eq!(classic.call("remove", Duration::ZERO), None);
    assert_eq!(classic.end(), Some(0));
}

#[test]
fn nothing_is_lost_when_several_threads_announce_at_once() {
    let port = port();
    let mut teller = DUALSTACK.syncing(1, port);
    let mut hearer = Host::start(Command::new(DUALSTACK.program()).arg("-q"));
    hearer.sync(2, port);
    teller.run("burst 2000 4");
    let heard = eventually(|| {
        let heard = count(&mut hearer, "peers_from_sync");
        (heard >= 2000).then_some(heard)
    });
    assert_eq!(heard, 2000);
    assert_eq!(count(&mut hearer, "torrents"), 2000);
    assert_eq!(count(&mut hearer, "in_buckets"), 2000);
}

#[test]
fn trackers_that_drew_the_same_id_draw_others() {
    each([V6, WORKSTRUCT, DUALSTACK], |generation| {
        let port = port();
        let mut hosts = [generation.syncing(7, port), generation.syncing(7, port)];
        for (host, torrent) in hosts.iter_mut().zip(["aa", "bb"]) {
            host.run(&format!("announce {torrent} 192.0.2.1 6881 80"));
        }
        hosts[0].expect("add bb");
        hosts[1].expect("add aa");
        let ids = hosts.each_mut().map(|host| {
            host.run("show-id");
            host.expect("id")
        });
        assert_ne!(ids[0], ids[1], "stored to g_tracker_id");
    });
}

#[test]
fn only_blessed_sources_are_heard_also_on_the_trackers_own_socket() {
    each([V6, WORKSTRUCT, DUALSTACK], |generation| {
        let (ours, theirs) = (port(), port());
        let mut packet = 7u32.to_ne_bytes().to_vec();
        packet.extend([0; 4]);
        packet.extend([0xab; 20]);
        packet.extend([10, 0, 0, 1, 0x1a, 0xe1, 0x80, 0x55]);
        let wire = Wire::join(theirs);
        let mut host = generation.syncing(1, ours);
        host.run(&format!("open 224.0.42.5 {theirs}"));
        host.run("bless 0");
        wire.send(&packet);
        // The library applies it inside this call, if at all.
        host.run("handle");
        assert_eq!(host.call("add", Duration::ZERO), None);
        host.run("bless 1");
        wire.send(&packet);
        host.run("handle");
        host.run("ticker");
        let ipv4 = generation.ipv4_prefix;
        assert_eq!(
            host.expect("add"),
            format!("add ab {ipv4}10.0.0.1 6881 0x80")
        );
        assert_eq!(host.expect("event"), "event 1");
    });
}

#[test]
fn a_tracker_that_needs_no_adapter_syncs_without_one_and_nothing_is_left_of_the_check() {
    each([ALL[2], ALL[3]], |generation| {
        let port = port();
        let mut hosts = [1, 2].map(|id| {
            let mut host = Host::start(&mut Command::new(generation.unchanged_program()));
            host.sync(id, port);
            host
        });
        for host in &mut hosts {
            assert_eq!(count(host, "in_buckets"), 0);
            assert_eq!(count(host, "peers_from_sync"), 0);
        }
        announce_both_ways(&mut hosts, &[generation, generation]);
        for host in hosts {
            assert_eq!(host.end(), Some(0));
        }
    });
}

#[test]
fn they_are_clean_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return skip(
            "adapters::they_are_clean_under_valgrind",
            "valgrind is not installed",
        );
    }
    let generations = [DUALSTACK, V6, WORKSTRUCT];
    each(
        generations.into_iter().take(if is_long() { 3 } else { 1 }),
        |generation| {
            let port = port();
            let mut hosts = [1, 2].map(|id| {
                let mut valgrind = Command::new("valgrind");
                valgrind
                    .args([
                        "-q",
                        "--error-exitcode=98",
                        "--leak-check=full",
                        "--errors-for-leak-kinds=definite",
                    ])
                    .arg(generation.program());
                let mut valgrind = hasten_scrape_sync(valgrind);
                // It is so slow there that it would send another inquiry before the answer.
                valgrind.env("LIVESYNC_BEACON_INTERVAL", "1");
                let mut host = Host::start(&mut valgrind);
                host.sync(id, port);
                host
            });
            announce_both_ways(&mut hosts, &[generation, generation]);
            learn_from_each_other(&mut hosts);
            for host in hosts {
                assert_eq!(host.end(), Some(0));
            }
        },
    );
}

/// Peers come and go in either tracker, and the other one applies them.
fn announce_both_ways(hosts: &mut [Host; 2], generations: &[Generation; 2]) {
    for (teller, hearer) in [(0, 1), (1, 0)] {
        let mut peers = vec![("192.0.2.1", generations[hearer].ipv4_prefix)];
        if generations[teller].ipv6 && generations[hearer].ipv6 {
            peers.push(("2001:db8::1", ""));
        }
        for (address, prefix) in peers {
            for (call, torrent, flags) in [("add", "ab", 0xc0), ("remove", "ab", 0x20)] {
                hosts[teller].run(&format!("announce {torrent} {address} 6881 {flags:x}"));
                assert_eq!(
                    hosts[hearer].expect(call),
                    format!("{call} {torrent} {prefix}{address} 6881 {flags:#x}")
                );
                assert_eq!(hosts[hearer].expect("event"), "event 1");
            }
        }
    }
}

/// The first tracker knows four times as many torrents. The second one knows larger counts of
/// its torrents, and refuses the last one.
fn learn_from_each_other(hosts: &mut [Host; 2]) {
    let before = hosts.each_mut().map(|host| count(host, "torrents"));
    hosts[1].run("forbid 1999");
    hosts[1].run("fill 0 500 9");
    hosts[0].run("fill 0 2000 7");
    for (host, missing) in hosts.iter_mut().zip([0, 1]) {
        await_check(host, "check 0 500 9", 500, 0);
        await_check(host, "check 500 1500 7", 1500 - missing, missing);
    }
    for ((host, missing), before) in hosts.iter_mut().zip([0, 1]).zip(before) {
        let torrents = before + 2000 - missing;
        assert_eq!(count(host, "torrents"), torrents);
        assert_eq!(count(host, "in_buckets"), torrents);
    }
}

/// Waits until a check has this result.
fn await_check(host: &mut Host, command: &str, right: usize, missing: usize) {
    let expected = format!("check right={right} missing={missing} wrong=0");
    eventually(|| {
        host.run(command);
        let result = host.expect("check");
        println!("{command}: {result}");
        (result == expected).then_some(())
    });
}

/// Returns a number of the answer to "count".
fn count(host: &mut Host, name: &str) -> usize {
    host.run("count");
    let answer = host.expect("count");
    let number = answer
        .split(' ')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    number
        .and_then(|number| number.parse().ok())
        .expect("a count")
}

/// Returns the result of `look`, once there is one.
fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain");
        thread::sleep(Duration::from_millis(50));
    }
}
