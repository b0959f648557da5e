//! The firewall rules and the tunnel commands of SECURITY.md work as the page says.

mod firewall;
mod tunnel;

use std::io::Write;
use std::process::Stdio;

use crate::support::cc;
use crate::support::netns::Host;

/// Returns the one block of a language that contains this text.
fn block(language: &str, containing: &str) -> String {
    let page = std::fs::read_to_string(cc::root().join("SECURITY.md")).expect("SECURITY.md");
    let begin = format!("```{language}\n");
    let blocks = page.split(&begin).skip(1);
    let blocks = blocks.filter_map(|rest| rest.split_once("```").map(|(block, _)| block));
    let mut found = blocks.filter(|block| block.contains(containing));
    let block = found.next().expect("a block").to_owned();
    assert_eq!(found.next(), None, "{containing}");
    block
}

/// Loads rules of nftables on a host.
fn load(host: &Host, rules: &str) {
    let mut nft = host.command("nft");
    let nft = nft.args(["-f", "-"]).stdin(Stdio::piped());
    let mut child = nft.spawn().expect("nft");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(rules.as_bytes()).expect("nft reads");
    drop(input);
    assert!(child.wait().expect("nft").success(), "{rules}");
}
