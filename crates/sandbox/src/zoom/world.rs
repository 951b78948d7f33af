//! Who and what exists in the simulated Zoom.

use std::collections::HashSet;

use crate::ids::sha256_hex;

/// The chatbot app as its page in the Marketplace shows it. No `Debug`: it holds secrets, if only simulated ones.
#[derive(Clone)]
pub struct App {
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: String,
    /// Bot JID, `v1…@xmpp.zoom.us`.
    pub bot_jid: String,
    /// Secret token, which signs webhooks.
    pub secret_token: String,
}

/// A person of one Zoom account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account's id.
    pub account: String,
    /// The user id, upper and lower case.
    pub user_id: String,
    /// The display name.
    pub name: String,
}

impl Person {
    /// The JID: the user id in lower case at `xmpp.zoom.us` (Zoom, user and channel JIDs).
    #[must_use]
    pub fn jid(&self) -> String {
        format!("{}@xmpp.zoom.us", self.user_id.to_lowercase())
    }
}

/// A channel of one Zoom account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The account's id.
    pub account: String,
    /// 32 hexadecimal digits.
    pub id: String,
    /// The name.
    pub name: String,
}

impl Channel {
    /// The JID: the channel's id at `conference.xmpp.zoom.us`.
    #[must_use]
    pub fn jid(&self) -> String {
        format!("{}@conference.xmpp.zoom.us", self.id)
    }
}

/// Where something is said: a channel, or a person's own chat with the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A channel.
    Channel(Channel),
    /// The chat of this person with the bot.
    Direct(Person),
}

impl Place {
    /// The account in which this place is.
    #[must_use]
    pub fn account(&self) -> &str {
        match self {
            Self::Channel(channel) => &channel.account,
            Self::Direct(person) => &person.account,
        }
    }

    /// The JID at which messages to this place are sent.
    #[must_use]
    pub fn jid(&self) -> String {
        match self {
            Self::Channel(channel) => channel.jid(),
            Self::Direct(person) => person.jid(),
        }
    }

    /// The channel's name, or that of the person.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Channel(channel) => &channel.name,
            Self::Direct(person) => &person.name,
        }
    }
}

impl From<&Channel> for Place {
    fn from(channel: &Channel) -> Self {
        Self::Channel(channel.clone())
    }
}

impl From<&Person> for Place {
    fn from(person: &Person) -> Self {
        Self::Direct(person.clone())
    }
}

impl From<&Self> for Place {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

#[derive(Clone)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) installed: bool,
    people: Vec<Person>,
    channels: Vec<Channel>,
    /// User ids.
    pub(super) administrators: HashSet<String>,
    /// User ids.
    pub(super) guests: HashSet<String>,
    /// Channel id and user id.
    members: Vec<(String, String)>,
}

/// One chatbot app and the accounts that have it. An account exists from its first person or channel on, with the
/// app installed.
#[derive(Clone)]
pub struct World {
    pub(super) app: App,
    accounts: Vec<Account>,
    /// User ids of people of other accounts.
    outsiders: HashSet<String>,
}

impl World {
    /// An app that nobody has installed yet.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { app, accounts: Vec::new(), outsiders: HashSet::new() }
    }

    /// Adds a person to an account.
    pub fn person(&mut self, account: &str, user_id: &str, name: &str) -> Person {
        let person = Person { account: account.to_owned(), user_id: user_id.to_owned(), name: name.to_owned() };
        self.account_or_new(account).people.push(person.clone());
        person
    }

    /// Somebody is a guest from another account: what they do arrives without a user id.
    pub fn outsider(&mut self, person: &Person) {
        self.outsiders.insert(person.user_id.clone());
    }

    /// The user id as webhooks name it: nobody's, where the person is of another account.
    pub(super) fn named_id<'p>(&self, person: &'p Person) -> &'p str {
        if self.is_outsider(person) { "" } else { &person.user_id }
    }

    pub(super) fn is_outsider(&self, person: &Person) -> bool {
        self.outsiders.contains(&person.user_id)
    }

    /// Adds a channel to an account; its id follows from account and name.
    pub fn channel(&mut self, account: &str, name: &str) -> Channel {
        let mut id = sha256_hex(&format!("channel {account} {name}"));
        id.truncate(32);
        let channel = Channel { account: account.to_owned(), id, name: name.to_owned() };
        self.account_or_new(account).channels.push(channel.clone());
        channel
    }

    fn account_or_new(&mut self, id: &str) -> &mut Account {
        let index = self.accounts.iter().position(|account| account.id == id).unwrap_or_else(|| {
            let new = Account::new(id);
            self.accounts.push(new);
            self.accounts.len() - 1
        });
        &mut self.accounts[index]
    }

    pub(super) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(super) fn set_installed(&mut self, account: &str, installed: bool) {
        self.account_or_new(account).installed = installed;
    }

    pub(super) fn is_administrator(&self, person: &Person) -> bool {
        self.account(&person.account).is_some_and(|account| account.administrators.contains(&person.user_id))
    }

    /// Makes somebody an administrator of their account.
    pub fn promote(&mut self, person: &Person) {
        self.account_or_new(&person.account).administrators.insert(person.user_id.clone());
    }

    pub(super) fn demote(&mut self, person: &Person) {
        self.account_or_new(&person.account).administrators.remove(&person.user_id);
    }

    pub(super) fn make_guest(&mut self, person: &Person) {
        self.account_or_new(&person.account).guests.insert(person.user_id.clone());
    }

    /// Somebody belongs to a channel. What may be typed where does not depend on it.
    pub fn join(&mut self, person: &Person, channel: &Channel) {
        self.leave(person, channel);
        self.account_or_new(&channel.account).members.push((channel.id.clone(), person.user_id.clone()));
    }

    pub(super) fn leave(&mut self, person: &Person, channel: &Channel) {
        let is_it = |(id, user): &(String, String)| *id == channel.id && *user == person.user_id;
        self.account_or_new(&channel.account).members.retain(|member| !is_it(member));
    }

    pub(super) fn remove_person(&mut self, person: &Person) {
        self.account_or_new(&person.account).people.retain(|other| other.user_id != person.user_id);
    }

    pub(super) fn remove_channel(&mut self, channel: &Channel) {
        self.account_or_new(&channel.account).channels.retain(|other| other.id != channel.id);
    }

    pub(super) fn rename(&mut self, person: &Person, name: &str) {
        let people = &mut self.account_or_new(&person.account).people;
        people
            .iter_mut()
            .filter(|other| other.user_id == person.user_id)
            .for_each(|other| name.clone_into(&mut other.name));
    }

    pub(super) fn rename_channel(&mut self, channel: &Channel, name: &str) {
        let channels = &mut self.account_or_new(&channel.account).channels;
        channels.iter_mut().filter(|other| other.id == channel.id).for_each(|other| name.clone_into(&mut other.name));
    }

    /// The channel as it is called now.
    pub(super) fn current(&self, channel: &Channel) -> Channel {
        let account = self.account(&channel.account);
        let now = account.and_then(|account| account.channels.iter().find(|other| other.id == channel.id));
        now.unwrap_or(channel).clone()
    }
}

impl Account {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            installed: true,
            people: Vec::new(),
            channels: Vec::new(),
            administrators: HashSet::new(),
            guests: HashSet::new(),
            members: Vec::new(),
        }
    }

    pub(super) fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The user ids of those who belong to a channel.
    pub(super) fn members(&self, channel: &Channel) -> Vec<String> {
        let of_channel = self.members.iter().filter(|(id, _)| *id == channel.id);
        of_channel.map(|(_, user)| user.clone()).collect()
    }

    pub(super) fn person_by_jid(&self, jid: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.jid() == jid.to_lowercase())
    }

    pub(super) fn person_by_id(&self, user_id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.user_id == user_id)
    }

    /// The place behind a `to_jid`: a channel's JID, a person's, or the bot chat's form that webhooks carry.
    pub(super) fn place(&self, to_jid: &str, bot_jid: &str) -> Option<Place> {
        let jid = to_jid.to_lowercase();
        let person = jid.strip_suffix(&format!("/robot_{}", bot_jid.to_lowercase())).unwrap_or(&jid);
        let channel = self.channels.iter().find(|channel| channel.jid() == jid);
        channel.map(Place::from).or_else(|| self.person_by_jid(person).map(Place::from))
    }
}
