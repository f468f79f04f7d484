// The pictures of a list, small, each with a mark of what became of it.

import {element, fill} from "./dom.js";

const MARKS = {"judged right": "✓", "judged wrong": "✗", overridden: "→", "no answer": "!", "under way": "…"};

// Shows a list of more than one picture, with the current one in the middle of what can be seen of it.
export function showStrip(place, deck) {
  fill(place, deck.items.length > 1 && deck.items.map((item, number) => thumbnail(item, number, deck)));
  const shown = place.querySelector("[aria-current]");
  if (shown) place.scrollLeft = shown.offsetLeft - (place.clientWidth - shown.offsetWidth) / 2;
}

function thumbnail(item, number, deck) {
  const state = stateOf(item), answer = item.row ? item.row.corrected ?? "withheld" : item.name;
  const words = `${number + 1}: ${answer}${state && `, ${state}`}`;
  const picture = item.url ? element("img", {src: item.url, alt: "", loading: "lazy"}) : element("span", {}, answer);
  return element("button", {
    type: "button", class: state.replace(" ", "-"), "aria-label": words, title: words, "data-name": `item ${number}`,
    "aria-current": item === deck.current ? "true" : null, onclick: () => deck.show(item),
  }, picture, MARKS[state] && element("i", {"aria-hidden": "true"}, MARKS[state]));
}

function stateOf({row, error, verdict}) {
  if (verdict) return verdict === row.corrected ? "judged right" : "judged wrong";
  if (row) return row.overridden ? "overridden" : "";
  return error ? "no answer" : "under way";
}
