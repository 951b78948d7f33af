//! What a button's value says: `handle.action`.

use zentry_domain::{Choice, Handle, Press};

/// 128 bits in hex.
const HANDLE: usize = 32;

/// Spells a press as the value of a button or an option.
pub(crate) fn value(press: &Press) -> String {
    format!("{}.{}", press.card, press.choice.word())
}

/// Reads [`value`]; none where it is foreign or malformed. No action has an argument, so that a value with one is
/// neither.
pub(crate) fn press(value: &str) -> Option<Press> {
    let (handle, word) = value.split_once('.')?;
    let is_hex = handle.len() == HANDLE && handle.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let choice = Choice::from_word(word)?;
    is_hex.then(|| Press { card: Handle::new(handle), choice })
}

#[cfg(test)]
mod tests {
    use zentry_domain::Action;

    use super::*;

    const CARD: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn every_action_is_read_as_it_was_spelled() {
        for choice in Choice::ALL {
            let pressed = Press { card: Handle::new(CARD), choice };
            assert_eq!(press(&value(&pressed)), Some(pressed));
        }
        assert_eq!(
            value(&Press { card: Handle::new(CARD), choice: Choice::Act(Action::Resolve) }),
            format!("{CARD}.resolve")
        );
    }

    #[test]
    fn foreign_and_malformed_values_mean_nothing() {
        for foreign in [
            "",
            ".",
            "resolve",
            ".resolve",
            "mute:42",
            CARD,
            &format!("{CARD}."),
            &format!("{CARD}.explode"),
            &format!("{CARD}.Resolve"),
            &format!("{CARD}.resolve.1"),
            &format!("{CARD}..resolve"),
            &format!(" {CARD}.resolve"),
            &format!("{CARD}.resolve "),
            &format!("{}.resolve", CARD.to_uppercase()),
            &format!("{}.resolve", &CARD[1..]),
            &format!("{CARD}0.resolve"),
            &format!("{}é.resolve", &CARD[2..]),
        ] {
            assert_eq!(press(foreign), None, "{foreign:?}");
        }
    }
}
