//! One word for each thing: names and prose use the words of the glossary, and comments open
//! with a subject. A stranger reads the comments first, and one thing with two names is two
//! things to him.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::support::{cc, skip};

/// The files that are read: all that git knows of these.
const READ: [&str; 12] = [
    "CHANGELOG.md",
    "README.md",
    "SECURITY.md",
    "benches",
    "c-tests",
    "docs",
    "examples",
    "fuzz",
    "include",
    "scripts",
    "src",
    "tests",
];

/// Parts of names that another word has replaced: in snake case, wherever they stand in a name.
const NAMES: [(&str, &str); 30] = [
    ("allowance", "token_bucket"),
    ("asked_another", "sent_nak_to_other"),
    ("asked_by_another", "nak_from_other"),
    ("askers", "the senders of NAKs, or of inquiries"),
    ("ask_again", "nak_due"),
    ("company", "isolated"),
    ("driver", "receive_thread, worker, host_loop or event_loop"),
    ("gave_up", "lost"),
    ("given_up", "lost"),
    ("heard_node", "NodeStats"),
    ("is_blessed", "is_allowed"),
    ("known_node", "NodeStats"),
    ("latest_of", "superseded"),
    ("livesync_tell_packets", "scrape_tell_packets"),
    ("loneliness", "isolation"),
    ("lonely", "isolated"),
    ("not_blessed", "not_allowed"),
    ("overridden", "superseded"),
    ("proven", "authenticated"),
    ("records_told", "records_announced"),
    ("repaired", "recovered"),
    ("retell", "restate"),
    ("retelling", "restating"),
    ("retold", "restated"),
    ("send_again", "retransmit"),
    ("sends_again", "retransmits"),
    ("sent_again", "retransmitted"),
    ("sociable", "isolated"),
    ("torrents_told", "torrents_sent"),
    ("unproven", "unauthenticated"),
];

/// Constants that say when something happens, but not what: a constant begins with its subject.
const CONSTANTS: [&str; 4] = ["AT_ONCE", "DEAF", "LOOK", "SOON"];

/// Phrases that another word has replaced: in comments, in texts, and on pages.
const PHRASES: [(&str, &str); 26] = [
    ("allowance", "token bucket"),
    ("begins to sync", "begins syncing"),
    ("driver", "receive thread, worker, host loop or event loop"),
    ("drivers", "receive threads, workers or loops"),
    ("gave it up", "lost"),
    ("gave up", "lost"),
    ("given up", "lost"),
    ("gives it up", "counts as lost"),
    ("headless", "without a subject"),
    ("lonely", "isolated"),
    ("overridden by a newer", "superseded"),
    ("proven", "authenticated"),
    ("send again", "retransmit"),
    ("send it again", "retransmit"),
    ("sending again", "retransmitting"),
    ("sends again", "retransmits"),
    ("sends it again", "retransmits"),
    ("sent again", "retransmitted"),
    ("sent it again", "retransmitted"),
    ("sociable", "isolated"),
    ("starts to sync", "starts syncing"),
    ("stops to sync", "stops syncing"),
    (
        "told again",
        "restated, retransmitted or announced once more",
    ),
    ("unproven", "unauthenticated"),
    ("was repaired", "was recovered"),
    ("were repaired", "were recovered"),
];

/// Words with which a comment has no subject.
const HEADLESS: [&str; 7] = [
    "What", "Whatever", "Whether", "Who", "Whoever", "Whom", "Whose",
];

/// Where a word may stand all the same: the begin of a path, the word, and the reason.
const EXCEPTIONS: [(&str, &str, &str); 7] = [
    (
        "CHANGELOG.md",
        "",
        "its table of the names before the first release",
    ),
    ("tests/suite/words.rs", "", "this list"),
    (
        "docs/protocol.md",
        "sent again",
        "the term of the wire format, of which names of packet types are made",
    ),
    (
        "tests/suite/protocol_doc/",
        "sent again",
        "the names of packet types, and rows, of docs/protocol.md",
    ),
    (
        "examples/opentracker/ot_livesync_workstruct.c",
        "is_blessed",
        "accesslist_is_blessed is a function of opentracker",
    ),
    (
        "c-tests/generations/",
        "is_blessed",
        "accesslist_is_blessed is a function of opentracker",
    ),
    (
        "src/host/opentracker/",
        "is_blessed",
        "accesslist_is_blessed is a function of opentracker",
    ),
];

#[test]
fn names_and_prose_use_the_words_of_the_glossary() {
    let test = "words::names_and_prose_use_the_words_of_the_glossary";
    let Some(files) = tracked() else {
        return skip(test, "this is no checkout of git");
    };
    let files = files.iter().filter_map(|path| Source::read(path));
    let files: Vec<_> = files.collect();
    let tests: BTreeSet<_> = files.iter().flat_map(Source::tests).collect();
    let mut findings = String::new();
    for file in &files {
        for (line, word, instead) in file.findings(&tests) {
            let path = &file.path;
            let _ = writeln!(findings, "{path}:{line}: not `{word}`, but {instead}");
        }
    }
    assert!(findings.is_empty(), "\n{findings}");
}

/// Returns the paths of the files that git knows, or `None` if this is no checkout.
fn tracked() -> Option<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--"]);
    let output = git.args(READ).current_dir(cc::root()).output().ok()?;
    let paths = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<_> = paths.split_terminator('\0').map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

/// A file with text in it.
struct Source {
    path: String,
    text: String,
    /// The marks with which a line of a comment begins; none for a page.
    marks: &'static [&'static str],
}

impl Source {
    /// Returns the file, unless it has no words: a packet, a seed, or a list of versions.
    fn read(path: &str) -> Option<Self> {
        let extension = Path::new(path).extension().unwrap_or_default();
        let marks: &[&str] = match extension.to_str()? {
            "rs" | "c" | "h" | "cpp" | "hpp" | "go" | "js" => {
                &["///", "//!", "//", "/**", "/*", "*"]
            }
            "py" => &["#", "\"\"\""],
            "toml" => &["#"],
            "lua" => &["--"],
            "md" => &[],
            "" if path.starts_with("scripts/") => &["#"],
            _ => return None,
        };
        // A file that was deleted, but is not committed yet, is no file.
        let text = std::fs::read_to_string(cc::root().join(path)).ok()?;
        let path = path.to_owned();
        Some(Self { path, text, marks })
    }

    /// Returns the names of the tests in the file. They are sentences, and keep their words.
    fn tests(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut is_test = false;
        for line in self.text.lines().map(str::trim) {
            is_test |= line.starts_with("#[test]");
            if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
                names.extend(rest.split('(').next());
                is_test = false;
            }
        }
        names
    }

    /// Returns the line, the word, and the right word of everything that is wrong.
    fn findings(&self, tests: &BTreeSet<&str>) -> Vec<(usize, String, String)> {
        let mut findings = self.names(tests);
        findings.extend(self.phrases());
        findings.extend(self.headless());
        findings.retain(|(_, word, _)| !self.is_exempt(word));
        findings.sort();
        findings
    }

    fn is_exempt(&self, word: &str) -> bool {
        let mut exceptions = EXCEPTIONS.iter();
        exceptions
            .any(|(path, exempt, _)| self.path.starts_with(path) && [word, ""].contains(exempt))
    }

    fn names(&self, tests: &BTreeSet<&str>) -> Vec<(usize, String, String)> {
        let mut found = Vec::new();
        for (line, text) in self.text.lines().enumerate() {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            for name in text.split(|c| !is_part(c)).filter(|n| !tests.contains(n)) {
                let is_code = self.is_code(text) || name.contains('_') || is_camel(name);
                let snake = format!("_{}_", snake(name));
                for (part, instead) in NAMES {
                    if is_code && snake.contains(&format!("_{part}_")) {
                        found.push((line + 1, part.to_owned(), instead.to_owned()));
                    }
                }
                if CONSTANTS.contains(&name) {
                    let instead = "a constant that begins with its subject";
                    found.push((line + 1, name.to_owned(), instead.to_owned()));
                }
            }
        }
        found
    }

    /// Returns whether a line is code: no comment, and not of a page.
    fn is_code(&self, line: &str) -> bool {
        let line = line.trim_start();
        !self.marks.is_empty() && !self.marks.iter().any(|mark| line.starts_with(mark))
    }

    /// Finds phrases, also where they go on in the next line.
    fn phrases(&self) -> Vec<(usize, String, String)> {
        let mut words = Vec::new();
        for (line, text) in self.text.lines().enumerate() {
            for word in self.without_mark(text).split_whitespace() {
                let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
                let begins = word.starts_with(bare);
                let ends = word.ends_with(bare);
                words.push((line + 1, bare.to_lowercase(), begins, ends));
            }
        }
        let mut found = Vec::new();
        for (phrase, instead) in PHRASES {
            let phrase_words: Vec<_> = phrase.split(' ').collect();
            for window in words.windows(phrase_words.len()) {
                let last = window.len() - 1;
                let mut pairs = window.iter().zip(&phrase_words).enumerate();
                if pairs.all(|(at, ((_, word, begins, ends), wanted))| {
                    word == wanted && (at == 0 || *begins) && (at == last || *ends)
                }) {
                    found.push((window[0].0, phrase.to_owned(), instead.to_owned()));
                }
            }
        }
        found
    }

    /// Finds comments, and paragraphs of comments, without a subject.
    fn headless(&self) -> Vec<(usize, String, String)> {
        let mut found = Vec::new();
        let mut goes_on = false;
        for (line, text) in self.text.lines().enumerate() {
            let is_comment = !self.marks.is_empty() && !self.is_code(text);
            let text = self.without_mark(text);
            let first = text.split([' ', '\'', ',']).next().unwrap_or_default();
            let is_question = text.split(". ").next().unwrap_or_default().contains('?');
            if is_comment && !goes_on && !is_question && HEADLESS.contains(&first) {
                let instead = "a sentence with a subject".to_owned();
                found.push((line + 1, format!("{first} ..."), instead));
            }
            goes_on = is_comment && !text.is_empty();
        }
        found
    }

    fn without_mark<'a>(&self, line: &'a str) -> &'a str {
        let line = line.trim();
        let mut marks = self.marks.iter();
        marks
            .find_map(|mark| line.strip_prefix(mark))
            .unwrap_or(line)
            .trim()
    }
}

/// Returns whether a name is of several words that begin with capitals.
fn is_camel(name: &str) -> bool {
    let capitals = name.chars().filter(|c| c.is_uppercase()).count();
    capitals > 1 && name.chars().any(char::is_lowercase)
}

/// Returns a name in snake case.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        snake.extend(c.to_lowercase());
    }
    snake
}
