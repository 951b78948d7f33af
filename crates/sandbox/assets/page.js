// Puts the parts together: what the sandbox tells goes to each of them.

import { act, byId, toast } from "./draw.js";
import * as zoom from "./zoom.js";
import * as sentry from "./sentry.js";
import { showBot, showWire } from "./wire.js";

// === light and dark ===

const theme = byId("theme");
theme.value = localStorage.getItem("theme") ?? "";
const dress = () => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem("theme", theme.value);
};
theme.addEventListener("change", dress);
dress();

// === one part at a time on a phone ===

function turn(tab) {
  document.body.dataset.tab = tab;
  for (const button of document.querySelectorAll(".tabs button")) button.setAttribute("aria-pressed", String(button.dataset.tab === tab));
}
for (const button of document.querySelectorAll(".tabs button")) button.addEventListener("click", () => turn(button.dataset.tab));
turn("zoom");

// === stories ===

/** Whether this tab follows the story: it does where it was begun, until somebody looks elsewhere. */
let follows = false;
let shown = 0;

for (const button of document.querySelectorAll("[data-story]")) {
  button.addEventListener("click", async () => {
    follows = await act({ do: "play", story: button.dataset.story });
  });
}
byId("story-end").addEventListener("click", () => {
  if (byId("story-end").dataset.playing) act({ do: "stop" });
  else byId("story").hidden = true;
});
byId("people").addEventListener("click", () => (follows = false), true);
byId("places").addEventListener("click", () => (follows = false), true);

function showStory(story) {
  if (!story.key) return;
  const button = document.querySelector(`[data-story="${story.key}"]`);
  byId("story-name").textContent = `${button.textContent}:`;
  byId("story-line").textContent = story.failure ? `It stopped. ${story.failure}` : story.lines.at(-1) ?? "";
  byId("story-line").classList.toggle("bad", Boolean(story.failure));
  byId("story-end").textContent = story.is_playing ? "Stop" : "Close";
  byId("story-end").dataset.playing = story.is_playing ? "yes" : "";
  if (story.is_playing || story.number !== shown) byId("story").hidden = false;
  shown = story.number;
  for (const other of document.querySelectorAll("[data-story]")) {
    other.disabled = story.is_playing;
    other.setAttribute("aria-pressed", String(story.is_playing && other === button));
  }
  if (story.is_playing && follows && story.who) zoom.move(story.who, story.place);
}

// === what the sandbox tells ===

byId("pace").addEventListener("change", () => act({ do: "pace", pace: Number(byId("pace").value) }));

function showStage(stage) {
  const pace = byId("pace");
  if (![...pace.options].some((option) => Number(option.value) === stage.pace)) pace.add(new Option(`${stage.pace}×`, stage.pace));
  pace.value = stage.pace;
  sentry.showOutages(stage.outages);
  showStory(stage.story);
}

const PARTS = { chat: zoom.show, sentry: sentry.show, wire: showWire, bot: showBot, stage: showStage };
let stream;

function listen() {
  stream?.close();
  stream = new EventSource(`/events?as=${encodeURIComponent(zoom.viewer())}`);
  for (const [name, show] of Object.entries(PARTS)) {
    stream.addEventListener(name, (event) => show(JSON.parse(event.data)));
  }
  let quiet = false;
  stream.onopen = () => {
    quiet = false;
    document.body.classList.remove("lost");
  };
  stream.onerror = () => {
    if (!quiet) toast("The sandbox does not answer. This page goes on when it is there again.");
    quiet = true;
    document.body.classList.add("lost");
  };
}

zoom.start(listen);
sentry.start();
listen();
