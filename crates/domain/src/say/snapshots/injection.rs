//! Whatever strangers call themselves, their channels and their errors, every message keeps its shape: what can be pressed
//! and where lines lead is ours alone.

use super::notices;
use crate::{Menu, Notice, Press, sample, text};

/// One string a line.
const HOSTILE: &str = include_str!("../../../../../tests/hostile.json");
const HARMLESS: &str = "harmless";

fn hostile() -> Vec<String> {
    serde_json::from_str(HOSTILE).expect("a list of strings")
}

/// Of a message everything but its words.
#[derive(Debug, PartialEq)]
struct Shape {
    calls: bool,
    links: Vec<Option<String>>,
    tone: String,
    buttons: Vec<(Press, bool)>,
    selects: Vec<(Vec<Press>, Option<usize>)>,
    /// Options and what they stand for, before the message is sent.
    menus: Vec<(usize, Option<usize>)>,
    suggestions: usize,
    field: Option<String>,
}

fn shape(notice: &Notice) -> Shape {
    let menu = |menu: &Menu| (menu.options.len(), menu.chosen);
    Shape {
        calls: notice.mention.is_some(),
        links: notice.lines.iter().map(|line| line.link.clone()).collect(),
        tone: format!("{:?}", notice.tone),
        buttons: notice.buttons.iter().map(|button| (button.press.clone(), button.primary)).collect(),
        selects: notice
            .selects
            .iter()
            .map(|list| (list.options.iter().map(|option| option.press.clone()).collect(), list.chosen))
            .collect(),
        menus: notice.menus.iter().map(menu).collect(),
        suggestions: notice.suggestions.len(),
        field: notice.field.clone(),
    }
}

fn texts(notice: &Notice) -> impl Iterator<Item = &str> {
    let options = notice.selects.iter().flat_map(|list| list.options.iter().map(|option| &option.label));
    let choices = notice.menus.iter().flat_map(|list| list.options.iter().map(|option| &option.label));
    let labels = notice.buttons.iter().map(|button| &button.label).chain(options).chain(choices);
    let lines = notice.lines.iter().map(|line| &line.text);
    [&notice.head].into_iter().chain(lines).chain(labels).map(String::as_str)
}

#[test]
fn every_message_keeps_its_shape_whatever_strangers_write() {
    sample::call_everything(HARMLESS);
    let harmless: Vec<_> = notices().into_iter().map(|(at, notice)| (at, shape(&notice))).collect();
    let spoken = notices().iter().filter(|(_, notice)| texts(notice).any(|text| text.contains(HARMLESS))).count();
    assert!(spoken > 100, "only {spoken} of {} messages hold what a stranger wrote", harmless.len());

    let hostile = hostile();
    assert!(hostile.len() >= 200, "{}", hostile.len());
    for string in &hostile {
        sample::call_everything(string);
        for ((at, shape_then), (_, notice)) in harmless.iter().zip(notices()) {
            assert_eq!(shape(&notice), *shape_then, "{at}, with {string:?}");
            assert!(texts(&notice).all(|text| !text.contains(text::is_invisible)), "{at}, with {string:?}: {notice:?}");
        }
    }
}
