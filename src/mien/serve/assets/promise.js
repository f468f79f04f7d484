// The second part: whether the patch in force keeps its promise.

import {at, button, element, fill, tell} from "./dom.js";
import {confirmed} from "./dialogs.js";
import {ask, showProblem} from "./server.js";
import {chartLegend, chartTable, promiseChart} from "./chart.js";
import {count, hue, milliseconds, percent, sentence, several} from "./words.js";

const TITLES = {
  certified: "The promise is kept",
  quiet: "Nothing speaks against the promise so far",
  alarm: "Alarm: the promise is broken",
  none: "No patch is in force",
};
let last = null, drawnWidth = 0;

// Shows what GET /watch answered.
export function showPromise(watch) {
  last = watch;
  const place = at("promise");
  if (place.hidden) return;
  const isOpen = place.querySelector("details")?.open ?? false;
  fill(place, element("p", {class: "lead"}, "A patch comes with a promise: of all answers, it spoils at most a small share. An answer is spoilt if the classifier was right and the patch overrode it. Verdicts show whether the promise is kept."),
    standing(watch), watch.restraint && restrained(watch), watch.curve && [figures(watch), chart(watch), warnings(watch)], before(watch), latency(watch.seconds));
  if (isOpen) place.querySelector("details")?.setAttribute("open", "");
  drawnWidth = place.clientWidth;
}

new ResizeObserver(() => { if (last && at("promise").clientWidth !== drawnWidth) showPromise(last); }).observe(at("promise"));

function standing(watch) {
  return element("div", {class: `standing ${watch.standing}`},
    element("h2", {}, TITLES[watch.standing] ?? watch.standing), element("p", {}, sentence(watch.words)));
}

function restrained(watch) {
  return element("div", {class: "standing restraint"}, element("h3", {}, "What the alarm put in force"), element("p", {}, sentence(watch.restraint.words)),
    button("Lift it: let the patch override again", () => lift(watch), {"data-name": "lift"}));
}

// Ends what an alarm put in force, after a confirmation.
export async function lift(watch) {
  const why = await confirmed("Let the patch override again?", `${sentence(watch.restraint.words)} After this it answers as before the alarm, and this alarm restrains it no more.`, "Lift it");
  if (!why) return;
  try {
    await ask("patches/lift", {json: why, patient: false});
    tell("Lifted: the patch overrides again.");
  } catch (error) {
    showProblem(error);
  }
  document.dispatchEvent(new Event("look-again"));
}

function figures(watch) {
  const judged = watch.overridden - watch.open;
  const tiles = [
    ["Answered", count(watch.images), watch.unit],
    ["Overridden", count(watch.overridden), watch.images ? `${percent(watch.overridden / watch.images)} of them` : "of them"],
    ["Verdicts on overrides", count(judged), watch.open ? `${count(watch.open)} are open` : "none is open"],
    ["Spoilt", count(watch.harmed), "a right answer was lost"],
    ["At most spoilt", percent(watch.upper), `limit: ${percent(watch.limit)}`],
  ];
  return element("dl", {class: "tiles"}, tiles.map(([title, figure, under]) => element("div", {class: "tile"}, element("dt", {}, title), element("dd", {}, figure, element("small", {}, under)))));
}

function chart(watch) {
  const width = Math.max(280, at("promise").clientWidth);
  const note = "Both bounds hold however often you look. An override without a verdict counts as spoilt in the upper bound, so verdicts narrow it. At the beginning the band is wide, and leaves the figure at the top.";
  return element("section", {}, element("h2", {}, "Harm over time"),
    watch.images ? [chartLegend(watch), promiseChart(watch, width), element("p", {class: "note"}, note), chartTable(watch)] : element("p", {class: "note"}, "No picture has been answered with this patch so far."));
}

function warnings(watch) {
  const list = watch.warnings.length ? element("ul", {class: "warnings"}, watch.warnings.map(each => element("li", {}, sentence(each.words)))) :
    element("p", {}, watch.compared.length ? `Nothing has shifted. Compared: ${watch.compared.join(", ")}.` : "Nothing could be compared so far: calibration had too few pictures, or none was answered.");
  return element("section", {class: "quietly"}, element("h2", {}, "Do the pictures still look as they did?"),
    element("p", {class: "note"}, "A shift is a warning and no alarm: something differs from calibration. That need not spoil an answer, and calm figures do not exclude it."), list);
}

function before({answers, classes}) {
  if (!answers) return null;
  const names = [...new Set([...classes, ...Object.keys(answers.after)])].filter(name => name in answers.before || name in answers.after);
  if (!names.length) return null;
  const most = Math.max(...names.flatMap(name => [answers.before[name] ?? 0, answers.after[name] ?? 0]));
  const bar = (kind, value, name) => element("div", {class: `amount ${kind}`}, element("i", {"--share": value / most, "--c": hue(classes.indexOf(name))}), element("span", {}, count(value)));
  const row = name => element("tr", {}, element("th", {scope: "row"}, name || "withheld"),
    element("td", {class: "pair"}, bar("pale", answers.before[name] ?? 0, name), bar("full", answers.after[name] ?? 0, name)),
    element("td", {class: "change"}, change((answers.after[name] ?? 0) - (answers.before[name] ?? 0))));
  return element("section", {}, element("h2", {}, "Answers before and after the patch"),
    element("p", {class: "note"}, "How often each class was answered while this patch was in force: by the classifier (pale), and after correction (full)."),
    element("table", {class: "pairs"}, element("thead", {}, element("tr", {}, ["Class", "Answers, before and after", "Change"].map(name => element("th", {scope: "col"}, name)))), element("tbody", {}, names.map(row))));
}

const change = value => value > 0 ? `+${count(value)}` : value < 0 ? `−${count(-value)}` : "0";

function latency(seconds) {
  if (!seconds?.requests) return null;
  const tiles = [["Half of the requests", seconds.p50], ["9 of 10", seconds.p90], ["99 of 100", seconds.p99]];
  return element("section", {}, element("h2", {}, "How fast answers are"), element("dl", {class: "tiles short"}, tiles.map(([title, value]) =>
    element("div", {class: "tile"}, element("dt", {}, title), element("dd", {}, milliseconds(value), element("small", {}, "or less"))))),
    element("p", {class: "note"}, `From the request to its answer, in the server: the latest ${several(seconds.requests, "request", "requests")} for answers.`));
}
