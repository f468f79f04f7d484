// Why an answer is as it is: a heat map, and the nearest labelled pictures. It is asked for on demand alone.

import {button, element, fill} from "./dom.js";
import {ask} from "./server.js";
import {typeOf} from "./pictures.js";
import {rounded, sentence} from "./words.js";

let isThere = true; // until the server answers that it explains nothing

// The part of the page for one picture; it is empty where nothing can be explained.
export function whyOf(place, item) {
  if (!isThere || !item.blob || !item.row) return fill(place);
  if (item.why) return fill(place, shown(item.why, item));
  fill(place, button("Why this answer?", () => load(place, item), {class: "ask", "data-name": "why"}));
}

async function load(place, item) {
  fill(place, element("p", {class: "note", role: "status"}, "The server works out why…"));
  item.why = await reasons(item);
  if (place.dataset.item === item.row.prediction) whyOf(place, item);
}

async function reasons(item) {
  try {
    return await ask("explain", {body: item.blob, type: typeOf(item.blob)});
  } catch (error) {
    if (error.status === 404 || error.status === 405) {
      isThere = false;
      return {words: "This server explains no answers."};
    }
    return {words: error.words ?? "The page has a fault."};
  }
}

function shown(why, item) {
  const heat = why.heat_map && element("figure", {},
    element("div", {class: "over"}, item.url && element("img", {src: item.url, alt: ""}), element("img", {class: "heat", src: why.heat_map, alt: "Heat map over the picture"})),
    element("figcaption", {}, "The warmer a part, the more the answer depends on it."));
  const near = why.nearest?.length && element("figure", {class: "near"},
    element("ol", {}, why.nearest.map(each => element("li", {}, each.picture && element("img", {src: each.picture, alt: ""}), element("b", {}, each.label), element("small", {}, `distance ${rounded(each.distance, 2)}`)))),
    element("figcaption", {}, "The nearest of the labelled pictures, by what the classifier computes. The smaller the distance, the more alike."));
  return element("section", {class: "block"}, element("h3", {}, "Why this answer?"),
    why.words && element("p", {}, sentence(why.words)), heat, near);
}
