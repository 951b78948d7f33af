//! The fake that the app is tested with keeps the promises of every chat.

use std::sync::Arc;

use zentry_contract::chat::{Bench, Seen, THROTTLED_FOR, Trouble};
use zentry_contract::fake::{ChatFault, FakeChat, FakeMessage};
use zentry_contract::{chat_suite, sample};
use zentry_domain::{Address, Chat, MessageId, Person, Place, TriggerId};

struct FakeBench(Arc<FakeChat>);

impl FakeBench {
    fn new() -> Self {
        let chat = FakeChat::new();
        chat.close(&sample::channel("acc", "nowhere").channel);
        Self(Arc::new(chat))
    }
}

impl Bench for FakeBench {
    fn chat(&self) -> Arc<dyn Chat> {
        Arc::<FakeChat>::clone(&self.0)
    }

    fn chat_without_a_platform(&self) -> Arc<dyn Chat> {
        let chat = FakeChat::new();
        chat.fail_next(ChatFault::Unavailable);
        Arc::new(chat)
    }

    fn place(&self) -> Place {
        sample::ops()
    }

    fn nowhere(&self) -> Place {
        sample::channel("acc", "nowhere")
    }

    fn close_place(&self) {
        self.0.close(&self.place().channel);
    }

    fn ana(&self) -> Person {
        sample::ana()
    }

    fn ben(&self) -> Person {
        sample::ben()
    }

    fn cause(&self, trouble: Trouble) {
        self.0.fail_next(match trouble {
            Trouble::Throttled => ChatFault::Throttled { after: Some(THROTTLED_FOR) },
            Trouble::Broken => ChatFault::Unavailable,
            Trouble::Expired => ChatFault::Expired,
            Trouble::Unaccepted => ChatFault::Unauthorized,
            Trouble::LostAnswer => ChatFault::Unknown { carried_out: true },
        });
    }

    fn heal(&self) {
        self.0.heal();
    }

    fn seen_in(&self, place: &Place, viewer: &Person) -> Vec<Seen> {
        self.0.seen_in(place, viewer).into_iter().map(seen).collect()
    }

    fn share(&self, by: &Person) -> TriggerId {
        self.0.share(by)
    }

    fn unfurled(&self, trigger: &TriggerId) -> Option<Seen> {
        let shown = self.0.unfurled().into_iter().find(|unfurl| unfurl.trigger == *trigger)?;
        let notice = shown.notice?;
        let (to, id) = (Address::direct(&shown.by), MessageId::new(""));
        Some(seen(FakeMessage { id, to, notice, edits: 0 }))
    }

    fn renewals(&self) -> usize {
        self.0.renewals()
    }
}

fn seen(message: FakeMessage) -> Seen {
    let lines = message.notice.lines;
    Seen {
        id: message.id,
        texts: std::iter::once(message.notice.head).chain(lines.iter().map(|line| line.text.clone())).collect(),
        links: lines.iter().filter_map(|line| line.link.clone()).collect(),
        buttons: message.notice.buttons.into_iter().map(|button| button.label).collect(),
        is_markup: false,
        on_behalf_of: message.to.on_behalf_of,
        reply_to: message.to.reply_to,
    }
}

chat_suite!(FakeBench::new());
