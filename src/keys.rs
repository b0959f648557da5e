//! The keys with which the trackers of a cluster authenticate their packets.

use std::fmt;
use std::slice;
use std::str::FromStr;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

/// The length of a key in bytes.
pub const KEY_LEN: usize = 32;

/// The keys of a cluster: one, or two while the cluster changes from one to the other.
///
/// A node makes the tags of its packets with the first key, and accepts packets whose tag fits
/// either.
///
/// Text, such as a key file, holds each key as a line of 64 hexadecimal digits. Empty lines,
/// white space around a key and a byte order mark at the beginning are ignored. `str::parse`
/// returns [`BadKeys`] for any other text.
///
/// Clones share one copy, which is wiped from memory when the last of them is dropped.
///
/// # Examples
/// ```
/// use livesync::{Config, Keys};
///
/// let keys: Keys = "
///     30fa55fe2b2d2b54a1ce10ba96ec7ae9ab3d5b4b8f5d0d0d7c9b7e3e9d3c6f11
///     e8a1fd2d10ad5a5b3c4a5f4c6b9b7cbb3a0d8a2c4d7e1b95f6f1d2a6c0935e42
/// "
/// .parse()?;
/// let config = Config::on([192, 0, 2, 1]).keys(keys);
/// # Ok::<(), livesync::BadKeys>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Keys(Arc<Zeroizing<Vec<[u8; KEY_LEN]>>>);

impl Keys {
    /// Takes one key of random bytes. It wipes the array that it is passed; the caller wipes any
    /// other copy.
    pub fn new(mut key: [u8; KEY_LEN]) -> Self {
        let keys = Self::holding(&[&key]);
        key.zeroize();
        keys
    }

    /// Returns these keys with `second` as the second one, in the place of any that was there.
    /// It wipes the array that it is passed.
    #[must_use]
    pub fn and(self, mut second: [u8; KEY_LEN]) -> Self {
        let keys = Self::holding(&[&self.0[0], &second]);
        second.zeroize();
        keys
    }

    /// Iterates over the keys: first the one that makes the tags of sent packets.
    pub fn iter(&self) -> slice::Iter<'_, [u8; KEY_LEN]> {
        self.0.iter()
    }

    /// Copies the keys to the heap at once, because a value that is moved leaves a copy behind
    /// that nothing wipes.
    fn holding(keys: &[&[u8; KEY_LEN]]) -> Self {
        let mut held = Zeroizing::new(Vec::with_capacity(keys.len()));
        for key in keys {
            held.extend_from_slice(slice::from_ref(*key));
        }
        Self(Arc::new(held))
    }
}

impl FromStr for Keys {
    type Err = BadKeys;

    fn from_str(text: &str) -> Result<Self, BadKeys> {
        let mut keys = Zeroizing::new(Vec::with_capacity(2));
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() {
                continue;
            }
            if keys.len() == 2 {
                return Err(BadKeys::TooMany);
            }
            keys.push([0; KEY_LEN]);
            let key = keys.last_mut().expect("it was pushed");
            decode(line, key).ok_or(BadKeys::Line(index + 1))?;
        }
        match keys.as_slice() {
            [] => Err(BadKeys::None),
            [first, second] if first == second => Err(BadKeys::Same),
            _ => Ok(Self(Arc::new(keys))),
        }
    }
}

/// Decodes the digits into `key`, and leaves no other copy of the bytes.
fn decode(digits: &str, key: &mut [u8; KEY_LEN]) -> Option<()> {
    if digits.len() != 2 * KEY_LEN {
        return None;
    }
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let value = |digit: u8| char::from(digit).to_digit(16);
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        *byte = (value(*high)? << 4 | value(*low)?) as u8;
    }
    Some(())
}

/// A text with so many hexadecimal digits in a row looks like a key, or like half of one.
const LIKE_A_KEY: usize = 32;

/// Returns whether a text that should be something else looks like a key, so that no log or
/// error may show it. Between the digits there may be colons and spaces, as tools print keys
/// with them.
pub(crate) fn looks_like_key(text: &str) -> bool {
    let mut digits = 0;
    text.chars().any(|c| {
        match c {
            ':' | ' ' => {}
            _ if c.is_ascii_hexdigit() => digits += 1,
            _ => digits = 0,
        }
        digits == LIKE_A_KEY
    })
}

/// Returns the text, or a note in its place if it looks like a key.
pub(crate) fn unless_key(text: &str) -> &str {
    match looks_like_key(text) {
        true => "(not shown, because it looks like a key)",
        false => text,
    }
}

/// Shows no key, so that none gets into a log.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// The reason why a text does not hold keys. It shows nothing of the text, which may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadKeys {
    /// The text holds no key.
    None,
    /// The line with this number is not a key. The first line is number 1.
    Line(usize),
    /// The text holds more than two keys.
    TooMany,
    /// The text holds the same key twice.
    Same,
}

impl fmt::Display for BadKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("it holds no key"),
            Self::Line(line) => write!(f, "line {line} is not 64 hexadecimal digits"),
            Self::TooMany => f.write_str("it holds more than two keys"),
            Self::Same => f.write_str("it holds the same key twice"),
        }
    }
}

impl std::error::Error for BadKeys {}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const SECOND: &str = "FFFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0EFEEEDECEBEAE9E8E7E6E5E4E3E2E1E0";

    fn first() -> [u8; KEY_LEN] {
        std::array::from_fn(|i| i as u8)
    }

    fn second() -> [u8; KEY_LEN] {
        first().map(|byte| !byte)
    }

    #[test]
    fn text_is_one_key_or_two() {
        let one = Keys::new(first());
        let two = Keys::new(first()).and(second());
        for (text, keys) in [
            (FIRST.to_owned(), &one),
            (format!("\n \t{FIRST}  \r\n\r\n\n"), &one),
            (format!("\u{feff}{FIRST}\r\n"), &one),
            (format!("{FIRST}\n{SECOND}"), &two),
            (format!("{FIRST}\r\n\r\n\t{SECOND}\r\n"), &two),
        ] {
            assert_eq!(&text.parse::<Keys>().unwrap(), keys, "{text:?}");
        }
        assert_eq!(one.iter().collect::<Vec<_>>(), [&first()]);
        assert_eq!(two.iter().collect::<Vec<_>>(), [&first(), &second()]);
    }

    #[test]
    fn anything_else_is_refused() {
        let other = "0".repeat(64);
        for (text, error) in [
            (String::new(), BadKeys::None),
            (" \n\r\n\t".to_owned(), BadKeys::None),
            (FIRST[1..].to_owned(), BadKeys::Line(1)),
            (format!("{FIRST}0"), BadKeys::Line(1)),
            (FIRST.replace('a', "g"), BadKeys::Line(1)),
            (format!("+{}", &FIRST[1..]), BadKeys::Line(1)),
            (
                format!("{} {}", &FIRST[..32], &FIRST[32..]),
                BadKeys::Line(1),
            ),
            (format!("{FIRST} {SECOND}"), BadKeys::Line(1)),
            (format!("\n{FIRST}\n# {SECOND}"), BadKeys::Line(3)),
            ("é".repeat(32), BadKeys::Line(1)),
            (format!("{FIRST}\n{SECOND}\n{other}"), BadKeys::TooMany),
            (
                format!("{SECOND}\n{}", SECOND.to_lowercase()),
                BadKeys::Same,
            ),
        ] {
            assert_eq!(text.parse::<Keys>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_second_is_the_one_given_last() {
        let keys = Keys::new(first()).and([7; KEY_LEN]).and(second());
        assert_eq!(keys, Keys::new(first()).and(second()));
    }

    #[test]
    fn keys_are_equal_when_all_their_bytes_are() {
        let two = Keys::new(first()).and(second());
        assert_ne!(two, Keys::new(first()));
        assert_ne!(two, Keys::new(second()).and(first()));
    }

    #[test]
    fn what_looks_like_a_key_is_not_shown() {
        let colons: Vec<_> = FIRST
            .as_bytes()
            .chunks(2)
            .map(|c| str::from_utf8(c).unwrap())
            .collect();
        let path = format!("/etc/{FIRST}");
        for key in [
            FIRST,
            SECOND,
            &FIRST[..32],
            &colons.join(":"),
            &colons.join(" "),
            &path,
        ] {
            assert!(!unless_key(key).contains("0f"), "{key}");
        }
        for other in [
            "",
            &FIRST[..31],
            "/etc/livesync/key",
            "de305d54-75b4-431b-adb2-eb6b9e546014",
        ] {
            assert_eq!(unless_key(other), other);
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Keys::new(first())), "Keys { .. }");
    }
}
