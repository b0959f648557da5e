//! The programs of the README and of docs/embedding.md compile without a warning, and do what those
//! pages say.

use std::process::Command;
use std::time::Duration;

use crate::support::cc;
use crate::support::process::Process;

const PATIENCE: Duration = Duration::from_secs(120);

/// The blocks of C, from the first line to the last.
fn programs() -> Vec<String> {
    let pages = ["README.md", "docs/embedding.md"].map(|page| {
        let page = cc::root().join(page);
        std::fs::read_to_string(page).expect("a page")
    });
    let blocks = pages.iter().flat_map(|page| page.split("```c\n").skip(1));
    let code = blocks.filter_map(|block| block.split_once("```\n"));
    code.map(|(code, _)| code.to_owned()).collect()
}

#[test]
fn it_is_short() {
    let readme = std::fs::read_to_string(cc::root().join("README.md")).expect("README.md");
    assert!(readme.lines().count() <= 150);
}

/// The rows below a heading, without the first cell.
fn figures(page: &str, heading: &str) -> Vec<String> {
    let page = std::fs::read_to_string(cc::root().join(page)).expect("a page");
    let (_, section) = page.split_once(heading).expect("a heading");
    let rows = section.lines().skip_while(|line| !line.starts_with("| --"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.splitn(3, '|').nth(2).expect("cells").to_owned());
    cells.collect()
}

#[test]
fn its_figures_are_those_of_the_benches() {
    let all = figures("benches/README.md", "\n## Results\n");
    let ours = figures("README.md", "\n## Speed\n");
    assert!(ours.len() > 2, "{ours:?}");
    for row in ours {
        assert!(all.iter().any(|other| other.starts_with(&row)), "{row}");
    }
}

fn compile(number: usize, code: &str) -> Command {
    let source = cc::scratch().join(format!("readme-{number}.c"));
    std::fs::write(&source, code).expect("write a source");
    let flags = [
        "-std=gnu99",
        "-Wpedantic",
        "-UWANT_SYNC_LIVE",
        "-ULIVESYNC_STANDALONE",
    ];
    let library = cc::built("liblivesync.a");
    let program = cc::link_statically(&format!("readme-{number}"), &[&source], &flags, &library);
    // As on a terminal: line by line.
    let mut command = Command::new("stdbuf");
    command.arg("-oL").arg(program);
    command
}

#[test]
fn its_programs_tell_each_other() {
    let programs = programs();
    assert_eq!(programs.len(), 2, "a thread, and an event loop");
    let length = programs[0].lines().filter(|line| !line.is_empty()).count();
    assert!(length <= 25, "{length} lines");
    let [mut with_thread, mut in_loop] = [0, 1].map(|number| compile(number, &programs[number]));
    let heard = "torrent ab...: a peer with port 6881";
    let looping = Process::start(&mut in_loop);
    // It announces as soon as it runs: to those that run already.
    std::thread::sleep(Duration::from_millis(500));
    let first = Process::start(&mut with_thread);
    std::thread::sleep(Duration::from_millis(500));
    let _second = Process::start(&mut with_thread);
    assert!(looping.line(heard, PATIENCE).is_some());
    assert!(first.line(heard, PATIENCE).is_some());
}
