//! What somebody said about an issue.

use super::{ECHO, line};
use crate::content::HEAD_MAX;
use crate::{ChannelSettings, Issue, Notice, Privacy, Tell};

/// As much of a comment as is worth repeating; the rest is a press away.
const TEXT: usize = 500;

/// What was said about an issue. Where a channel hides what errors say, people's words about them are hidden too.
pub fn remarked(tell: &Tell, issue: &Issue, settings: ChannelSettings) -> Notice {
    let issue = settings.privacy.redact(issue.clone());
    let title = if issue.title.is_empty() { format!("issue {}", tell.issue) } else { issue.title.clone() };
    let head = line(&format!("{} · [{}] {title}", tell.remark.what.word(), tell.project.slug), HEAD_MAX);
    let who = tell.remark.by.as_deref().map_or_else(String::new, |by| format!("{}: ", line(by, ECHO)));
    let text = match settings.privacy {
        Privacy::Full => line(&tell.remark.text, TEXT),
        Privacy::NoMessage | Privacy::ClassOnly => "hidden by this channel's privacy setting".into(),
    };
    let notice = Notice::text(head);
    let notice = if text.is_empty() { notice } else { notice.line(format!("{who}{text}")) };
    match (&issue.url, issue.short_id.as_deref()) {
        (Some(url), short_id) => {
            notice.link(short_id.map_or_else(|| "Open in Sentry".into(), |id| line(id, ECHO)), url)
        }
        (None, Some(short_id)) => notice.line(line(short_id, ECHO)),
        (None, None) => notice,
    }
}
