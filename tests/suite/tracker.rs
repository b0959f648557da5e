//! The example tracker alone: its command line, its build, its end, and that it leaks no
//! memory. Other tests cover sync.

mod requests;
mod running;
mod swarms;

use std::process::Command;

use self::running::{LOCALHOST, Tracker, leecher, seeder};
use crate::support::bep15::{Announce, Event};
use crate::support::tracker_program::{sources, tracker};
use crate::support::{cc, skip};

#[test]
fn help_goes_to_stdout_and_names_every_option() {
    let output = cc::run(Command::new(tracker()).arg("-h"));
    let help = String::from_utf8(output.stdout).expect("text");
    assert!(help.starts_with("usage: tracker [-h] [-v] "), "{help}");
    for option in ["-h", "-v", "-l", "-p", "-s", "-S", "-A", "-i", "-e"] {
        assert!(help.contains(&format!("\n  {option} ")), "{option}: {help}");
    }
}

#[test]
fn usage_errors_name_the_problem_and_exit_with_2() {
    for (arguments, problem) in [
        (&["-x"][..], "unknown option -x"),
        (&["-p"], "-p wants a value"),
        (
            &["-p", "65536"],
            "-p wants a number from 0 to 65535, not '65536'",
        ),
        (&["-p", "-1"], "-p wants a number from 0 to 65535, not '-1'"),
        (&["-S", "0"], "-S wants a number from 1 to 65535, not '0'"),
        (
            &["-i", "10s"],
            "-i wants a number from 1 to 604800, not '10s'",
        ),
        (&["-e", ""], "-e wants a number from 1 to 604800, not ''"),
        (
            &["-l", "localhost"],
            "-l wants an IPv4 address, not 'localhost'",
        ),
        (&["-s", "::1"], "-s wants an IPv4 address, not '::1'"),
        (&["-A", "10.0.0"], "-A wants an IPv4 address, not '10.0.0'"),
        (&["-v", "more"], "unexpected argument 'more'"),
    ] {
        let output = Command::new(tracker())
            .args(arguments)
            .output()
            .expect("tracker");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(
            message.starts_with(&format!("tracker: {problem}\nusage: tracker ")),
            "{arguments:?}: {message}"
        );
    }
}

#[test]
fn a_port_in_use_is_a_setup_error() {
    let running = Tracker::start(&[]);
    let port = running.address().port().to_string();
    let output = Command::new(tracker())
        .args(["-l", "127.0.0.1", "-p", &port])
        .output()
        .expect("tracker");
    assert_eq!(output.status.code(), Some(111));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!("tracker: cannot serve udp://127.0.0.1:{port}: Address already in use\n")
    );
}

#[test]
fn verbose_tells_what_happens_to_each_peer() {
    let mut tracker = Tracker::start(&["-v"]);
    let mut client = tracker.client(LOCALHOST);
    let mut leecher = leecher(4001);
    leecher.info_hash = std::array::from_fn(|i| i as u8);
    let completed = Announce {
        left: 0,
        event: Event::Completed,
        ..leecher
    };
    let stopped = Announce {
        left: 0,
        event: Event::Stopped,
        ..leecher
    };
    for announce in [leecher, completed, stopped] {
        client.announce(&announce).expect("announce");
    }
    let hash = "000102030405060708090a0b0c0d0e0f10111213";
    for line in [
        "+ HASH 127.0.0.1:4001 leecher",
        "= HASH 127.0.0.1:4001 seeder",
        "- HASH 127.0.0.1:4001 stopped",
    ] {
        assert_eq!(tracker.line(), line.replace("HASH", hash));
    }
}

#[test]
fn sigint_and_sigterm_end_it_cleanly() {
    for signal in ["-INT", "-TERM"] {
        let tracker = Tracker::start(&[]);
        assert_eq!(tracker.end(signal).code(), Some(0), "{signal}");
    }
}

#[test]
fn it_frees_all_its_memory() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return skip("tracker::it_frees_all_its_memory", "no valgrind");
    }
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args([
            "-q",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=all",
        ])
        .args(["--errors-for-leak-kinds=all", "--error-exitcode=99"])
        .arg(tracker());
    let tracker = Tracker::run(&mut valgrind, &["-e", "1"]);
    let mut client = tracker.client(LOCALHOST);
    for i in 0..40_u8 {
        let mut announce = leecher(4000 + u16::from(i));
        announce.info_hash[19] = i % 4;
        client.announce(&announce).expect("announce");
        if i % 3 == 0 {
            announce.event = Event::Stopped;
            client.announce(&announce).expect("announce");
        }
    }
    assert_eq!(tracker.end("-TERM").code(), Some(0));
}

#[test]
fn it_compiles_without_warnings_also_without_live_sync() {
    for (name, define) in [
        ("tracker-sync", "-DWANT_SYNC_LIVE"),
        ("tracker-alone", "-UWANT_SYNC_LIVE"),
    ] {
        let program = cc::scratch().join(name);
        let output = cc::run(
            Command::new(cc::compiler())
                .args(["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Wpedantic"])
                .args([define, "-DLIVESYNC_STANDALONE", "-I"])
                .arg(cc::root().join("include"))
                .args(sources())
                .arg(cc::built("liblivesync.a"))
                .args(cc::STATIC_LIBS)
                .arg("-o")
                .arg(&program),
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{define}");
    }
    let alone = cc::scratch().join("tracker-alone");
    let serving = Tracker::run(&mut Command::new(&alone), &[]);
    serving
        .client(LOCALHOST)
        .announce(&seeder(4001))
        .expect("announce");
    assert_eq!(serving.end("-TERM").code(), Some(0));
    let refused = Command::new(&alone)
        .args(["-p", "0", "-s", "127.0.0.1"])
        .output()
        .expect("tracker");
    assert_eq!(refused.status.code(), Some(111));
}
