//! The public API of the crate is what `abi/livesync.rust` lists, and nothing else.
//!
//! The list is made of the pages of rustdoc, which docs/versioning.md refers to. They show the
//! effect of macros, features and re-exports, which no reader of the sources can see. From a
//! page the test takes the anchors, which other sites link to, and the declarations beside them
//! as text.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{cc, skip};

const LIST: &str = "abi/livesync.rust";

/// The version of rustdoc follows this text, since each version may word its pages in another
/// way.
const MADE_WITH: &str = "# Made with rustdoc ";

const HEAD: &str = "\
# The public Rust API with the default features, as rustdoc shows it, without livesync::unstable.
# LIVESYNC_TESTS_BLESS=1 cargo test --test suite public_api:: writes it; docs/versioning.md says
# which changes are breaks. An item begins at the margin, what belongs to it is behind four spaces.
";

/// The beginnings of anchors that belong to a part of the item.
const MEMBERS: [&str; 7] = [
    "structfield.",
    "variant.",
    "method.",
    "tymethod.",
    "associatedconstant.",
    "associatedtype.",
    "impl-",
];

/// The traits that the compiler implements automatically follow this text. New compilers add
/// some.
const AUTOMATIC: &str = " id=\"synthetic-implementations\"";

/// The blanket implementations of every type, and the implementors of a trait, follow these
/// texts.
const OTHERS: [&str; 3] = [
    " id=\"blanket-implementations\"",
    " id=\"foreign-impls\"",
    " id=\"implementors\"",
];

#[test]
fn the_list_is_up_to_date() {
    const TEST: &str = "public_api::the_list_is_up_to_date";
    let file = cc::root().join(LIST);
    let blesses = std::env::var_os("LIVESYNC_TESTS_BLESS").is_some();
    let made_with = format!("{MADE_WITH}{}\n", version());
    let listed = fs::read_to_string(&file).unwrap_or_default();
    if !blesses && !listed.contains(&made_with) {
        return skip(TEST, "the list was made with another version of rustdoc");
    }
    let target = cc::scratch().join("public-api");
    cc::run(
        Command::new(env!("CARGO"))
            .current_dir(cc::root())
            .args(["doc", "--lib", "--no-deps", "--target-dir"])
            .arg(&target),
    );
    let made = HEAD.to_owned() + &made_with + &list(&target.join("doc/livesync"));
    if blesses {
        fs::write(&file, &made).expect("write the list");
    }
    let listed = fs::read_to_string(&file).expect("the list");
    let [made, listed] = [&made, &listed].map(|list| declarations(list));
    let new: Vec<_> = made.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&made).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "not in {LIST}: {new:#?}\nonly there: {gone:#?}"
    );
}

/// Returns the first two numbers of the version of cargo, and so of rustdoc.
fn version() -> String {
    let version = cc::run(Command::new(env!("CARGO")).arg("-V")).stdout;
    let version = String::from_utf8(version).expect("a version");
    let numbers = version.split(&[' ', '.']).skip(1).take(2);
    numbers.collect::<Vec<_>>().join(".")
}

/// Returns the declarations of a list, each part with its item.
fn declarations(list: &str) -> BTreeSet<String> {
    let mut item = "";
    let lines = list.lines().map(|line| match line.strip_prefix("    ") {
        Some(member) => format!("{item} / {member}"),
        None => {
            item = line;
            line.to_owned()
        }
    });
    lines.collect()
}

/// Returns the items of all.html, each with its parts.
fn list(docs: &Path) -> String {
    let all = page(docs, "all.html");
    let (_, all) = all.split_once("id=\"main-content\"").expect("a list");
    let items = all.split("<li><a href=\"").skip(1);
    let mut items: Vec<_> = items
        .filter_map(|item| item.split_once('"'))
        .map(|(item, _)| item)
        .filter(|item| !item.starts_with("unstable/"))
        .collect();
    items.sort_unstable_by_key(|item| (module(item), *item));
    let items = items
        .into_iter()
        .map(|item| described(item, &page(docs, item)));
    items.collect()
}

/// Returns the module of an item, as it follows the name of the crate.
fn module(name: &str) -> String {
    let (module, _) = name.rsplit_once('/').unwrap_or_default();
    module
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| format!("::{part}"))
        .collect()
}

fn page(docs: &Path, name: &str) -> String {
    fs::read_to_string(docs.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Describes an item, whose page is called `module/kind.Name.html`, and its parts.
fn described(name: &str, page: &str) -> String {
    let (_, declaration) = page
        .split_once("item-decl\"><code>")
        .expect("a declaration");
    let (declaration, _) = declaration.split_once("</code>").expect("its end");
    let declaration = text(declaration);
    // The parts between the braces follow by themselves.
    let declaration = declaration.split(" {").next().expect("a first part");
    let end = OTHERS.iter().filter_map(|others| page.find(others)).min();
    let page = &page[..end.unwrap_or(page.len())];
    let (own, automatic) = page.split_once(AUTOMATIC).unwrap_or((page, ""));
    let mut described = format!("livesync{}: {declaration}\n", module(name));
    let automatic = members(automatic).filter(|member| is_between_threads(member));
    // In alphabetical order, so that code may be moved.
    for member in members(own).chain(automatic).collect::<BTreeSet<_>>() {
        described += &format!("    {member}\n");
    }
    described
}

fn is_between_threads(member: &str) -> bool {
    member.contains(" Send for ") || member.contains(" Sync for ")
}

fn members(page: &str) -> impl Iterator<Item = String> {
    page.split(" id=\"").skip(1).filter_map(member)
}

/// Returns the declaration at an anchor, if it belongs to the item, and not to a trait that the
/// item implements.
fn member(anchor: &str) -> Option<String> {
    let (attributes, rest) = anchor.split_once('>')?;
    let is_member = MEMBERS.iter().any(|kind| anchor.starts_with(kind));
    if !is_member || attributes.contains("trait-impl") {
        return None;
    }
    let (begin, opening) = first(rest, &["code-header\">", "<code>"])?;
    let rest = &rest[begin + opening.len()..];
    let (end, _) = first(rest, &["</h3>", "</h4>", "</code>"])?;
    let declaration = text(&rest[..end]);
    // variant.Name.field.name
    let of_variant = attributes
        .strip_prefix("variant.")
        .and_then(|path| path.split_once(".field."));
    if let Some((variant, _)) = of_variant {
        Some(format!("{variant}.{declaration}"))
    } else if attributes.starts_with("tymethod.") {
        Some(format!("required {declaration}"))
    } else if attributes.starts_with("impl-") {
        // It belongs to no trait; or to one that comes with PartialEq, and that no program can
        // use.
        let is_of_use = declaration.contains(" for ") && !declaration.contains("StructuralPartial");
        is_of_use.then_some(declaration)
    } else {
        Some(declaration)
    }
}

fn first<'a>(text: &str, words: &[&'a str]) -> Option<(usize, &'a str)> {
    let places = words
        .iter()
        .filter_map(|word| Some((text.find(word)?, *word)));
    places.min()
}

/// Returns a piece of a page without its tags, on one line.
fn text(html: &str) -> String {
    let html = html.replace("</div>", " ");
    let mut text = String::new();
    for piece in html.split('<') {
        text += piece.split_once('>').map_or(piece, |(_tag, text)| text);
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // The line breaks of a long declaration are a matter of taste.
    line.replace("( ", "(").replace(", )", ")")
}
