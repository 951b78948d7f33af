//! Sending, editing and deleting messages, and showing more of addresses (Zoom, chatbot API).

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderValue, Method, header};
use serde_json::Value;
use url::Url;
use zentry_domain::ports::ChatError;
use zentry_domain::{AccountId, Address, ChannelId, Chat, Clock, MessageId, Notice, Person, TriggerId};
use zentry_http_client::{HttpClient, Request, Response};

use crate::answer::{Failure, Kind, Verb, verdict};
use crate::rate::Rate;
use crate::token::Tokens;
use crate::{ZoomConfig, card, wire};

/// Zoom Team Chat, spoken to as the chatbot of one app.
pub struct ZoomChat {
    pub(crate) http: HttpClient,
    pub(crate) clock: Arc<dyn Clock>,
    bot_jid: String,
    chat: Url,
    messages: Url,
    tokens: Tokens,
    pub(crate) rate: Arc<Rate>,
}

/// One call of the chatbot API, which may have to be made twice.
struct Call<'a> {
    account: &'a AccountId,
    verb: Verb,
    url: Url,
    body: Option<Vec<u8>>,
}

impl ZoomChat {
    /// Calls nobody yet. `clock` says when a token is to be renewed, and paces the calls.
    pub fn new(config: ZoomConfig, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        let chat = wire::under(&config.api, &["v2", "im", "chat"]);
        let messages = wire::under(&chat, &["messages"]);
        let tokens =
            Tokens::new(http.clone(), Arc::clone(&clock), &config.oauth, config.client_id, config.client_secret);
        let rate = Arc::new(Rate::new(config.rate, Arc::clone(&clock)));
        Self { http, clock, bot_jid: config.bot_jid, chat, messages, tokens, rate }
    }

    /// What Zoom lets the bot do, told with a new token: for an operator's check.
    ///
    /// # Errors
    /// [`ChatError::Unauthorized`] where Zoom does not accept the app's credentials.
    pub async fn scopes(&self) -> Result<Vec<String>, ChatError> {
        Ok(self.tokens.scopes().await?)
    }

    async fn send(&self, to: &Address, notice: &Notice) -> Result<MessageId, Failure> {
        let message = wire::NewMessage::new(&self.bot_jid, to, card::content(notice));
        let (verb, url) = (Verb::Post, self.messages.clone());
        let call = Call { account: &to.account, verb, url, body: Some(json(&message)?) };
        let response = self.call(call).await?;
        let unnamed =
            || Failure::unheard(Verb::Post, format!("Zoom answered {} without a message id", response.status));
        message_id(&response.body).ok_or_else(unnamed)
    }

    /// The other form in which Zoom addresses a person's chat with the bot; several are reported (Zoom, channel or DM).
    fn other_form(&self, to: &Address) -> Option<Address> {
        let jid = to.to.as_str();
        let other = ChannelId::new(format!("{jid}/robot_{}", self.bot_jid));
        (!jid.contains("@conference.") && !jid.contains('/')).then(|| Address { to: other, ..to.clone() })
    }

    /// Makes the call; once more with another token where the first is refused.
    async fn call(&self, call: Call<'_>) -> Result<Response, Failure> {
        let token = self.tokens.current().await?;
        match self.attempt(&call, &token).await {
            Err(Failure { kind: Kind::Unauthorized, .. }) => {
                let token = self.tokens.instead_of(&token).await?;
                self.attempt(&call, &token).await
            }
            answered => answered,
        }
    }

    async fn attempt(&self, call: &Call<'_>, token: &HeaderValue) -> Result<Response, Failure> {
        self.rate.turn(call.account).await?;
        let sent = self.http.send(call.request(token)).await;
        let response = sent.map_err(|error| Failure::of_transport(call.verb, &error))?;
        verdict(call.verb, &response, self.clock.now())?;
        Ok(response)
    }
}

#[async_trait]
impl Chat for ZoomChat {
    async fn post(&self, to: &Address, notice: &Notice) -> Result<MessageId, ChatError> {
        match (self.send(to, notice).await, self.other_form(to)) {
            (Err(Failure { kind: Kind::Gone, .. }), Some(other)) => Ok(self.send(&other, notice).await?),
            (sent, _) => Ok(sent?),
        }
    }

    async fn edit(&self, to: &Address, message: &MessageId, notice: &Notice) -> Result<(), ChatError> {
        let edit = wire::Edit::new(&self.bot_jid, to, card::content(notice));
        let url = wire::under(&self.messages, &[message.as_str()]);
        self.call(Call { account: &to.account, verb: Verb::Edit, url, body: Some(json(&edit)?) }).await?;
        Ok(())
    }

    async fn delete(&self, to: &Address, message: &MessageId) -> Result<(), ChatError> {
        let mut url = wire::under(&self.messages, &[message.as_str()]);
        url.query_pairs_mut()
            .append_pair("account_id", to.account.as_str())
            .append_pair("robot_jid", &self.bot_jid)
            .extend_pairs(wire::filled(to.on_behalf_of.as_str()).map(|jid| ("user_jid", jid)));
        match self.call(Call { account: &to.account, verb: Verb::Delete, url, body: None }).await {
            // Nobody sees a message of which Zoom says that it, or where it was, is gone.
            Ok(_) | Err(Failure { kind: Kind::Gone | Kind::MessageGone, .. }) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The address to which Zoom wants the answer comes with its webhook, and is never called: it is built here.
    async fn unfurl(&self, by: &Person, trigger: &TriggerId, notice: &Notice) -> Result<(), ChatError> {
        let (user, trigger) = (by.user.as_str(), trigger.as_str());
        if !wire::is_segment(user) || !wire::is_segment(trigger) {
            return Err(ChatError::MessageGone("no address of Zoom's holds these ids".into()));
        }
        let url = wire::under(&self.chat, &["users", user, "unfurls", trigger]);
        let content = wire::Unfurl::new(&card::content(notice)).map_err(|error| unwritten(&error))?;
        self.call(Call { account: &by.account, verb: Verb::Unfurl, url, body: Some(json(&content)?) }).await?;
        Ok(())
    }
}

impl Call<'_> {
    fn request(&self, token: &HeaderValue) -> Request {
        let method = match self.verb {
            Verb::Post | Verb::Unfurl | Verb::Token => Method::POST,
            Verb::Read => Method::GET,
            Verb::Edit => Method::PUT,
            Verb::Delete => Method::DELETE,
        };
        let request = Request::new("zoom", method, self.url.clone()).header(header::AUTHORIZATION, token.clone());
        match &self.body {
            Some(body) => {
                request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body.clone())
            }
            None => request,
        }
    }
}

fn json(message: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(message).map_err(|error| unwritten(&error))
}

fn unwritten(error: &serde_json::Error) -> Failure {
    Failure::new(Kind::Refused, format!("cannot be written as JSON: {error}"))
}

/// A 2xx without an id, such as a proxy's page, proves nothing.
fn message_id(body: &[u8]) -> Option<MessageId> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let id = answer["message_id"].as_str().filter(|id| !id.is_empty())?;
    Some(MessageId::new(id))
}
