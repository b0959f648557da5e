//! An interface that vanishes and comes back, as those of virtual machines, containers
//! and tunnels do.

use std::path::Path;
use std::time::Duration;

use crate::support::netns::{self, Host, Network};
use crate::support::process::Process;
use crate::support::{cc, skip};

const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_group_is_joined_again_when_it_is_back() {
    const TEST: &str = "interface::the_group_is_joined_again_when_it_is_back";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let library = cc::built("liblivesync.a");
    let source = Path::new("c-tests/interface.c");
    let program = cc::link_statically("interface", &[source], &[], &library);
    let mut network = Network::new().expect("a network");
    let [stays, loses] = ["stays", "loses"].map(|name| network.add_host(name).expect("a host"));
    let run = |host: &Host, other: &Host| {
        let mut command = host.command(&program);
        let addresses = [host, other].map(|host| host.address().to_string());
        Process::start(command.args(addresses))
    };
    let (one, other) = (run(&stays, &loses), run(&loses, &stays));
    for node in [&one, &other] {
        assert!(node.line("heard", PATIENCE).is_some());
    }

    let gone = Duration::from_secs(1);
    network
        .remake_interface(&loses, gone)
        .expect("an interface");
    let back = other
        .line("log: the interface was gone and is back", PATIENCE)
        .expect("it joins again");
    println!("back {back:?} after the start");
    // They started at about the same time; what was heard before does not count.
    for node in [&one, &other] {
        while node.line("heard", PATIENCE).expect("it hears again") < back + SECOND {}
    }
    assert!(
        one.line("log:", Duration::ZERO).is_none(),
        "nothing happened to the one that stays"
    );
}
