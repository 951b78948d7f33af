// What somebody who cannot see well, or uses no mouse, would complain about on this page. Returned as sentences.
const complaints = [];
const name = (element) => `<${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ""}> ${element.textContent.trim().slice(0, 40)}`;
const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });

if (!document.documentElement.lang) complaints.push("the page does not say its language");
if (!document.title.trim()) complaints.push("the page has no title");
if (!document.querySelector("meta[name=viewport]")) complaints.push("the page does not fit itself to a phone");
if (document.querySelectorAll("h1").length !== 1) complaints.push("the page has not exactly one first heading");
const over = document.scrollingElement.scrollWidth - innerWidth;
if (over > 0) complaints.push(`the page is ${over} pixels too wide`);

const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => complaints.push(`there are two of ${id}`));
for (const element of document.querySelectorAll("[aria-controls], [aria-labelledby]")) {
  const wanted = element.getAttribute("aria-controls") ?? element.getAttribute("aria-labelledby");
  if (!document.getElementById(wanted)) complaints.push(`${name(element)} refers to ${wanted}, which is not there`);
}

// Names, roles and sizes.
const label = (element) => element.getAttribute("aria-label")
  || [...(element.labels ?? [])].map((found) => found.textContent).join(" ")
  || (["INPUT", "SELECT"].includes(element.tagName) ? "" : element.textContent);
const known = new Set(["log", "group", "region", "alert", "status", "menu", "menuitemradio"]);
for (const element of document.querySelectorAll("[role]")) {
  if (!known.has(element.getAttribute("role"))) complaints.push(`${name(element)} has the role ${element.getAttribute("role")}`);
}
for (const element of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")) {
  if (!shown(element)) continue;
  if (!label(element).trim()) complaints.push(`${name(element)} has no name`);
  const { width, height } = element.getBoundingClientRect();
  const inline = element.tagName === "A" || element.type === "checkbox" || element.classList.contains("text");
  if (!inline && (width < 24 || height < 24)) complaints.push(`${name(element)} is only ${width} by ${height}`);
}

// Contrast, as WCAG counts it.
const parse = (text) => {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
};
const over2 = (top, below) => ({
  r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1,
});
const ground = (element) => {
  const own = parse(getComputedStyle(element).backgroundColor);
  if (own.a === 1) return own;
  const canvas = getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches;
  const below = element.parentElement ? ground(element.parentElement) : canvas ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
  return over2(own, below);
};
const light = ({ r, g, b }) => {
  const [x, y, z] = [r, g, b].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.textContent.trim() || !shown(element) || element.closest(":disabled, noscript, script, option")) continue;
  const style = getComputedStyle(element);
  const back = ground(element);
  const [one, other] = [light(over2(parse(style.color), back)), light(back)];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) complaints.push(`${name(element)} has a contrast of ${ratio.toFixed(2)}`);
}
return [...new Set(complaints)];
