// The left half: a Zoom Team Chat.

import { act, byId, h, keyed, time } from "./draw.js";
import { card, text } from "./card.js";

const HINTS = {
  channel: ["/sentry connect acme checkout", "/sentry help", "/sentry configure", "/sentry mute 1h", "/sentry disconnect"],
  direct: ["help", "whoami", "connect acme checkout", "configure all", "unlink"],
};
const WELCOME = {
  channel: "Nothing here yet. Connect the channel: /sentry connect acme checkout",
  direct: "This is your own chat with the bot. Links and codes come here, and nobody else sees it.",
};

/** Which part of the chat this tab shows. */
const here = { who: "jane", place: "checkout-alerts", thread: null };
/** How many messages of each person's places were on the screen. */
const seen = {};
let chat = { people: [], places: [] };
let whenMoved = () => {};

export function start(onMoved) {
  const query = new URLSearchParams(location.search);
  here.who = query.get("as") ?? here.who;
  here.place = query.get("at") ?? here.place;
  whenMoved = onMoved;
  byId("composer").addEventListener("submit", send);
  const box = byId("messages");
  box.addEventListener("scroll", () => (box.atEnd = isAtEnd(box)));
  new ResizeObserver(() => box.atEnd && (box.scrollTop = box.scrollHeight)).observe(box);
  byId("replying").querySelector("button").addEventListener("click", () => reply(null));
}

export const viewer = () => here.who;

/** Shows another place, or the chat as another person. */
export function move(who, place) {
  const person = who !== here.who;
  if (!person && place === here.place) return;
  Object.assign(here, { who, place, thread: null });
  history.replaceState(null, "", `?as=${encodeURIComponent(who)}&at=${encodeURIComponent(place)}`);
  // Another person's chat is drawn when it has come.
  if (person) whenMoved();
  else draw();
}

export function show(state) {
  chat = state;
  if (!chat.places.some((place) => place.key === here.place)) here.place = chat.places[0].key;
  // Whoever this tab shows: a change of person is drawn when that person's chat has come.
  const me = chat.people.find((person) => person.me);
  if (me.key === here.who || !chat.people.some((person) => person.key === here.who)) draw();
}

function draw() {
  if (!chat.places.length) return;
  keyed(byId("people"), chat.people.map((person) => ({ ...person, on: person.key === here.who })), (person) => person.key, persona);
  const list = chat.places.map((place) => ({ key: place.key, name: place.name, on: place.key === here.place, unread: unread(place) }));
  keyed(byId("places"), list, (place) => place.key, doorway);
  const place = chat.places.find((found) => found.key === here.place);
  const kind = here.place === "direct" ? "direct" : "channel";
  const name = kind === "direct" ? place.name : `#${place.name}`;
  byId("place-name").textContent = name;
  byId("place-about").textContent = kind === "direct" ? "App · only you and the bot" : "Everybody of the account sees this";
  byId("box").setAttribute("aria-label", `Message ${name}`);
  byId("box").placeholder = kind === "direct" ? "Write to the bot" : "Write a message, or /sentry and a command";
  messages(place, kind);
  keyed(byId("hints"), HINTS[kind].map((hint) => ({ hint, place: here.place })), (item) => item.hint, suggestion);
  keyed(byId("admin"), here.who === "ben" ? [{ is_on: false }, { is_on: true }] : [], (item) => item.is_on, installer);
  badge();
}

function persona(person) {
  return h("button", {
    type: "button", class: "persona", "aria-pressed": String(person.on), "data-focus": "persona",
    onclick: () => move(person.key, here.place),
  }, avatar(person.name), h("span", {}, h("b", {}, person.name), h("small", {}, person.about)));
}

function doorway(place) {
  const mark = place.key === "direct" ? h("span", { class: "mark", "aria-hidden": "true" }, "S") : h("span", { class: "mark", "aria-hidden": "true" }, "#");
  return h("button", {
    type: "button", class: "doorway", "aria-current": place.on ? "page" : null, "data-focus": "doorway",
    onclick: () => {
      move(here.who, place.key);
      byId("box").focus({ preventScroll: true });
    },
  }, mark, h("span", {}, place.name),
  place.unread ? h("span", { class: "badge", "aria-label": `${place.unread} unread` }, String(place.unread)) : null);
}

function installer(item) {
  return h("button", { type: "button", class: "text", onclick: () => act({ do: "install", is_on: item.is_on }) },
    item.is_on ? "Add the app" : "Remove the app");
}

function suggestion(item) {
  return h("button", {
    type: "button", class: "pill", "data-focus": item.hint,
    onclick: () => {
      byId("box").value = item.hint;
      byId("box").focus();
    },
  }, item.hint);
}

// === messages ===

const memory = (place) => `${here.who} ${place}`;

function unread(place) {
  const known = seen[memory(place.key)] ?? 0;
  return place.key === here.place ? 0 : place.messages.filter((message) => message.content && message.at > known).length;
}

function badge() {
  const count = chat.places.map(unread).reduce((sum, more) => sum + more, 0);
  const mark = document.querySelector(".tabs .badge");
  mark.hidden = !count;
  mark.textContent = count || "";
}

function messages(place, kind) {
  const box = byId("messages");
  const moved = box.dataset.place !== memory(place.key);
  const atEnd = moved || isAtEnd(box);
  box.dataset.place = memory(place.key);
  const known = new Set(place.messages.map((message) => message.id));
  const replies = place.messages.filter((message) => known.has(message.thread));
  const tops = place.messages.filter((message) => !known.has(message.thread));
  const items = tops.map((message) => ({ ...message, replies: replies.filter((reply) => reply.thread === message.id) }));
  if (!items.length) items.push({ id: "welcome", welcome: WELCOME[kind] });
  keyed(box, items, (item) => `${place.key} ${item.id}`, (item) => (item.welcome ? h("p", { class: "welcome" }, item.welcome) : thread(item)));
  seen[memory(place.key)] = Math.max(0, ...place.messages.map((message) => message.at));
  if (atEnd) box.scrollTop = box.scrollHeight;
  box.atEnd = atEnd;
}

const isAtEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 60;

function thread(item) {
  const answers = item.replies.length
    ? h("div", { class: "replies" }, h("p", { class: "soft" }, item.replies.length === 1 ? "1 reply" : `${item.replies.length} replies`), item.replies.map(message))
    : null;
  const more = h("button", {
    type: "button", class: "text", "data-focus": "reply", "aria-label": "Reply in the thread",
    onclick: () => reply(item),
  }, "Reply");
  return h("article", { "aria-label": `${item.content ? "Sentry" : item.name}, ${time(item.at)}` }, message(item), answers, h("div", { class: "more" }, more));
}

function message(item) {
  const name = item.content ? "Sentry" : item.name;
  const marks = [
    item.content ? h("span", { class: "tag" }, "App") : null,
    h("time", {}, time(item.at)),
    item.edited ? h("span", { class: "soft" }, "(edited)") : null,
  ];
  const body = item.content ? card(item, press(item), choose(item)) : h("p", { class: item.private ? "typed" : "" }, text(item.text, false));
  return h("div", { class: item.unfurls ? "message unfurled" : "message" },
    avatar(name, Boolean(item.content)),
    h("div", { class: "body" }, h("p", { class: "by" }, h("b", {}, name), marks), body,
      item.private ? h("p", { class: "private" }, "Only visible to you") : null));
}

function avatar(name, bot = false) {
  const initials = name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  return h("span", { class: bot ? "avatar bot" : `avatar of-${name[0].toLowerCase()}`, "aria-hidden": "true" }, initials);
}

const press = (item) => (value) => act({ do: "press", who: here.who, message: item.id, value });
const choose = (item) => (select, value) => act({ do: "choose", who: here.who, message: item.id, select, value });

// === writing ===

function reply(item) {
  here.thread = item?.id ?? null;
  const note = byId("replying");
  note.hidden = !item;
  note.querySelector("span").textContent = item ? `In the thread of the message of ${time(item.at)}.` : "";
  byId("box").focus();
}

async function send(event) {
  event.preventDefault();
  const box = byId("box");
  const words = box.value.trim();
  if (!words) return;
  box.value = "";
  const thread = here.thread;
  if (thread) reply(null);
  const ok = await act({ do: "write", who: here.who, place: here.place, text: words, thread });
  // What was not taken can be sent again.
  if (!ok && !box.value) box.value = words;
}
