// One picture with its answers: the face, both answers, the probabilities, the score against its threshold.

import {drawn, element, note} from "./dom.js";
import {hue, milliseconds, moment, rounded} from "./words.js";

const dot = place => element("i", {class: "dot", "--c": hue(place)});

// The picture, with a frame around the face where the server detected one.
export function faceOf(item) {
  if (!item.url) return element("p", {class: "missing"}, "The server keeps no pictures. Started with --keep crop, it would show this one.");
  const image = element("img", {src: item.url, alt: `The picture ${item.name}`, draggable: "false"});
  return item.row?.box ? framed(image, item.row.box) : image;
}

function framed(image, [left, top, right, bottom]) {
  const shape = drawn("rect", {x: left, y: top, width: right - left, height: bottom - top, rx: 2});
  const frame = drawn("svg", {class: "box", "aria-hidden": "true", preserveAspectRatio: "xMidYMid meet"}, shape);
  const fit = () => frame.setAttribute("viewBox", `0 0 ${image.naturalWidth || 1} ${image.naturalHeight || 1}`);
  image.addEventListener("load", fit);
  fit();
  return element("div", {class: "framed"}, image, frame);
}

// What happened to the answer, in a sentence.
export function outcome(row) {
  if (row.corrected === null) return "The patch withholds the answer, since it is probably wrong. A person should decide.";
  if (row.overridden && row.corrected === row.label) return "The patch flags this answer as probably wrong, and leaves it as it is.";
  if (row.overridden) return `The patch overrides the classifier: it answers ${row.corrected} in place of ${row.label}.`;
  if (row.score === null) return "No patch has looked at this picture: this is the classifier's own answer.";
  if (row.threshold === null) return "The patch is silent, so the classifier's answer stays.";
  return "The patch leaves the classifier's answer as it is.";
}

export function resultOf(row, classes) {
  const answer = (kind, name, marked) => element("div", {class: marked ? "given marked" : "given"},
    element("span", {}, kind), element("b", {}, name !== null && dot(classes.indexOf(name)), element("span", {}, name ?? "withheld")));
  const differs = row.corrected !== row.label;
  const arrow = element("span", {class: "arrow", "aria-hidden": "true"}, differs ? "→" : "=");
  return [
    element("div", {class: differs ? "answers differ" : "answers"},
      answer("Classifier", row.label, false), arrow, answer("Corrected", row.corrected, differs)),
    element("p", {class: "outcome"}, outcome(row)),
  ];
}

export function failureOf(error) {
  return element("div", {class: "failure"}, element("b", {}, "There is no answer for this picture."), " ",
    `${error.message.replace(/\.$/, "")}.`, error.remedy ? ` What helps: ${error.remedy.replace(/\.$/, "")}.` : "");
}

export function detailsOf(item, classes, names) {
  const {row} = item;
  return [row.probabilities && probabilities(row, classes), gauge(row), origin(item, names)];
}

function probabilities(row, classes) {
  const entries = Object.entries(row.probabilities);
  const lines = entries.map(([name, share]) => element("li", {class: name === row.label ? "most" : null},
    element("span", {class: "name"}, name), element("i", {class: "share", "--share": share, "--c": hue(classes.indexOf(name))}),
    element("span", {class: "figure"}, shareWords(share))));
  return block("Probabilities of the classifier", element("ul", {class: "shares"}, lines),
    note("Before any correction; they add up to 100 %."));
}

const shareWords = share => share === 0 ? "0 %" : share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;

// Where the score lies, with the threshold in the middle: their distance in relation to the threshold.
export function placeOf(score, threshold) {
  const distance = score - threshold;
  return 0.5 + 0.5 * distance / (Math.abs(distance) + Math.max(Math.abs(threshold), 0.5));
}

function gauge(row) {
  if (row.score === null || row.score === undefined) return null;
  if (row.threshold === null || row.threshold === undefined) {
    return block("Score of the patch", element("p", {}, `The score is ${rounded(row.score)}. The patch is silent: no score overrides.`));
  }
  const isAbove = row.score > row.threshold;
  const meaning = !isAbove ? "is not above the threshold, so the classifier's answer stays"
    : row.overridden ? "is above the threshold, so the patch overrides" : "is above the threshold, and the patch suggests the same class";
  const scale = element("div", {class: isAbove ? "gauge above" : "gauge", "--x": placeOf(row.score, row.threshold), "aria-hidden": "true"},
    element("i", {class: "limit"}), element("i", {class: "score"}));
  const ends = ["keeps the answer", `threshold ${rounded(row.threshold)}`, "overrides"].map(words => element("span", {}, words));
  return block("Score of the patch", scale, element("div", {class: "ends", "aria-hidden": "true"}, ends),
    note(`The score is ${rounded(row.score)}, the threshold ${rounded(row.threshold)}. It ${meaning}.`));
}

const block = (title, ...inside) => element("section", {class: "block"}, element("h3", {}, title), ...inside);

function origin({row, seconds}, names) {
  const by = row.patch ? ` with the patch ${names.get(row.patch) ?? row.patch.slice(0, 12)}` : row.patch === "" ? " without a patch" : "";
  const way = seconds ? `, in ${milliseconds(seconds)} with the way there and back` : "";
  const audit = row.audit ? " It was drawn at random for an audit: please judge it, whatever the answer is." : "";
  return element("p", {class: "note origin"}, `Answered${by} on ${moment(row.time)}${way}.${audit}`);
}
