// Elements, lists that keep what has not changed, and deeds.

/** An element; `on…` are listeners, `true` and `false` are attributes that are there or not. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Lets `box` hold one element for each item, in order. What looks as before stays, with its focus and open menus. */
export function keyed(box, items, keyOf, make) {
  const before = new Map([...box.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, index) => {
    const key = String(keyOf(item));
    const print = JSON.stringify(item);
    let element = before.get(key);
    if (!element || element.print !== print) {
      const fresh = make(item);
      fresh.dataset.key = key;
      fresh.print = print;
      if (element) replace(element, fresh);
      element = fresh;
    }
    if (box.children[index] !== element) box.insertBefore(element, box.children[index] ?? null);
  });
  while (box.children.length > items.length) box.lastElementChild.remove();
}

function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  if (!focused) return;
  const wanted = focused.dataset.focus;
  const again = wanted && [...fresh.querySelectorAll("[data-focus]")].find((found) => found.dataset.focus === wanted);
  if (!again) fresh.tabIndex = -1;
  (again || fresh).focus({ preventScroll: true });
}

/** The same choices in a list keep what is chosen. */
export function options(select, choices) {
  const print = JSON.stringify(choices);
  if (select.print === print) return;
  const chosen = select.value;
  select.print = print;
  select.replaceChildren(...choices.map(([value, text]) => h("option", { value }, text)));
  if (choices.some(([value]) => String(value) === chosen)) select.value = chosen;
}

/** Asks the sandbox to do something, and says what is to be said of it. */
export async function act(deed) {
  try {
    const answer = await fetch("/api/do", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(deed),
    });
    const { ok, note } = await answer.json();
    if (note) toast(note, ok);
    return ok;
  } catch {
    toast("The sandbox does not answer. Start it again where it was started.");
    return false;
  }
}

export function toast(text, good = false) {
  const box = document.getElementById("toasts");
  const close = h("button", { type: "button", class: "text", "aria-label": "Dismiss", onclick: () => note.remove() }, "✕");
  const note = h("p", { class: good ? "good" : "" }, text, " ", close);
  box.append(note);
  while (box.children.length > 3) box.firstElementChild.remove();
  setTimeout(() => note.remove(), 9000);
}

export function time(at) {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export const byId = (id) => document.getElementById(id);
