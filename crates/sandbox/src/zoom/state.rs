//! What the simulated Zoom remembers, and how it behaves where the documentation leaves a choice.

use std::collections::{HashMap, HashSet};

use super::{grant::Grants, message::Message, refusal::Refusal, spoken::Spoken, unfurl::Posted, world::World};
use crate::{http::Request, ids::Ids};

/// How a bot chat is named in webhooks: three forms have been seen (Zoom, chatbot events and captures).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DirectForm {
    /// `<userJid>/robot_<robotJid>`.
    #[default]
    PersonAndRobot,
    /// `<userJid>`.
    Person,
    /// The bot's own JID.
    Robot,
}

/// Under which event a choice in a drop-down list arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChoiceForm {
    /// `interactive_message_select`.
    #[default]
    Select,
    /// `interactive_message_actions` with `selectedItems`.
    Actions,
}

/// Where the documentation leaves a choice, the bot must live with either.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// The form of `toJid` in a bot chat.
    pub direct_form: DirectForm,
    /// Whether a bot chat can be written to only under the form that webhooks carry, `<user>/robot_<bot>`.
    pub directs_by_full_form_only: bool,
    /// The event of a choice.
    pub choice_form: ChoiceForm,
    /// Whether a bare command has no `cmd` at all instead of an empty one.
    pub bare_without_cmd: bool,
    /// Whether an edit is answered 204 without a body instead of 200.
    pub edit_answers_empty: bool,
    /// Whether a redelivery is signed anew instead of repeating the first attempt's headers.
    pub redelivery_signed_anew: bool,
    /// Whether the token endpoint refuses a grant by a numeric code instead of an OAuth error.
    pub oauth_errors_by_code: bool,
    /// Whether a user's record leaves out what they are in the account.
    pub users_without_role: bool,
    /// Whether the directory knows a guest, as somebody of another account, instead of nobody under that id.
    pub guests_have_records: bool,
    /// Calls a second (by the sandbox's clock) and account before 429; no limit where none.
    pub calls_per_second: Option<u32>,
}

pub(super) struct State {
    pub(super) world: World,
    pub(super) manners: Manners,
    /// Token to the moment of its end.
    pub(super) tokens: HashMap<String, i64>,
    /// People's grants, which are no use where the bot's token is wanted, nor the other way round.
    pub(super) grants: Grants,
    pub(super) messages: Vec<Message>,
    /// What people have written.
    pub(super) spoken: Vec<Spoken>,
    /// Addresses of which more can be shown.
    pub(super) posted: Vec<Posted>,
    /// User ids of people whose chat the bot may not write to.
    pub(super) refused_directs: HashSet<String>,
    /// Account to second and calls in it.
    rate: HashMap<String, (i64, u32)>,
    legacy_ids: bool,
}

impl State {
    pub(super) fn new(world: World) -> Self {
        Self {
            world,
            manners: Manners::default(),
            tokens: HashMap::new(),
            grants: Grants::default(),
            messages: Vec::new(),
            spoken: Vec::new(),
            posted: Vec::new(),
            refused_directs: HashSet::new(),
            rate: HashMap::new(),
            legacy_ids: false,
        }
    }

    pub(super) fn authorize(&self, request: &Request, now_ms: i64) -> Result<(), Refusal> {
        let token = request.bearer().ok_or_else(Refusal::no_token)?;
        match self.tokens.get(token) {
            None => Err(Refusal::unknown_token()),
            Some(end) if *end <= now_ms => Err(Refusal::expired_token()),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn count_call(&mut self, account: &str, now_ms: i64) -> Result<(), Refusal> {
        let Some(limit) = self.manners.calls_per_second else { return Ok(()) };
        let second = now_ms / 1000;
        let window = self.rate.entry(account.to_owned()).or_insert((second, 0));
        *window = if window.0 == second { (second, window.1 + 1) } else { (second, 1) };
        if window.1 <= limit { Ok(()) } else { Err(Refusal::too_fast()) }
    }

    /// An opaque id, in turn in each of the two forms that Zoom has used.
    pub(super) fn new_message_id(&mut self, ids: &Ids, now_ms: i64) -> String {
        self.legacy_ids = !self.legacy_ids;
        if self.legacy_ids {
            return ids.uuid().to_uppercase();
        }
        let stamp: String = crate::clock::rfc3339(now_ms).chars().filter(char::is_ascii_digit).take(17).collect();
        format!("{stamp}_{}_aw1", &ids.hex32()[..7])
    }

    /// The message of this id in this account, unless deleted.
    pub(super) fn message(&mut self, account: &str, id: &str) -> Result<&mut Message, Refusal> {
        let found =
            self.messages.iter_mut().find(|message| message.id == id && !message.deleted && message.unfurls.is_none());
        found.filter(|message| message.place.account() == account).ok_or_else(|| Refusal::unknown_message(id))
    }
}
