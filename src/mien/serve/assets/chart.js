// The share of answers that are spoilt, with its bounds, against the limit.

import {drawn, element, headOf} from "./dom.js";
import {count, percent} from "./words.js";

const HEIGHT = 260, LEFT = 52, RIGHT = 14, TOP = 14, BOTTOM = 40;

// The figure, for a width in pixels.
export function promiseChart(watch, width) {
  const points = watch.curve;
  const most = highest(watch), images = points.at(-1).images;
  const x = value => LEFT + (width - LEFT - RIGHT) * value / images;
  const y = value => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * Math.min(value, most * 1.02) / most;
  const line = (name, from = points) => from.map(point => `${x(point.images).toFixed(1)},${y(point[name]).toFixed(1)}`).join(" ");
  const band = `${line("upper")} ${line("lower", [...points].reverse())}`;
  const words = `Share spoilt after ${count(images)} ${watch.unit}: ${percent(watch.rate)}, `
    + `between ${percent(watch.lower)} and ${percent(watch.upper)}; the limit is ${percent(watch.limit)}.`;
  const clip = drawn("clipPath", {id: "plot"}, drawn("rect", {x: LEFT, y: TOP, width: width - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM}));
  return drawn("svg", {class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": words},
    clip, levels(most, y, width), drawn("g", {"clip-path": "url(#plot)"},
      drawn("polygon", {class: "band", points: band}), drawn("polyline", {class: "edge", points: line("upper")}),
      drawn("polyline", {class: "rate", points: line("rate")})),
    drawn("line", {class: "limit", x1: LEFT, x2: width - RIGHT, y1: y(watch.limit), y2: y(watch.limit)}),
    watch.alarm && alarmed(watch.alarm, x), scale(images, x, watch.unit, width));
}

function highest({limit, curve, rate, upper}) {
  const settled = curve.slice(Math.floor(curve.length / 3)).map(point => point.upper);
  return Math.min(1, Math.max(2 * limit, 1.3 * rate, Math.min(1.25 * Math.max(...settled), 4 * Math.max(limit, upper))));
}

// Round values, at most `most` of them up to the highest.
export function ticks(highestValue, most) {
  const raw = highestValue / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(value => value >= raw * 0.999);
  return Array.from({length: Math.floor(highestValue / step + 1e-9) + 1}, (_, place) => place * step);
}

function levels(most, y, width) {
  return ticks(most, 4).flatMap(value => [
    drawn("line", {class: "level", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value)}),
    drawn("text", {x: LEFT - 8, y: y(value) + 4, "text-anchor": "end"}, percent(value)),
  ]);
}

function scale(images, x, unit, width) {
  const marks = ticks(images, width < 500 ? 3 : 6).filter(value => Number.isInteger(value));
  const anchor = value => value === 0 ? "start" : x(value) > width - 40 ? "end" : "middle";
  return [...marks.map(value => drawn("text", {x: x(value), y: HEIGHT - BOTTOM + 18, "text-anchor": anchor(value)}, count(value))),
    drawn("text", {class: "axis", x: (LEFT + width - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle"}, `${unit} answered`)];
}

function alarmed(alarm, x) {
  const place = x(alarm.raised.images), isLate = place > 120;
  return [drawn("line", {class: "alarmed", x1: place, x2: place, y1: TOP, y2: HEIGHT - BOTTOM}),
    drawn("text", {class: "alarm", x: place + (isLate ? -6 : 6), y: TOP + 12, "text-anchor": isLate ? "end" : "start"}, "alarm")];
}

export const chartLegend = watch => element("ul", {class: "legend"},
  [["rate", "share spoilt, by the verdicts so far"],
    ["band", `where the true share lies, with ${percent(1 - watch.delta)} confidence on each side`],
    ["limit", `limit: ${percent(watch.limit)}`],
  ].map(([kind, words]) => element("li", {}, element("i", {class: `swatch ${kind}`}), words)));

// Some of the points as a table, for those who read figures.
export function chartTable(watch) {
  const step = Math.max(1, Math.ceil(watch.curve.length / 8));
  const points = watch.curve.filter((_, place, all) => (all.length - 1 - place) % step === 0);
  const row = point => element("tr", {}, element("th", {scope: "row"}, count(point.images)),
    [point.rate, point.lower, point.upper].map(value => element("td", {}, percent(value, 3))));
  return element("details", {}, element("summary", {}, "The same as figures"), element("div", {class: "scroll"},
    element("table", {}, headOf([watch.unit, "spoilt", "lower bound", "upper bound"]), element("tbody", {}, points.map(row)))));
}
