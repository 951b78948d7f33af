//! Cards of metric alerts, in every state and density, and with whatever Sentry did not say or a channel hides.

use super::world::{DAY, HOUR, MINUTE, NOW, hostile, subscription};
use super::{Message, said};
use crate::{
    Alarm, Amount, Card, ChangeKind, ChannelSettings, Content, Density, Handle, Issue, Metric, Notice, Privacy,
    ProjectSlug, Standing, sample,
};

pub(super) fn messages() -> Vec<Message> {
    vec![said("notice", "A metric alert's card", looks().into_iter().chain(extremes()))]
}

/// What is told beside its card, where the channel wants that.
pub(super) fn told() -> [(&'static str, Notice); 2] {
    let before = content(&[(Alarm::Critical, "3.4")], ChannelSettings::default());
    let told = |alarm, value| {
        content(&[(Alarm::Critical, "3.4"), (alarm, value)], ChannelSettings::default()).told_after(&before)
    };
    [("a metric alert is less loud", told(Alarm::Warning, "1.6")), ("it is over", told(Alarm::Resolved, "1.2"))]
}

/// What its card holds after all that was told.
fn content(told: &[(Alarm, &str)], settings: ChannelSettings) -> Content {
    let subscription = crate::Subscription { settings, ..subscription() };
    let change = |(alarm, value): &(Alarm, &str)| {
        let limit = Amount::parse(if *alarm == Alarm::Critical { "2.0" } else { "1.5" });
        let started = Some(NOW - 28 * MINUTE);
        let metric = Metric { limit, started, ..sample::metric(*alarm, value) };
        sample::change(ChangeKind::Metric(Box::new(metric)))
    };
    let card = Card::open(Handle::new("h"), &subscription, &change(&told[0]), NOW - 10 * MINUTE);
    told[1..].iter().fold(card, |card, told| card.after(&change(told), NOW).unwrap_or(card)).content
}

fn drawn(content: &Content) -> Notice {
    content.notice(&Handle::new("h"))
}

fn looks() -> Vec<(String, Notice)> {
    let up = [(Alarm::Warning, "1.6"), (Alarm::Warning, "1.8"), (Alarm::Critical, "3.4")];
    let over = [&up[..], &[(Alarm::Warning, "1.7"), (Alarm::Resolved, "1.2")]].concat();
    let mut looks = Vec::new();
    for density in Density::ALL {
        let of = |privacy| ChannelSettings { density, privacy, ..ChannelSettings::default() };
        let what = density.in_words();
        let all = of(Privacy::Full);
        looks.push((format!("open, {what}"), drawn(&content(&[(Alarm::Open, "1.6")], all))));
        looks.push((format!("a warning, {what}"), drawn(&content(&up[..1], all))));
        for privacy in Privacy::ALL {
            looks.push((
                format!("critical after warnings, {what}, text {}", privacy.in_words()),
                drawn(&content(&up, of(privacy))),
            ));
        }
        looks.push((format!("over, {what}"), drawn(&content(&over, all))));
    }
    looks
}

/// What Sentry says hardly anything of, says otherwise, or what somebody wants to do harm with.
fn extremes() -> Vec<(String, Notice)> {
    let mut extremes = Vec::new();
    for density in Density::ALL {
        let settings = ChannelSettings { density, ..ChannelSettings::default() };
        let of = |metric: Metric, issue: &Issue| {
            let standing = Standing::Metric(Box::new(Metric { heard: NOW, ..metric }));
            drawn(&Content { standing, issue: issue.clone(), ..content(&[(Alarm::Critical, "3.4")], settings) })
        };
        let what = density.in_words();
        let projects = || vec![ProjectSlug::new("checkout")];
        let bare = |alarm| Metric { alarm, projects: projects(), ..Metric::default() };
        let named = Issue { title: "Too many 500s".into(), ..Issue::default() };
        extremes.push((format!("hardly anything is known, {what}"), of(bare(Alarm::Critical), &Issue::default())));
        extremes.push((format!("over, and hardly anything is known, {what}"), of(bare(Alarm::Resolved), &named)));
        let words = "Events 50.0% higher in the last 60 minutes compared to the same time one week ago";
        let unread = Metric {
            description: Some(words.into()),
            limit: Amount::parse("50"),
            window: Some(60),
            started: Some(NOW - DAY - HOUR),
            ..bare(Alarm::Critical)
        };
        extremes.push((format!("no number begins its words, {what}"), of(unread, &named)));
        let strange = Issue {
            short_id: Some(hostile()),
            title: hostile(),
            environment: Some(hostile()),
            url: None,
            ..Issue::default()
        };
        let metric = Metric {
            projects: (0..9).map(|n| ProjectSlug::new(format!("project-{n}"))).collect(),
            description: Some(hostile()),
            window: Some(u64::MAX),
            ..bare(Alarm::Warning)
        };
        extremes.push((format!("hostile, {what}"), of(metric, &strange)));
    }
    extremes
}
