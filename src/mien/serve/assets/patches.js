// The third part: the patches, which of them is in force, and the log of what ever was.

import {at, button, element, fill, headOf, note, tell} from "./dom.js";
import {confirmed} from "./dialogs.js";
import {ask, showProblem} from "./server.js";
import {proposalsOf} from "./proposals.js";
import {moment, NONE, sentence} from "./words.js";

const ACTIONS = {
  start: "in force at the start", swap: "put in force", "roll back": "rolled back to", propose: "proposed", refit: "fitted, not proposed", decline: "declined",
  restrain: "restrained by an alarm", lift: "restraint lifted",
};
const PUT_IN_FORCE = ["start", "swap", "roll back"];
const COLUMNS = ["Time", "What", "Patch", "Who", "Reason", "What was promised"];

// Reads the patches and the log, and shows them; returns what is in force, with all patches.
export async function loadPatches() {
  const [state, {log}, learning] = await Promise.all([ask("patches"), ask("patches/log"), ask("patches/proposals")]);
  const isFirst = log.filter(entry => PUT_IN_FORCE.includes(entry.action)).length < 2;
  const goBack = () => act("rollback", "Go back?", "What was in force before the last swap takes over.", "Go back", {});
  fill(at("patches-now"),
    element("section", {class: "first"}, element("h2", {}, "Patches"),
      element("ul", {class: "cards"}, state.patches.map(patch => card(patch, state)), alone(state)),
      button("Go back to what was in force before", goBack, {"data-name": "back", disabled: isFirst})),
    proposalsOf(learning, act),
    element("section", {}, element("h2", {}, "Log"),
      note("Nothing is ever removed from it. Times are those of your time zone."), table(log)));
  return state;
}

function card(patch, state) {
  const isNow = patch.patch !== "" && patch.patch === state.patch;
  return element("li", {class: isNow ? "card now" : "card"}, heading(patch.name, isNow),
    patch.patch && element("p", {class: "hash"}, patch.patch.slice(0, 12)),
    patch.targets.length > 0 && element("p", {}, "Corrects: ", element("b", {}, patch.targets.join(", ")), "."),
    patch.certificate && element("p", {}, sentence(patch.certificate)),
    patch.made && note(`Made ${moment(patch.made) || patch.made}.`),
    patch.problem && element("p", {class: "failure"}, sentence(`It cannot be put in force: it ${patch.problem}`)),
    !isNow && !patch.problem && putInForce(patch.name, patch.reference,
      `${patch.reference} is loaded and tried, and answers from the next request on. What an alarm put in force ends.`));
}

function alone(state) {
  const isNow = state.in_force === NONE;
  return element("li", {class: isNow ? "card now" : "card"}, heading("No patch", isNow),
    element("p", {}, "The classifier's own answers, uncorrected. Nothing is promised."),
    !isNow && putInForce("no patch", NONE, "From the next request on, the classifier answers alone."));
}

const heading = (name, isNow) => element("h3", {}, name, isNow && element("span", {class: "badge"}, "in force"));

function putInForce(name, reference, words) {
  const swap = () => act("swap", `Put ${name} in force?`, words, "Put in force", {patch: reference});
  return button("Put in force", swap, {"aria-label": `Put ${name} in force`, "data-name": `swap ${reference}`});
}

async function act(path, title, words, verb, more) {
  const why = await confirmed(title, words, verb);
  if (!why) return;
  try {
    const state = await ask(`patches/${path}`, {json: {...more, ...why}, patient: false});
    tell(state.in_force ? `In force now: ${state.in_force}.` : "Done.");
  } catch (error) {
    showProblem(error);
  }
  document.dispatchEvent(new Event("look-again"));
}

function table(log) {
  const rows = [...log].reverse().map(entry => {
    const patch = entry.patch ? [entry.name, element("small", {}, entry.patch.slice(0, 12))] : "no patch";
    const cells = [ACTIONS[entry.action] ?? entry.action, patch, entry.who, entry.reason, entry.certificate?.words];
    return element("tr", {}, element("th", {scope: "row"}, moment(entry.time)), cells.map((text, place) =>
      element("td", {class: place > 2 ? "left long" : "left", "data-label": COLUMNS[place + 1]}, text || "–")));
  });
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Log of patches"},
    element("table", {class: "log"}, headOf(COLUMNS, "left"), element("tbody", {}, rows)));
}
