// The second part: whether the patch in force keeps its promise.

import {at, button, element, fill, headOf, note, tell, tilesOf} from "./dom.js";
import {confirmed} from "./dialogs.js";
import {ask, showProblem} from "./server.js";
import {chartLegend, chartTable, promiseChart} from "./chart.js";
import {count, hue, milliseconds, percent, sentence, several} from "./words.js";

const TITLES = {
  certified: "The promise is kept",
  quiet: "Not decided so far",
  alarm: "Alarm: the promise is broken",
  none: "No patch is in force",
};
let last = null, drawnWidth = 0;

// Shows what GET /watch answered.
export function showPromise(watch) {
  last = watch;
  const place = at("promise-now");
  if (at("promise").hidden) return;
  const isOpen = place.querySelector("details")?.open ?? false;
  const measured = watch.curve && [figures(watch), harm(watch, place.clientWidth), shift(watch), answers(watch)];
  fill(place, standing(watch), watch.restraint && restrained(watch), measured, latency(watch.seconds));
  if (isOpen) place.querySelector("details")?.setAttribute("open", "");
  drawnWidth = place.clientWidth;
}

new ResizeObserver(() => {
  if (last && at("promise-now").clientWidth !== drawnWidth) showPromise(last);
}).observe(at("promise-now"));

const section = (title, ...inside) => element("section", {}, element("h2", {}, title), ...inside);

function standing(watch) {
  const title = element("h2", {}, TITLES[watch.standing] ?? watch.standing);
  return element("div", {class: `standing ${watch.standing}`}, title, element("p", {}, sentence(watch.words)));
}

function restrained(watch) {
  return element("div", {class: "standing restraint"},
    element("h3", {}, "What the alarm put in force"), element("p", {}, sentence(watch.restraint.words)),
    button("Lift it: let the patch override again", () => lift(watch), {"data-name": "lift"}));
}

// Ends what an alarm put in force, after a confirmation.
export async function lift(watch) {
  const words = `${sentence(watch.restraint.words)} After this it answers as before the alarm, and this alarm restrains it no more.`;
  const why = await confirmed("Let the patch override again?", words, "Lift it");
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
  return tilesOf([
    ["Answered", count(watch.images), watch.unit],
    ["Overridden", count(watch.overridden), watch.images ? `${percent(watch.overridden / watch.images)} of them` : "of them"],
    ["Verdicts on overrides", count(watch.overridden - watch.open), `${count(watch.open)} open`],
    ["Spoilt", count(watch.harmed), "a right answer was lost"],
    ["At most spoilt", percent(watch.upper), `limit: ${percent(watch.limit)}`],
  ]);
}

function harm(watch, width) {
  if (!watch.images) return section("Harm over time", note("No picture has been answered with this patch so far."));
  return section("Harm over time", chartLegend(watch), promiseChart(watch, Math.max(280, width)),
    note("Both bounds hold however often you look. An override without a verdict counts as spoilt in the upper bound, ",
      "so verdicts narrow it. At the beginning the band is wide, and leaves the figure at the top."),
    chartTable(watch));
}

function shift({warnings, compared}) {
  const calm = compared.length
    ? `Nothing has shifted. Compared: ${compared.join(", ")}.`
    : "Nothing could be compared so far: calibration had too few pictures, or none was answered.";
  return section("Do the pictures still look as they did?",
    note("A shift is a warning and no alarm: something differs from calibration. ",
      "That need not spoil an answer, and calm figures do not exclude it."),
    warnings.length
      ? element("ul", {class: "warnings"}, warnings.map(each => element("li", {}, sentence(each.words))))
      : element("p", {}, calm));
}

function answers({answers: {before, after}, classes}) {
  const all = [...new Set([...classes, ...Object.keys(after)])];
  const names = all.filter(name => name in before || name in after);
  if (!names.length) return null;
  const most = Math.max(...names.flatMap(name => [before[name] ?? 0, after[name] ?? 0]));
  const rows = names.map(name => pair(name, before[name] ?? 0, after[name] ?? 0, most, hue(classes.indexOf(name))));
  return section("Answers before and after the patch",
    note("How often each class was answered while this patch was in force: by the classifier (pale), and after correction (full)."),
    element("table", {class: "pairs"}, headOf(["Class", "Answers, before and after", "Change"]), element("tbody", {}, rows)));
}

function pair(name, before, after, most, colour) {
  const bar = (kind, value) => element("div", {class: `amount ${kind}`},
    element("i", {"--share": value / most, "--c": colour}), element("span", {}, count(value)));
  const change = after - before, sign = change > 0 ? "+" : change < 0 ? "−" : "";
  return element("tr", {}, element("th", {scope: "row"}, name || "withheld"),
    element("td", {class: "pair"}, bar("pale", before), bar("full", after)), element("td", {}, sign + count(Math.abs(change))));
}

function latency(seconds) {
  if (!seconds?.requests) return null;
  const shares = [["Half of the requests", seconds.p50], ["9 of 10", seconds.p90], ["99 of 100", seconds.p99]];
  const latest = several(seconds.requests, "request", "requests");
  return section("How fast answers are", tilesOf(shares.map(([share, value]) => [share, milliseconds(value), "or less"]), "short"),
    note(`From the request to its answer, in the server: the latest ${latest} for answers.`));
}
