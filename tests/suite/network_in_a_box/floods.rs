//! A host floods the segment with packets while clients announce themselves.

use std::thread;

use livesync::stats::Reject;

use super::books::balance;
use super::clients::{Load, count_of, waited};
use super::flood::{Flood, HOSTILE, Packets, forged, garbage};
use super::trackers::Cluster;
use super::{PACE, SECOND, agree};
use crate::support::netns;
use crate::support::{is_too_long, skip};

/// Packets per second, or as many as can be sent here.
const NOISE: u32 = 200_000;

#[test]
fn noise_from_an_address_that_may_not_speak() {
    flooded(
        "network_in_a_box::floods::noise_from_an_address_that_may_not_speak",
        &Flooded {
            allowed: false,
            key: false,
            packets: &[garbage, forged],
            reasons: &[Reject::NotAllowed],
        },
    );
}

#[test]
fn noise_from_an_address_that_may_speak() {
    flooded(
        "network_in_a_box::floods::noise_from_an_address_that_may_speak",
        &Flooded {
            allowed: true,
            key: false,
            packets: &[garbage],
            reasons: &[Reject::TooShort, Reject::UnknownType],
        },
    );
}

#[test]
fn forged_announces_from_an_address_that_may_speak() {
    flooded(
        "network_in_a_box::floods::forged_announces_from_an_address_that_may_speak",
        &Flooded {
            allowed: true,
            key: true,
            packets: &[garbage, forged],
            reasons: &[Reject::TooShort, Reject::UnknownType, Reject::BadTag],
        },
    );
}

/// The flood, its target and its expected effect.
struct Flooded<'a> {
    /// True if the source address is allowed.
    allowed: bool,
    /// True if the trackers have a key.
    key: bool,
    packets: &'a [fn(&mut fastrand::Rng) -> Packets],
    /// The reasons for which the packets are dropped.
    reasons: &'a [Reject],
}

fn flooded(test: &str, flooded: &Flooded<'_>) {
    if is_too_long(test) {
        return;
    }
    if let Err(reason) = netns::available() {
        return skip(test, &reason);
    }
    let mut cluster = Cluster::new();
    let attacker = cluster.network.add_host("attacker").expect("a host");
    if flooded.allowed {
        cluster.bless(attacker.address());
    }
    if flooded.key {
        cluster.give_key();
    }
    cluster.start();
    let quiet = Load::of(&cluster, PACE, 3 * SECOND);
    println!("in silence, clients waited {}", waited(&quiet));

    let mut random = fastrand::Rng::with_seed(8);
    let packets =
        (0..20).map(|number| flooded.packets[number % flooded.packets.len()](&mut random));
    let flood = Flood::start(&attacker, packets.collect(), NOISE);
    thread::sleep(SECOND);
    let amid = Load::of(&cluster, PACE, 5 * SECOND);
    println!("amid the noise, clients waited {}", waited(&amid));
    let answers: Vec<_> = quiet.into_iter().chain(amid).collect();
    agree(&cluster, &answers, "while the noise goes on");
    let (sent, time) = flood.end();
    let per_second = sent as f64 / time.as_secs_f64();
    println!("{sent} packets of noise in {time:?}, {per_second:.0} per second");
    for host in cluster.hosts.iter() {
        assert_eq!(count_of(host, HOSTILE), 0);
    }

    let books = cluster.end();
    balance(&books);
    for own in &books {
        let dropped: u64 = { flooded.reasons.iter() }
            .map(|reason| own.dropped(*reason))
            .sum();
        assert!(
            dropped + own.dropped_by_kernel() >= sent as u64,
            "not counted"
        );
    }
}
