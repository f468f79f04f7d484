// Why an answer is as it is: a heat map, and the nearest labelled pictures. It is asked for on demand alone.

import {button, element, fill, note} from "./dom.js";
import {ask} from "./server.js";
import {typeOf} from "./pictures.js";
import {rounded, sentence} from "./words.js";

let isThere = true; // until the server answers that it explains nothing

// The part of the page for one picture; it is empty where nothing can be explained. `patchOf`
// gives the patch that answered, "" for the one in force.
export function whyOf(place, item, patchOf) {
  if (!item.blob || !item.row) return fill(place);
  if (item.why) return fill(place, shown(item.why));
  fill(place, isThere && button("Why this answer?", () => load(place, item, patchOf), {class: "ask", "data-name": "why"}));
}

async function load(place, item, patchOf) {
  item.why = {words: "The server works out why…"};
  whyOf(place, item, patchOf);
  item.why = await reasons(item, {patch: patchOf(), face: item.row.face});
  if (place.dataset.item === item.row.prediction) whyOf(place, item, patchOf);
}

async function reasons(item, how) {
  const query = new URLSearchParams(Object.entries(how).filter(([, value]) => value));
  try {
    return await ask(`explain?${query}`, {body: item.blob, type: typeOf(item.blob)});
  } catch (error) {
    isThere = ![404, 405].includes(error.status);
    return {words: isThere ? error.words ?? "the page has a fault" : "this server explains no answers"};
  }
}

function shown({words, heat_map: heat, nearest, without_nearest: without}) {
  return element("section", {class: "block"}, element("h3", {}, "Why this answer?"), words && element("p", {}, sentence(words)),
    heat && element("figure", {}, element("img", {class: "heat", src: heat, alt: "The picture under its heat map"}),
      note("The lighter the colour of a part, the weaker the answer becomes where that part is blurred. ",
        "Grey parts have no effect. The line encloses the hottest fifth.")),
    nearest?.length ? neighbours(nearest) : without && note(sentence(without)));
}

function neighbours(nearest) {
  return element("figure", {class: "near"}, element("ol", {}, nearest.map(near)),
    note("The nearest of the labelled pictures, by what the classifier computes. The smaller the distance, the more alike."));
}

function near({label, distance, picture}) {
  return element("li", {}, picture && element("img", {src: picture, alt: ""}), element("b", {}, label),
    Number.isFinite(distance) && element("small", {}, `distance ${rounded(distance, 2)}`));
}
