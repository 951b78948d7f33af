//! A chat platform in memory.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use zentry_domain::ports::ChatError;
use zentry_domain::{
    Address, Button, ChannelId, Chat, Line, MessageId, Notice, Person, Place, Select, SelectOption, TriggerId, text,
};

const HEAD_MAX: usize = 1_000;
const LINE_MAX: usize = 4_000;
const LABEL_MAX: usize = 40;

/// One message as the platform keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeMessage {
    /// Its number.
    pub id: MessageId,
    /// Where it was sent, to whom and on whose behalf.
    pub to: Address,
    /// What it says now: cleaned and cut, as people see it.
    pub notice: Notice,
    /// How often it was edited.
    pub edits: usize,
}

/// What may be shown, or is, beside an address that somebody posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeUnfurl {
    /// Who posted it.
    pub by: Person,
    /// Under which it is shown.
    pub trigger: TriggerId,
    /// What is shown, once something is.
    pub notice: Option<Notice>,
}

impl FakeMessage {
    /// Whether `viewer`, who is where the message is, sees it.
    pub fn is_seen_by(&self, viewer: &Person) -> bool {
        self.to.account == viewer.account && self.to.visible_to.as_ref().is_none_or(|only| *only == viewer.user)
    }
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatFault {
    /// The destination is not there.
    Gone,
    /// The platform does not take the message.
    Refused,
    /// Too many calls.
    Throttled {
        /// How much later to come back, where the platform says so.
        after: Option<Duration>,
    },
    /// The credential has run out, and a new one is accepted: the caller notices nothing.
    Expired,
    /// The credential is not accepted, nor is a new one.
    Unauthorized,
    /// The platform has a fault of its own; nothing was carried out.
    Unavailable,
    /// The answer is lost: [`ChatError::Unknown`] for a post, [`ChatError::Unavailable`] for what may be repeated.
    Unknown {
        /// Whether the call was carried out all the same.
        carried_out: bool,
    },
}

/// A stateful [`Chat`]: what is posted stays, as people would see it.
///
/// Every channel exists until [`FakeChat::close`].
#[derive(Debug, Default)]
pub struct FakeChat(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    messages: Vec<FakeMessage>,
    unfurls: Vec<FakeUnfurl>,
    posted: usize,
    closed: HashSet<ChannelId>,
    faults: VecDeque<ChatFault>,
    renewals: usize,
    calls: usize,
}

impl FakeChat {
    /// An empty platform.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next call for which no earlier fault waits go wrong.
    pub fn fail_next(&self, fault: ChatFault) {
        self.state().faults.push_back(fault);
    }

    /// Lets the next `times` calls go wrong.
    pub fn fail_times(&self, times: usize, fault: ChatFault) {
        self.state().faults.extend(std::iter::repeat_n(fault, times));
    }

    /// Forgets the faults that still wait for a call.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// The channel is no longer there for us; what was in it stays to be looked at.
    pub fn close(&self, channel: &ChannelId) {
        self.state().closed.insert(channel.clone());
    }

    /// The channel is there again.
    pub fn reopen(&self, channel: &ChannelId) {
        self.state().closed.remove(channel);
    }

    /// Somebody deletes the message behind the bot's back: editing it is [`ChatError::MessageGone`].
    pub fn lose(&self, message: &MessageId) {
        self.state().messages.retain(|found| found.id != *message);
    }

    /// Everything that is there, oldest first.
    pub fn messages(&self) -> Vec<FakeMessage> {
        self.state().messages.clone()
    }

    /// What is in one channel, private messages included, oldest first. For a person's own chat with the bot the
    /// channel is their JID.
    pub fn messages_in(&self, channel: &ChannelId) -> Vec<FakeMessage> {
        self.state().messages.iter().filter(|message| message.to.to == *channel).cloned().collect()
    }

    /// What `viewer` sees in `place`, oldest first.
    pub fn seen_in(&self, place: &Place, viewer: &Person) -> Vec<FakeMessage> {
        let mut messages = self.messages_in(&place.channel);
        messages.retain(|message| message.is_seen_by(viewer));
        messages
    }

    /// One message, if it is there.
    pub fn message(&self, id: &MessageId) -> Option<FakeMessage> {
        self.state().messages.iter().find(|message| message.id == *id).cloned()
    }

    /// Somebody posts an address: the trigger under which more of it can be shown once.
    pub fn share(&self, by: &Person) -> TriggerId {
        let mut state = self.state();
        let trigger = TriggerId::new(format!("trigger-{}", state.unfurls.len() + 1));
        state.unfurls.push(FakeUnfurl { by: by.clone(), trigger: trigger.clone(), notice: None });
        trigger
    }

    /// What is shown beside addresses, oldest first.
    pub fn unfurled(&self) -> Vec<FakeUnfurl> {
        self.state().unfurls.iter().filter(|unfurl| unfurl.notice.is_some()).cloned().collect()
    }

    /// How often a new credential had to be fetched.
    pub fn renewals(&self) -> usize {
        self.state().renewals
    }

    /// How often it was called, whatever came of it.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Chat for FakeChat {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        self.state().call(ChatError::Unknown, |state| state.post(to, notice))
    }

    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        self.state().call(ChatError::Unavailable, |state| state.edit(to, message, notice))
    }

    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError> {
        self.state().call(ChatError::Unavailable, |state| state.delete(to, message))
    }

    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        self.state().call(ChatError::Unavailable, |state| state.unfurl(by, trigger, notice))
    }
}

impl State {
    /// Carries `work` out unless the next fault stops it; `lost` is what a lost answer means for this verb.
    fn call<T>(
        &mut self,
        lost: fn(zentry_domain::ports::BoxError) -> ChatError,
        work: impl FnOnce(&mut Self) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        self.calls += 1;
        let fault = match self.faults.pop_front() {
            None => return work(self),
            Some(ChatFault::Expired) => {
                self.renewals += 1;
                return work(self);
            }
            Some(fault) => fault,
        };
        Err(match fault {
            ChatFault::Gone => ChatError::Gone("a fault that was asked for".into()),
            ChatFault::Refused => ChatError::Refused("a fault that was asked for".into()),
            ChatFault::Throttled { after } => ChatError::Throttled { after },
            ChatFault::Unavailable => ChatError::Unavailable("a fault that was asked for".into()),
            ChatFault::Expired | ChatFault::Unauthorized => {
                self.renewals += 1;
                ChatError::Unauthorized("a fault that was asked for".into())
            }
            ChatFault::Unknown { carried_out } => {
                if carried_out {
                    work(self)?;
                }
                lost("the answer was lost".into())
            }
        })
    }

    fn post(&mut self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        self.reach(to)?;
        self.posted += 1;
        let id = MessageId::new(format!("message-{}", self.posted));
        self.messages.push(FakeMessage { id: id.clone(), to: to.clone(), notice: shown(notice), edits: 0 });
        Ok(id)
    }

    fn edit(&mut self, to: &Address, id: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        self.reach(to)?;
        let message = self.messages.iter_mut().find(|message| message.id == *id && message.to.account == to.account);
        let message = message.ok_or_else(|| ChatError::MessageGone("there is no such message".into()))?;
        message.notice = shown(notice);
        message.edits += 1;
        Ok(())
    }

    fn delete(&mut self, to: &Address, id: &MessageId) -> Result<(), ChatError> {
        self.messages.retain(|message| message.id != *id || message.to.account != to.account);
        Ok(())
    }

    fn unfurl(&mut self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        let is_it = |unfurl: &&mut FakeUnfurl| {
            unfurl.by.user == by.user && unfurl.trigger == *trigger && unfurl.notice.is_none()
        };
        let unfurl = self.unfurls.iter_mut().find(is_it);
        let unfurl = unfurl.ok_or_else(|| ChatError::MessageGone("nothing can be shown there".into()))?;
        unfurl.notice = Some(shown(notice));
        Ok(())
    }

    fn reach(&self, to: &Address) -> Result<(), ChatError> {
        let is_closed = self.closed.contains(&to.to);
        if is_closed { Err(ChatError::Gone("there is no such channel".into())) } else { Ok(()) }
    }
}

/// What people see of a notice: every text one clean line, none too long.
fn shown(notice: &Notice) -> Notice {
    let line = |line: &Line| Line { text: text::line(&line.text, LINE_MAX), link: line.link.clone() };
    let button = |button: &Button| Button { label: text::line(&button.label, LABEL_MAX), ..button.clone() };
    let option = |option: &SelectOption| SelectOption { label: text::line(&option.label, LABEL_MAX), ..option.clone() };
    let select = |select: &Select| Select {
        label: text::line(&select.label, LABEL_MAX),
        options: select.options.iter().map(option).collect(),
        chosen: select.chosen,
    };
    Notice {
        field: notice.field.clone(),
        mention: notice.mention.clone(),
        suggestions: Vec::new(),
        menus: Vec::new(),
        selects: notice.selects.iter().map(select).collect(),
        head: text::line(&notice.head, HEAD_MAX),
        lines: notice.lines.iter().map(line).collect(),
        buttons: notice.buttons.iter().map(button).collect(),
        tone: notice.tone,
    }
}
