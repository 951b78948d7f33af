// The right half: a Sentry, and its outages.

import { act, byId, h, keyed, options } from "./draw.js";

let sentry = { organizations: [], people: [], issues: [] };
const open = new Set();

export function start() {
  const raise = byId("raise");
  raise.addEventListener("submit", (event) => {
    event.preventDefault();
    act(error(1));
  });
  byId("storm").addEventListener("click", () => act(error(Number(byId("storm-count").value))));
  byId("measure").addEventListener("submit", (event) => {
    event.preventDefault();
    const { project, value } = event.target.elements;
    act({ do: "measure", project: Number(project.value), action: event.submitter.value, value: Number(value.value) });
  });
  byId("outages").addEventListener("change", (event) => {
    const { name, type, checked, value } = event.target;
    act({ do: "switch", switch: { [name]: type === "checkbox" ? checked : value } });
  });
  byId("outages").addEventListener("submit", (event) => event.preventDefault());
  byId("revoke").addEventListener("click", () => act({ do: "revoke", user: by() }));
  byId("user").addEventListener("change", named);
  byId("only").addEventListener("change", () => show(sentry));
  for (const tab of document.querySelectorAll(".subtabs button")) {
    tab.addEventListener("click", () => panel(tab.dataset.panel));
  }
}

function panel(name) {
  for (const tab of document.querySelectorAll(".subtabs button")) tab.setAttribute("aria-pressed", String(tab.dataset.panel === name));
  for (const box of document.querySelectorAll(".panel")) box.hidden = box.dataset.panel !== name;
}

const by = () => Number(byId("user").value);

function named() {
  byId("revoke").querySelector("span").textContent = byId("user").selectedOptions[0]?.textContent ?? "";
}

function error(times) {
  const { title, project, level, environment, release } = byId("raise").elements;
  return {
    do: "raise", times, title: title.value, project: Number(project.value), level: level.value,
    environment: environment.value.trim(), release: release.value.trim(),
  };
}

export function show(state) {
  sentry = state;
  const projects = sentry.organizations.flatMap((organization) =>
    organization.projects.map((project) => [project.id, `${organization.slug} / ${project.slug}`]));
  for (const form of ["raise", "measure"]) options(byId(form).elements.project, projects);
  options(byId("user"), sentry.people.map((person) => [person.id, person.name]));
  options(byId("only"), [["", "all"], ...projects.map(([, name]) => [name, name])]);
  named();
  const only = byId("only").value;
  const issues = sentry.issues.filter((issue) => !only || `${issue.organization} / ${issue.project}` === only);
  byId("issue-count").textContent = sentry.total ? `(${sentry.total})` : "";
  if (issues.length) keyed(byId("issues"), issues.map((issue) => ({ ...issue, people: sentry.people })), (issue) => issue.id, row);
  else keyed(byId("issues"), [{ id: "none" }], (item) => item.id, () => h("p", { class: "soft" }, "No issues. Raise an error: it comes to every channel that is connected to its project."));
}

export function showOutages(outages) {
  let on = 0;
  for (const [name, value] of Object.entries(outages)) {
    const field = byId("outages").elements[name];
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
    on += value !== false && value !== "fine";
  }
  const badge = document.querySelector(".subtabs .badge");
  badge.hidden = !on;
  badge.textContent = on || "";
  badge.setAttribute("aria-label", `${on} switched on`);
}

const STATES = { ignored: "archived" };

function row(issue) {
  const state = issue.status === "unresolved" ? issue.substatus ?? "ongoing" : STATES[issue.status] ?? issue.status;
  const summary = h("summary", { "data-focus": "issue" },
    h("span", { class: `level ${issue.level}` }, issue.level),
    h("span", { class: "what" }, h("b", {}, issue.title),
      h("small", {}, [issue.short_id, issue.environment, issue.release, issue.assignee && `assigned to ${issue.assignee}`].filter(Boolean).join(" · "))),
    h("span", { class: "count" }, issue.count === 1 ? "1 event" : `${issue.count} events`),
    h("span", { class: `state ${state}` }, state));
  const box = h("details", {
    open: open.has(issue.id),
    ontoggle: () => (box.open ? open.add(issue.id) : open.delete(issue.id)),
  }, summary, h("div", { class: "deeds" },
    h("div", { class: "row" }, deeds(issue)), assign(issue), comment(issue),
    issue.comments.map((note) => h("p", { class: "note-of" }, h("b", {}, note.author), `: ${note.text}`)),
    h("p", {}, h("a", { href: issue.url, target: "_blank", rel: "noopener noreferrer", "data-focus": "page" }, "Its page at Sentry"))));
  return box;
}

function deeds(issue) {
  const isOpen = issue.status === "unresolved";
  const all = [
    ["Resolve", "resolve", isOpen], ["Archive", "archive", isOpen], ["Reopen", "reopen", !isOpen],
    ["Happen again", "again", true], ["Regress", "regress", issue.status === "resolved"],
    ["Escalate", "escalate", issue.status === "ignored"], ["Fire an issue alert", { alert: "High volume" }, true],
  ];
  return all.filter(([, , fits]) => fits).map(([text, change]) =>
    h("button", { type: "button", "data-focus": text, onclick: () => to(issue, change) }, text));
}

const to = (issue, change) => act({ do: "change", issue: issue.id, by: by(), change });

function assign(issue) {
  const list = h("select", { "data-focus": "assignee", "aria-label": `Assignee of ${issue.short_id}` },
    issue.people.map((person) => h("option", { value: person.id }, person.name)));
  return h("div", { class: "row" }, list,
    h("button", { type: "button", "data-focus": "assign", onclick: () => to(issue, { assign: Number(list.value) }) }, "Assign"));
}

function comment(issue) {
  const box = h("input", { type: "text", "data-focus": "comment", "aria-label": `Comment on ${issue.short_id}`, placeholder: "Comment" });
  return h("form", {
    class: "row",
    onsubmit: (event) => {
      event.preventDefault();
      if (box.value.trim()) to(issue, { comment: box.value });
    },
  }, box, h("button", { type: "submit", "data-focus": "say" }, "Comment"));
}
