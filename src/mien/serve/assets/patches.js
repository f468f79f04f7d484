// The third part: the patches, which of them is in force, and the log of what ever was.

import {at, button, element, fill, tell} from "./dom.js";
import {confirmed} from "./dialogs.js";
import {ask, showProblem} from "./server.js";
import {moment, NONE, sentence} from "./words.js";

const ACTIONS = {
  start: "in force at the start", swap: "put in force", "roll back": "rolled back to", propose: "proposed", decline: "declined",
  restrain: "restrained by an alarm", lift: "restraint lifted",
};
const COLUMNS = ["Time", "What", "Patch", "Who", "Reason", "What was promised"];

// Reads the patches and the log, and shows them; returns what is in force, with all patches.
export async function loadPatches() {
  const [state, {log}] = await Promise.all([ask("patches"), ask("patches/log")]);
  const steps = log.filter(entry => ["start", "swap", "roll back"].includes(entry.action)).length;
  fill(at("patches"), element("p", {class: "lead"}, "A patch is a small file beside the classifier, which itself never changes. One patch at a time is in force. Another is loaded and tried before it takes over, and requests under way keep the earlier one."),
    element("section", {class: "first"}, element("h2", {}, "Patches"), element("ul", {class: "cards"}, [...state.patches.map(patch => card(patch, state)), alone(state)]),
      button("Go back to what was in force before", () => act("rollback", "Go back?", "What was in force before the last swap takes over.", "Go back", {}), {"data-name": "back", disabled: steps < 2})),
    element("section", {}, element("h2", {}, "Log"), element("p", {class: "note"}, "Nothing is ever removed from it. Times are those of your time zone."), table(log)));
  return state;
}

function card(patch, state) {
  const isNow = patch.patch !== "" && patch.patch === state.patch;
  const made = patch.made && element("p", {class: "note"}, `Made ${moment(patch.made) || patch.made}.`);
  return element("li", {class: isNow ? "card now" : patch.problem ? "card bad" : "card"},
    element("h3", {}, patch.name, isNow && element("span", {class: "badge"}, "in force")),
    patch.patch && element("p", {class: "hash"}, `${patch.patch.slice(0, 12)}`),
    patch.targets.length > 0 && element("p", {}, "Corrects: ", element("b", {}, patch.targets.join(", ")), "."),
    patch.certificate && element("p", {}, sentence(patch.certificate)), made,
    patch.problem && element("p", {class: "failure"}, sentence(`It cannot be put in force: it ${patch.problem}`)),
    !isNow && !patch.problem && inForce(patch.reference, patch.name));
}

function alone(state) {
  const isNow = state.in_force === NONE;
  return element("li", {class: isNow ? "card now" : "card"}, element("h3", {}, "No patch", isNow && element("span", {class: "badge"}, "in force")),
    element("p", {}, "The classifier's own answers, uncorrected. Nothing is promised."), !isNow && inForce(NONE, "no patch"));
}

function inForce(reference, name) {
  const words = reference === NONE ? "From the next request on, the classifier answers alone." : `${reference} is loaded and tried, and answers from the next request on. What an alarm put in force ends.`;
  return button("Put in force", () => act("swap", `Put ${name} in force?`, words, "Put in force", {patch: reference}), {"aria-label": `Put ${name} in force`, "data-name": `swap ${reference}`});
}

async function act(path, title, words, verb, more) {
  const why = await confirmed(title, words, verb);
  if (!why) return;
  try {
    const state = await ask(`patches/${path}`, {json: {...more, ...why}, patient: false});
    tell(`In force now: ${state.in_force}.`);
  } catch (error) {
    showProblem(error);
  }
  document.dispatchEvent(new Event("look-again"));
}

function table(log) {
  const cells = entry => [
    ACTIONS[entry.action] ?? entry.action, entry.patch ? `${entry.name}@${entry.patch.slice(0, 12)}` : "no patch", entry.who || "–", entry.reason || "–",
    entry.certificate?.words ?? "–",
  ];
  const row = entry => element("tr", {}, element("th", {scope: "row"}, moment(entry.time)), cells(entry).map((text, place) => element("td", {class: place > 2 ? "left long" : "left", "data-label": COLUMNS[place + 1]}, text)));
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Log of patches"}, element("table", {class: "log"},
    element("thead", {}, element("tr", {}, COLUMNS.map(name => element("th", {scope: "col", class: "left"}, name)))),
    element("tbody", {}, [...log].reverse().map(row))));
}
