// The strip below: what goes over the wire, and the bot's own ledger.

import { byId, h, keyed, time } from "./draw.js";

export function showWire({ entries }) {
  keyed(byId("requests"), [...entries].reverse(), (entry) => entry.number, row);
}

function row(entry) {
  const bad = entry.status === null || entry.status >= 400;
  return h("tr", { class: bad ? "bad" : "" },
    h("td", {}, time(entry.at)),
    h("td", {}, h("span", { class: `party of-${entry.from.toLowerCase()}` }, entry.from), " → ", h("span", { class: `party of-${entry.to.toLowerCase()}` }, entry.to)),
    h("td", { class: "path", title: entry.path }, `${entry.method} ${entry.path}`),
    h("td", {}, entry.signature ? h("span", { class: `signature ${entry.signature}` }, entry.signature === "good" ? "✓ good" : "✗ refused") : "–"),
    h("td", { class: "number" }, entry.status === null ? "none" : String(entry.status)),
    h("td", { class: "number" }, `${entry.ms} ms`),
    h("td", { class: "why" }, [entry.about, entry.verdict].filter(Boolean).join(" · ")));
}

export function showBot(bot) {
  if (!bot.up) {
    keyed(byId("ledger"), [{ up: false }], () => "down", () => h("p", { class: "soft" }, "The bot does not answer."));
    return;
  }
  const sum = bot.delivered + bot.suppressed + bot.pending + bot.dead;
  const parts = [
    { name: "accepted", count: bot.accepted },
    { name: "delivered", count: bot.delivered, sign: "=" },
    { name: "held back", count: bot.suppressed, sign: "+", about: words(bot.reasons) },
    { name: "pending", count: bot.pending, sign: "+" },
    { name: "dead", count: bot.dead, sign: "+", bad: bot.dead > 0 },
  ];
  const items = [
    { key: "ledger", parts, holds: sum === bot.accepted },
    { key: "lanes", waiting: bot.waiting, dead: bot.dead_jobs, jobs: jobs(bot.jobs) },
  ];
  keyed(byId("ledger"), items, (item) => item.key, (item) => (item.key === "ledger" ? equation(item) : lanes(item)));
}

const words = (reasons) => Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`).join(", ");

/** `post done` and the like, summed for each kind. */
function jobs(all) {
  return Object.entries(all).filter(([, count]) => count).map(([name, count]) => [name, count]);
}

function equation({ parts, holds }) {
  return h("div", { class: "equation" },
    h("h3", {}, "Ledger ", h("span", { class: holds ? "holds" : "holds not" }, holds ? "✓ adds up" : "does not add up")),
    h("div", { class: "sum" }, parts.map((part) => [
      part.sign ? h("span", { class: "sign", "aria-hidden": "true" }, part.sign) : null,
      h("span", { class: part.bad ? "term bad" : "term", title: part.about ?? null }, h("b", {}, String(part.count)), h("small", {}, part.name)),
    ])));
}

function lanes({ waiting, dead, jobs }) {
  return h("div", { class: "lanes" }, h("h3", {}, "Outbox"),
    h("p", {}, h("b", {}, String(waiting)), " waiting, ", h("b", {}, String(dead)), " dead"),
    h("ul", {}, jobs.map(([name, count]) => h("li", {}, `${name}: ${count}`))));
}
