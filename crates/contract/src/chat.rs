//! What every [`Chat`] promises.

use std::sync::Arc;
use std::time::Duration;

use zentry_domain::ports::ChatError;
use zentry_domain::{
    Action, Address, Button, Chat, Choice, Handle, Level, MessageId, Notice, Person, Place, Press, Tone, TriggerId,
    UserJid,
};

/// How long [`Trouble::Throttled`] asks us to wait.
pub const THROTTLED_FOR: Duration = Duration::from_secs(7);

/// What the suite needs beside the port: to cause what goes wrong, and to see what people see.
pub trait Bench: Send + Sync {
    /// The chat under test.
    fn chat(&self) -> Arc<dyn Chat>;

    /// A chat like it, whose platform does not listen.
    fn chat_without_a_platform(&self) -> Arc<dyn Chat>;

    /// A channel that is there.
    fn place(&self) -> Place;

    /// A channel that is not there.
    fn nowhere(&self) -> Place;

    /// The channel of [`Bench::place`] is not there any more.
    fn close_place(&self);

    /// A person in that channel.
    fn ana(&self) -> Person;

    /// Another person in that channel.
    fn ben(&self) -> Person;

    /// Lets the next call go wrong.
    fn cause(&self, trouble: Trouble);

    /// Ends what was caused.
    fn heal(&self);

    /// What `viewer` sees in `place`, oldest first.
    fn seen_in(&self, place: &Place, viewer: &Person) -> Vec<Seen>;

    /// Somebody posts an address in [`Bench::place`]: the trigger under which more of it can be shown.
    fn share(&self, by: &Person) -> TriggerId;

    /// What is shown beside the address of a trigger; its id is nobody's.
    fn unfurled(&self, trigger: &TriggerId) -> Option<Seen>;

    /// How often a credential was fetched so far.
    fn renewals(&self) -> usize;
}

/// What goes wrong with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Told to come back after [`THROTTLED_FOR`].
    Throttled,
    /// The platform answers with a fault of its own, such as a 500.
    Broken,
    /// The credential in use has run out; a new one is accepted.
    Expired,
    /// No credential is accepted until [`Bench::heal`].
    Unaccepted,
    /// The call is carried out, and its answer is lost.
    LostAnswer,
}

/// One message as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub id: MessageId,
    /// Its texts from top to bottom, the head first.
    pub texts: Vec<String>,
    /// The pages that its lines open.
    pub links: Vec<String>,
    /// What its buttons say.
    pub buttons: Vec<String>,
    /// Whether the platform reads markup in its texts.
    pub is_markup: bool,
    /// On whose behalf it was sent.
    pub on_behalf_of: UserJid,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
}

/// Runs every case against the bench that the expression makes; it may await.
#[macro_export]
macro_rules! chat_suite {
    ($bench:expr) => {
        $crate::chat_suite! { @each $bench;
            what_was_posted_is_there_under_the_id_returned,
            two_posts_are_two_messages,
            a_card_shows_its_lines_its_link_and_its_buttons,
            a_message_is_sent_on_behalf_of_the_person_named,
            an_answer_stays_in_its_thread,
            a_private_message_is_visible_to_that_person_only,
            a_direct_message_reaches_the_person,
            an_edit_replaces_the_content,
            an_edit_twice_is_an_edit,
            an_edit_of_a_message_that_is_gone_says_so,
            an_edit_in_a_destination_that_is_gone_says_so,
            deleting_twice_is_fine,
            deleting_in_a_destination_that_is_gone_is_fine,
            a_throttled_call_says_how_long,
            a_fault_of_the_platform_is_unavailable,
            a_platform_that_does_not_listen_is_unavailable,
            a_lost_answer_on_a_post_is_unknown,
            a_lost_answer_on_an_edit_may_be_tried_again,
            a_destination_that_does_not_exist_is_gone,
            an_expired_credential_is_renewed_by_itself_once,
            a_credential_that_is_never_accepted_is_unauthorized,
            a_text_that_is_too_long_is_cut_and_not_refused,
            a_message_of_too_many_lines_is_cut_and_not_refused,
            hostile_text_is_shown_and_not_interpreted,
            more_of_an_address_is_shown_once,
            more_is_shown_only_of_what_somebody_posted_themselves,
            hostile_text_beside_an_address_is_not_interpreted_either,
            what_goes_wrong_beside_an_address_is_told_as_of_a_message,
            an_empty_text_is_not_refused,
        }
    };
    (@each $bench:expr; $($case:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::chat::$case(&$bench).await;
            }
        )*
    };
}

// === posting ===

/// What was posted is there under the id returned.
pub async fn what_was_posted_is_there_under_the_id_returned(bench: &impl Bench) {
    let id = post(bench, "Connected acme / checkout").await;
    let seen = one(bench);
    assert_eq!((seen.id, seen.texts), (id, vec!["Connected acme / checkout".to_owned()]));
}

/// Nothing is swallowed because it was said before.
pub async fn two_posts_are_two_messages(bench: &impl Bench) {
    let first = post(bench, "same").await;
    let second = post(bench, "same").await;
    assert_ne!(first, second);
    assert_eq!(bench.seen_in(&bench.place(), &bench.ana()).len(), 2);
}

/// Nothing of a card is left out.
pub async fn a_card_shows_its_lines_its_link_and_its_buttons(bench: &impl Bench) {
    bench.chat().post(&everyone(bench), &card("New")).await.expect("posted");
    let seen = one(bench);
    assert_eq!(seen.texts, ["New · [checkout] TimeoutError", "checkout/pay.py", "CHECKOUT-7"]);
    assert_eq!(seen.links, ["https://sentry.example.com/organizations/acme/issues/42/"]);
    assert_eq!(seen.buttons, ["Resolve", "Archive"]);
}

/// Platforms want to know for whom a bot speaks.
pub async fn a_message_is_sent_on_behalf_of_the_person_named(bench: &impl Bench) {
    let to = Address::everyone(&bench.place(), &bench.ben());
    bench.chat().post(&to, &Notice::text("hello")).await.expect("posted");
    assert_eq!(one(bench).on_behalf_of, bench.ben().jid);
}

/// An answer in a thread names the message that it answers.
pub async fn an_answer_stays_in_its_thread(bench: &impl Bench) {
    let question = post(bench, "question").await;
    let to = Address { reply_to: Some(question.clone()), ..everyone(bench) };
    let answer = bench.chat().post(&to, &Notice::text("answer")).await.expect("posted");
    let seen = bench.seen_in(&bench.place(), &bench.ana());
    let answer = seen.iter().find(|seen| seen.id == answer).expect("the answer is there");
    assert_eq!(answer.reply_to, Some(question));
}

/// Nobody else in the channel sees a private message.
pub async fn a_private_message_is_visible_to_that_person_only(bench: &impl Bench) {
    let to = Address::privately(&bench.place(), &bench.ana());
    bench.chat().post(&to, &Notice::text("for Ana")).await.expect("posted");
    assert_eq!(bench.seen_in(&bench.place(), &bench.ana()).len(), 1);
    assert_eq!(bench.seen_in(&bench.place(), &bench.ben()), []);
}

/// A person's own chat with the bot is a destination like any other.
pub async fn a_direct_message_reaches_the_person(bench: &impl Bench) {
    let to = Address::direct(&bench.ben());
    bench.chat().post(&to, &Notice::text("for Ben")).await.expect("posted");
    assert_eq!(bench.seen_in(&Place::direct(&bench.ben()), &bench.ben()).len(), 1);
    assert_eq!(bench.seen_in(&bench.place(), &bench.ben()), []);
}

// === editing and deleting ===

/// An edit leaves nothing of what was there before.
pub async fn an_edit_replaces_the_content(bench: &impl Bench) {
    let id = bench.chat().post(&everyone(bench), &card("New")).await.expect("posted");
    bench.chat().edit(&everyone(bench), &id, &Notice::text("Resolved")).await.expect("edited");
    let seen = one(bench);
    assert_eq!((seen.id, seen.texts, seen.buttons), (id, vec!["Resolved".to_owned()], Vec::new()));
}

/// An edit is idempotent.
pub async fn an_edit_twice_is_an_edit(bench: &impl Bench) {
    let id = post(bench, "New").await;
    for _ in 0..2 {
        bench.chat().edit(&everyone(bench), &id, &card("Resolved")).await.expect("edited");
    }
    assert_eq!(one(bench).texts[0], "Resolved · [checkout] TimeoutError");
}

/// The caller posts anew then.
pub async fn an_edit_of_a_message_that_is_gone_says_so(bench: &impl Bench) {
    let id = post(bench, "short-lived").await;
    bench.chat().delete(&everyone(bench), &id).await.expect("deleted");
    let edited = bench.chat().edit(&everyone(bench), &id, &Notice::text("again")).await;
    assert!(matches!(edited, Err(ChatError::MessageGone(_))), "{edited:?}");
}

/// The caller has nowhere to post anew then.
pub async fn an_edit_in_a_destination_that_is_gone_says_so(bench: &impl Bench) {
    let id = post(bench, "orphan").await;
    bench.close_place();
    let edited = bench.chat().edit(&everyone(bench), &id, &Notice::text("again")).await;
    assert!(matches!(edited, Err(ChatError::Gone(_))), "{edited:?}");
}

/// What is gone is deleted already.
pub async fn deleting_twice_is_fine(bench: &impl Bench) {
    let id = post(bench, "short-lived").await;
    for _ in 0..2 {
        bench.chat().delete(&everyone(bench), &id).await.expect("deleted");
        assert_eq!(bench.seen_in(&bench.place(), &bench.ana()), []);
    }
}

/// Nobody sees the message, so there is nothing left to do.
pub async fn deleting_in_a_destination_that_is_gone_is_fine(bench: &impl Bench) {
    let id = post(bench, "orphan").await;
    bench.close_place();
    for _ in 0..2 {
        bench.chat().delete(&everyone(bench), &id).await.expect("deleted");
    }
}

// === what goes wrong ===

/// The platform's own figure is passed on, and nothing was sent.
pub async fn a_throttled_call_says_how_long(bench: &impl Bench) {
    bench.cause(Trouble::Throttled);
    let posted = bench.chat().post(&everyone(bench), &Notice::text("too fast")).await;
    assert!(matches!(posted, Err(ChatError::Throttled { after: Some(THROTTLED_FOR) })), "{posted:?}");
    assert_eq!(bench.seen_in(&bench.place(), &bench.ana()), []);

    let id = post(bench, "in time").await;
    bench.cause(Trouble::Throttled);
    let edited = bench.chat().edit(&everyone(bench), &id, &Notice::text("too fast")).await;
    assert!(matches!(edited, Err(ChatError::Throttled { after: Some(THROTTLED_FOR) })), "{edited:?}");
    bench.cause(Trouble::Throttled);
    let deleted = bench.chat().delete(&everyone(bench), &id).await;
    assert!(matches!(deleted, Err(ChatError::Throttled { after: Some(THROTTLED_FOR) })), "{deleted:?}");
}

/// A fault of the platform is no verdict on the message: the next try may succeed.
pub async fn a_fault_of_the_platform_is_unavailable(bench: &impl Bench) {
    bench.cause(Trouble::Broken);
    let posted = bench.chat().post(&everyone(bench), &Notice::text("hello")).await;
    assert!(matches!(posted, Err(ChatError::Unavailable(_))), "{posted:?}");

    let id = post(bench, "hello").await;
    bench.cause(Trouble::Broken);
    let edited = bench.chat().edit(&everyone(bench), &id, &Notice::text("bye")).await;
    assert!(matches!(edited, Err(ChatError::Unavailable(_))), "{edited:?}");
    bench.cause(Trouble::Broken);
    let deleted = bench.chat().delete(&everyone(bench), &id).await;
    assert!(matches!(deleted, Err(ChatError::Unavailable(_))), "{deleted:?}");
    assert_eq!(one(bench).texts, ["hello"]);
}

/// Nothing was sent, so that it can be sent again without fear of a double.
pub async fn a_platform_that_does_not_listen_is_unavailable(bench: &impl Bench) {
    let chat = bench.chat_without_a_platform();
    let posted = chat.post(&everyone(bench), &Notice::text("hello")).await;
    assert!(matches!(posted, Err(ChatError::Unavailable(_))), "{posted:?}");
}

/// Whoever hears "unknown" must not post again at once: the message may be there.
pub async fn a_lost_answer_on_a_post_is_unknown(bench: &impl Bench) {
    post(bench, "before").await;
    bench.cause(Trouble::LostAnswer);
    let posted = bench.chat().post(&everyone(bench), &Notice::text("lost")).await;
    assert!(matches!(posted, Err(ChatError::Unknown(_))), "{posted:?}");
    assert_eq!(bench.seen_in(&bench.place(), &bench.ana()).len(), 2);
}

/// An edit may be repeated, so a lost answer needs no care.
pub async fn a_lost_answer_on_an_edit_may_be_tried_again(bench: &impl Bench) {
    let id = post(bench, "New").await;
    bench.cause(Trouble::LostAnswer);
    let edited = bench.chat().edit(&everyone(bench), &id, &Notice::text("Resolved")).await;
    assert!(matches!(edited, Err(ChatError::Unavailable(_))), "{edited:?}");
    bench.chat().edit(&everyone(bench), &id, &Notice::text("Resolved")).await.expect("edited");
    assert_eq!(one(bench).texts, ["Resolved"]);
}

/// A deleted channel, or one that the bot was removed from, is gone for good.
pub async fn a_destination_that_does_not_exist_is_gone(bench: &impl Bench) {
    let to = Address::everyone(&bench.nowhere(), &bench.ana());
    let posted = bench.chat().post(&to, &Notice::text("hello?")).await;
    assert!(matches!(posted, Err(ChatError::Gone(_))), "{posted:?}");
}

/// Whoever posts does not notice that a credential has run out.
pub async fn an_expired_credential_is_renewed_by_itself_once(bench: &impl Bench) {
    post(bench, "before").await;
    let renewals = bench.renewals();
    bench.cause(Trouble::Expired);
    post(bench, "after").await;
    post(bench, "and after that").await;
    assert_eq!(bench.renewals(), renewals + 1);
}

/// One new credential is tried and no more: an endless stream of new ones helps nobody.
pub async fn a_credential_that_is_never_accepted_is_unauthorized(bench: &impl Bench) {
    post(bench, "before").await;
    let renewals = bench.renewals();
    bench.cause(Trouble::Unaccepted);
    let posted = bench.chat().post(&everyone(bench), &Notice::text("hello")).await;
    assert!(matches!(posted, Err(ChatError::Unauthorized(_))), "{posted:?}");
    assert_eq!(bench.renewals(), renewals + 1);
    bench.heal();
    post(bench, "after").await;
}

// === what is said ===

/// A long text loses its end, never the whole message.
pub async fn a_text_that_is_too_long_is_cut_and_not_refused(bench: &impl Bench) {
    let long = "é".repeat(100_000);
    let mut notice = Notice::text(&long).line(&long).link(&long, "https://sentry.example.com/");
    notice.buttons = vec![button(&long, Action::Resolve)];
    bench.chat().post(&everyone(bench), &notice).await.expect("posted");
    let seen = one(bench);
    for text in seen.texts.iter().chain(&seen.buttons) {
        assert!(text.starts_with('é') && text.ends_with('…'), "{} bytes", text.len());
    }
}

/// A long message loses its end, never its head or its buttons.
pub async fn a_message_of_too_many_lines_is_cut_and_not_refused(bench: &impl Bench) {
    let mut notice =
        (0..500).fold(Notice::text("Result"), |notice, n| notice.line(format!("{n} {}", "\"é\\".repeat(900))));
    notice.buttons = vec![button("Resolve", Action::Resolve)];
    bench.chat().post(&everyone(bench), &notice).await.expect("posted");
    let seen = one(bench);
    assert_eq!((seen.texts[0].as_str(), seen.buttons), ("Result", vec!["Resolve".to_owned()]));
    assert!(seen.texts[1].starts_with("0 "));
}

/// Titles are written by strangers: none may ping a channel, forge a link or turn the text around.
pub async fn hostile_text_is_shown_and_not_interpreted(bench: &impl Bench) {
    let hostile = "<!all> <https://evil.example|Sentry> *bold* `x` <!u1@xmpp.zoom.us|Ana>";
    let dressed = format!("\u{202e}{hostile}\u{0007}\n\u{200b}> quote");
    let notice = Notice::text(&dressed).line(&dressed).link(&dressed, "javascript:alert(1)");
    bench.chat().post(&everyone(bench), &notice).await.expect("posted");
    let seen = one(bench);
    assert!(!seen.is_markup);
    assert_eq!(seen.texts, vec![format!("{hostile} > quote"); 3]);
}

/// A notice without words is odd, and no reason to lose it.
pub async fn an_empty_text_is_not_refused(bench: &impl Bench) {
    let mut notice = Notice::text("").line("\u{200b}");
    notice.buttons = vec![button("", Action::Resolve)];
    notice.tone = Some(Tone::Resolved);
    bench.chat().post(&everyone(bench), &notice).await.expect("posted");
}

// === beside addresses ===

/// What is there stays as it was first shown.
pub async fn more_of_an_address_is_shown_once(bench: &impl Bench) {
    let (chat, trigger) = (bench.chat(), bench.share(&bench.ana()));
    assert_eq!(bench.unfurled(&trigger), None);
    let notice = Notice { buttons: Vec::new(), ..card("Open") };
    chat.unfurl(&bench.ana(), &trigger, &notice).await.expect("shown");
    let again = chat.unfurl(&bench.ana(), &trigger, &Notice::text("again")).await;
    assert!(matches!(again, Err(ChatError::MessageGone(_))), "{again:?}");
    let seen = bench.unfurled(&trigger).expect("it is shown");
    assert_eq!(seen.texts, ["Open · [checkout] TimeoutError", "checkout/pay.py", "CHECKOUT-7"]);
    assert_eq!(seen.links, ["https://sentry.example.com/organizations/acme/issues/42/"]);
    assert_eq!(seen.buttons, Vec::<String>::new());
}

/// A trigger that is nobody's, or somebody else's, or none at all.
pub async fn more_is_shown_only_of_what_somebody_posted_themselves(bench: &impl Bench) {
    let (chat, bens) = (bench.chat(), bench.share(&bench.ben()));
    for trigger in [&bens, &TriggerId::new("nobodys")] {
        let shown = chat.unfurl(&bench.ana(), trigger, &Notice::text("mine")).await;
        assert!(matches!(shown, Err(ChatError::MessageGone(_))), "{shown:?}");
    }
    assert_eq!(bench.unfurled(&bens), None);
}

/// As of every message.
pub async fn hostile_text_beside_an_address_is_not_interpreted_either(bench: &impl Bench) {
    let trigger = bench.share(&bench.ana());
    let hostile = "<!all> <https://evil.example|Sentry> *bold* \"`x`\"";
    let notice = Notice::text(format!("\u{202e}{hostile}")).line(format!("{hostile}\u{0007}\n"));
    bench.chat().unfurl(&bench.ana(), &trigger, &notice).await.expect("shown");
    let seen = bench.unfurled(&trigger).expect("it is shown");
    assert!(!seen.is_markup);
    assert_eq!(seen.texts, [hostile, hostile]);
}

/// A lost answer needs no care, since it works once.
pub async fn what_goes_wrong_beside_an_address_is_told_as_of_a_message(bench: &impl Bench) {
    let (chat, ana) = (bench.chat(), bench.ana());
    let unfurl = async |trigger: &TriggerId| chat.unfurl(&ana, trigger, &Notice::text("Open")).await;
    let trigger = bench.share(&ana);
    bench.cause(Trouble::Throttled);
    let throttled = unfurl(&trigger).await;
    assert!(matches!(throttled, Err(ChatError::Throttled { after: Some(THROTTLED_FOR) })), "{throttled:?}");
    bench.cause(Trouble::Broken);
    let broken = unfurl(&trigger).await;
    assert!(matches!(broken, Err(ChatError::Unavailable(_))), "{broken:?}");
    bench.cause(Trouble::Expired);
    let renewals = bench.renewals();
    unfurl(&trigger).await.expect("the credential is renewed by itself");
    assert_eq!(bench.renewals(), renewals + 1);
    bench.cause(Trouble::LostAnswer);
    let lost = unfurl(&bench.share(&ana)).await;
    assert!(matches!(lost, Err(ChatError::Unavailable(_))), "{lost:?}");
}

// === the cases' own words ===

async fn post(bench: &impl Bench, text: &str) -> MessageId {
    bench.chat().post(&everyone(bench), &Notice::text(text)).await.expect("posted")
}

fn everyone(bench: &impl Bench) -> Address {
    Address::everyone(&bench.place(), &bench.ana())
}

/// The only message in the channel.
fn one(bench: &impl Bench) -> Seen {
    let mut seen = bench.seen_in(&bench.place(), &bench.ana());
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0)
}

fn card(word: &str) -> Notice {
    let mut notice = Notice::text(format!("{word} · [checkout] TimeoutError"))
        .line("checkout/pay.py")
        .link("CHECKOUT-7", "https://sentry.example.com/organizations/acme/issues/42/");
    notice.buttons = vec![button("Resolve", Action::Resolve), button("Archive", Action::Archive)];
    notice.tone = Some(Tone::Open(Level::Error));
    notice
}

fn button(label: &str, action: Action) -> Button {
    let card = Handle::new("00112233445566778899aabbccddeeff");
    Button {
        label: label.into(),
        primary: action == Action::Resolve,
        press: Press { card, choice: Choice::Act(action) },
    }
}
