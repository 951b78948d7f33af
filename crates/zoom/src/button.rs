//! What the value of a button or an option says: `handle.action`, or `handle.do.number`.

use zentry_domain::{Choice, Handle, Press};

/// 128 bits in hex.
const HANDLE: usize = 32;

/// Spells a press as the value of a button or an option.
pub(crate) fn value(press: &Press) -> String {
    match &press.choice {
        Choice::Offered(number) => format!("{}.{}.{number}", press.card, Choice::OFFERED),
        choice => format!("{}.{}", press.card, choice.word()),
    }
}

/// Reads [`value`]; none where it is foreign or malformed.
pub(crate) fn press(value: &str) -> Option<Press> {
    let (handle, word) = value.split_once('.')?;
    let is_hex = handle.len() == HANDLE && handle.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let choice = match word.split_once('.') {
        Some((Choice::OFFERED, number)) => Choice::Offered(numbered(number)?),
        _ => Choice::from_word(word)?,
    };
    is_hex.then(|| Press { card: Handle::new(handle), choice })
}

/// Written one way only: a press is recognised by its value.
fn numbered(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number: &u8| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use zentry_domain::Action;

    use super::*;

    const CARD: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn every_action_is_read_as_it_was_spelled() {
        for choice in Choice::all().chain([Choice::Offered(0), Choice::Offered(255)]) {
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
            &format!("{CARD}.do"),
            &format!("{CARD}.do."),
            &format!("{CARD}.do.256"),
            &format!("{CARD}.do.+1"),
            &format!("{CARD}.do.01"),
            &format!("{CARD}.do.1.1"),
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
