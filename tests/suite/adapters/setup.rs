//! Setups with which a tracker with an adapter, or one that lacks it, does not start.

use crate::setup_errors::dies_in;
use crate::support::generations::{ALL, DUALSTACK, Generation, V6, WORKSTRUCT, each};
use crate::support::group::port;

#[test]
fn a_bad_setup_ends_the_tracker_its_own_way_with_one_line() {
    each([V6, WORKSTRUCT, DUALSTACK], |generation| {
        let port = port();
        let bind = format!("bind 127.0.0.1 {port}\n");
        for (commands, environment, expected) in [
            (
                "init\n".to_owned(),
                None,
                "no address to sync on was given".to_owned(),
            ),
            (
                bind.repeat(2),
                None,
                "an address to sync on was given twice".to_owned(),
            ),
            (
                format!("{bind}init\ninit\n"),
                None,
                "sync is started already: stop it before you start it again".to_owned(),
            ),
            (
                "bind 2001:db8::1 9696\n".to_owned(),
                None,
                "cannot sync on this address: it is not an IPv4 address".to_owned(),
            ),
            (
                format!("bind 192.0.2.99 {port}\n"),
                None,
                format!(
                    "cannot join group 224.0.42.5:{port} on interface 192.0.2.99: \
                     No such device (os error 19)"
                ),
            ),
            (
                bind.clone(),
                Some(("LIVESYNC_TTL", "900")),
                "LIVESYNC_TTL=900 is invalid: it must be a number from 0 to 255".to_owned(),
            ),
            (
                format!("{bind}init\ninit\n"),
                Some(("LIVESYNC_LOG", "off")),
                "not possible in this state".to_owned(),
            ),
        ] {
            let environment: Vec<_> = environment.into_iter().collect();
            assert_eq!(
                dies_in(&generation.program(), &commands, &environment),
                format!("livesync: {expected}")
            );
        }
    });
}

#[test]
fn a_tracker_that_needs_an_adapter_is_refused_without_one() {
    for (generation, what, adapter) in UNLIKE_THE_PROTOTYPES {
        let commands = format!("bind 127.0.0.1 {}\ninit\n", port());
        let expected = format!(
            "livesync: this opentracker {what}, so the library cannot be linked unchanged: \
             build it with examples/opentracker/ot_livesync_{adapter}.c, as scripts/opentracker does"
        );
        let program = generation.unchanged_program();
        assert_eq!(dies_in(&program, &commands, &[]), expected);
    }
}

/// Generations with the symbols of those that need no adapter, but with other types.
const UNLIKE_THE_PROTOTYPES: [(Generation, &str, &str); 6] = [
    (ALL[0], "is built with WANT_V6", "v6"),
    (ALL[1], "is built with WANT_V6", "v6"),
    (ALL[4], "is of 22 April 2010 or later", "workstruct"),
    (ALL[5], "is of 22 April 2010 or later", "workstruct"),
    (ALL[6], "is of 22 April 2010 or later", "workstruct"),
    (DUALSTACK, "is of 22 April 2010 or later", "workstruct"),
];
