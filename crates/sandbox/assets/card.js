// Cards, as Zoom draws them.

import { h } from "./draw.js";

const ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)]/g;

/** The content of a message; `press` and `choose` are called with what was pressed or chosen. */
export function card(message, press, choose) {
  const { head, body = [], settings = {} } = message.content;
  const parts = body.map((part) => component(part, message, press, choose));
  // One bar: the sections' own, where they have one.
  const bar = body.some((part) => part.sidebar_color) ? null : settings.default_sidebar_color;
  const box = h("div", { class: bar ? "card barred" : "card" }, head ? title(head, message.markdown) : null, parts);
  if (bar) box.style.setProperty("--bar", bar);
  return box;
}

function title(head, markdown) {
  const sub = head.sub_head ? styled(h("p", { class: "sub" }, text(head.sub_head.text, markdown)), head.sub_head.style) : null;
  return h("div", { class: "head" }, styled(h("p", {}, text(head.text, markdown)), head.style), sub);
}

function component(part, message, press, choose) {
  switch (part.type) {
    case "message": {
      if (part.link) return h("p", {}, anchor(part.link, part.text));
      return styled(h("p", {}, text(part.text, message.markdown)), part.style);
    }
    case "fields":
      return h("dl", {}, part.items.map((item) =>
        h("div", { class: item.short ? "short" : "" }, h("dt", {}, item.key), h("dd", {}, text(item.value, false)))));
    case "actions":
      return h("div", { class: "actions" }, part.items.map((item) => button(item, press)));
    case "select":
      return dropdown(part, choose);
    case "divider":
      return h("hr");
    case "section": {
      const inside = part.sections.map((inner) => component(inner, message, press, choose));
      const box = h("div", { class: part.sidebar_color ? "part barred" : "part" }, inside,
        part.footer ? h("p", { class: "footer" }, part.footer) : null);
      if (part.sidebar_color) box.style.setProperty("--bar", part.sidebar_color);
      return box;
    }
    case "attachments":
      return h("p", {}, anchor(part.resource_url, part.information?.title?.text ?? part.resource_url));
    default:
      return h("p", { class: "soft" }, `(${part.type})`);
  }
}

function styled(element, style) {
  if (!style) return element;
  if (style.bold) element.classList.add("bold");
  if (style.italic) element.classList.add("italic");
  return element;
}

function button(item, press) {
  const style = (item.style || "Default").toLowerCase();
  const disabled = style === "disabled";
  return h("button", {
    type: "button", class: `zoom-button ${style}`, disabled, "data-focus": `press ${item.value}`,
    onclick: (event) => busy(event.currentTarget, () => press(item.value)),
  }, item.text);
}

async function busy(element, work) {
  if (element.getAttribute("aria-busy")) return;
  element.setAttribute("aria-busy", "true");
  await work();
  element.removeAttribute("aria-busy");
}

// === drop-down lists ===

let menus = 0;

function dropdown(part, choose) {
  const id = `menu-${++menus}`;
  const current = part.selected_item?.text;
  const shown = current ? `${part.text}: ${current}` : part.text;
  const items = (part.select_items ?? []).map((item) =>
    h("button", {
      type: "button", role: "menuitemradio", tabindex: "-1", "aria-checked": String(item.text === current),
      onclick: async () => {
        close(true);
        await busy(opener, () => choose(part.text, item.value));
      },
    }, item.text));
  const menu = h("div", { id, class: "menu", role: "menu", "aria-label": part.text, hidden: true, onkeydown: walk }, items);
  const opener = h("button", {
    type: "button", class: "zoom-button default opener", "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-controls": id, "data-focus": `open ${part.text}`,
    onclick: () => (menu.hidden ? open() : close(true)),
    onkeydown: (event) => {
      if (event.key === "ArrowDown" && menu.hidden) {
        event.preventDefault();
        open();
      }
    },
  }, shown);
  const box = h("div", { class: "dropdown", onfocusout: (event) => box.contains(event.relatedTarget) || close(false) }, opener, menu);

  function open() {
    menu.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    menu.scrollIntoView({ block: "nearest" });
    (items.find((item) => item.getAttribute("aria-checked") === "true") ?? items[0])?.focus();
  }
  function close(back) {
    if (menu.hidden) return;
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (back) opener.focus();
  }
  function walk(event) {
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") close(true);
    else if (to === undefined) return;
    else items[(to + items.length) % items.length]?.focus();
    event.preventDefault();
  }
  return box;
}

// === text ===

export function text(value, markdown) {
  return markdown ? marked(value) : linked(value);
}

/** Zoom makes links of bare addresses. */
function linked(value) {
  const parts = [];
  let end = 0;
  for (const found of value.matchAll(ADDRESS)) {
    parts.push(value.slice(end, found.index), anchor(found[0], found[0]));
    end = found.index + found[0].length;
  }
  parts.push(value.slice(end));
  return parts;
}

function anchor(href, shown) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", "data-focus": `link ${href}` }, shown);
}

/** The little of Zoom's markdown that there is: escapes, people, bold, italic, strike and code. */
function marked(value) {
  const parts = [];
  let plain = "";
  const flush = () => {
    parts.push(...linked(plain));
    plain = "";
  };
  for (let at = 0; at < value.length; at++) {
    const rest = value.slice(at);
    const person = rest.match(/^<!([^|>]+)\|?([^>]*)>/);
    const span = rest.match(/^([*_~`])(?!\s)([^*_~`\n]+)\1/);
    if (value[at] === "\\" && at + 1 < value.length) plain += value[++at];
    else if (person) {
      flush();
      parts.push(h("span", { class: "mention" }, `@${person[2] || person[1]}`));
      at += person[0].length - 1;
    } else if (span) {
      flush();
      parts.push(h({ "*": "strong", _: "em", "~": "s", "`": "code" }[span[1]], {}, span[2]));
      at += span[0].length - 1;
    } else plain += value[at];
  }
  flush();
  return parts;
}
