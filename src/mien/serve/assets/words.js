// Numbers, times and classes in words.

export const NONE = "none";

export function percent(share, digits = 2) {
  return share === null || share === undefined || Number.isNaN(share) ? "–" : `${rounded(100 * share, digits)} %`;
}

export function rounded(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return Number(value.toPrecision(digits)).toLocaleString("en", {maximumFractionDigits: 6});
}

export const count = value => (value ?? 0).toLocaleString("en");

export const several = (value, singular, plural) => `${count(value)} ${value === 1 ? singular : plural}`;

export function milliseconds(seconds) {
  return seconds === undefined ? "–" : seconds < 1 ? `${rounded(1000 * seconds, 2)} ms` : `${rounded(seconds, 2)} s`;
}

// A moment in the time zone of the reader: from microseconds since 1970, or from text.
export function moment(value) {
  const date = new Date(typeof value === "number" ? value / 1000 : value);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString("en-GB", {day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit"});
}

// The colour of a class, by its place among the classes: eight that colour-blind people tell apart.
export const hue = place => `var(--hue-${(place < 0 ? 0 : place) % 8})`;

export const sentence = text => text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
