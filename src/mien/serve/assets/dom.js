// Elements of the page. Text is always set as text, never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const at = id => document.getElementById(id);

// An element with attributes, listeners (functions under names such as "onclick"), variables of style ("--x"), and
// what stands inside; null and false are left out.
export function element(tag, attributes = {}, ...inside) {
  return filled(document.createElement(tag), attributes, inside);
}

export function drawn(tag, attributes = {}, ...inside) {
  return filled(document.createElementNS(SVG, tag), attributes, inside);
}

function filled(made, attributes, inside) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) made.style.setProperty(name, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.flat().filter(part => part !== null && part !== undefined && part !== false));
  return made;
}

// Replaces what stands inside, and keeps the focus on the control that has the same name there (data-name).
export function fill(place, ...inside) {
  const name = place.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  place.replaceChildren(...inside.flat().filter(part => part !== null && part !== undefined && part !== false));
  if (name) place.querySelector(`[data-name="${CSS.escape(name)}"]`)?.focus({preventScroll: true});
}

export function show(place, isShown) {
  place.hidden = !isShown;
}

export function button(words, onclick, attributes = {}, key = "") {
  return element("button", {type: "button", onclick, ...attributes}, words, key && element("kbd", {}, key));
}

export const note = (...inside) => element("p", {class: "note"}, ...inside);

// Figures beside each other: each a title, the figure, and what stands under it.
export function tilesOf(tiles, kind = "") {
  return element("dl", {class: `tiles ${kind}`}, tiles.map(([title, figure, under]) =>
    element("div", {class: "tile"}, element("dt", {}, title), element("dd", {}, figure, element("small", {}, under)))));
}

// The first row of a table.
export function headOf(columns, kind = null) {
  return element("thead", {}, element("tr", {}, columns.map(name => element("th", {scope: "col", class: kind}, name))));
}

// Says what was done to people who see it, and to those who hear it.
export function tell(words) {
  at("status").textContent = words;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { at("status").textContent = ""; }, 6000);
}
