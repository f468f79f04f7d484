// New patches that were fitted from verdicts: those that wait for a decision, and what the last refit came to.

import {button, element, note} from "./dom.js";
import {moment, sentence, several} from "./words.js";

// The section; `act` asks for a reason and sends what is decided.
export function proposalsOf(learning, act) {
  return element("section", {}, element("h2", {}, "New patches from verdicts"), note(when(learning)),
    learning.proposals.length > 0 && element("ul", {class: "cards"}, learning.proposals.map(each => card(each, act))),
    learning.last?.action === "refit" && element("p", {}, `Last fitted ${moment(learning.last.time)}: ${sentence(learning.last.reason)}`),
    learning.problem && element("p", {class: "failure"}, sentence(`The last fit failed: ${learning.problem}`)),
    !learning.missing && button(learning.running ? "A new patch is being fitted…" : "Fit a new patch now", () => fit(act),
      {"data-name": "fit", disabled: learning.running}));
}

function when({missing, verdicts, refit_after: after}) {
  const given = `${several(verdicts, "verdict", "verdicts")} since the last fit`;
  if (missing) return sentence(`This server fits no new patches: ${missing}`);
  return after ? `A new patch is fitted after ${after} verdicts; ${given}.` : `New patches are fitted on request alone; ${given}.`;
}

function card(entry, act) {
  const swap = () => act("swap", `Put ${entry.name} in force?`, "It answers from the next request on.", "Put in force", {patch: entry.reference});
  const decline = () => act("decline", `Decline ${entry.name}?`, "It stays in the folder, and may be put in force later.", "Decline", {patch: entry.reference});
  return element("li", {class: "card"},
    element("h3", {}, entry.name, element("span", {class: "badge"}, "proposed")),
    element("p", {class: "hash"}, entry.patch.slice(0, 12)),
    entry.certificate?.words && element("p", {}, sentence(entry.certificate.words)),
    entry.reason && element("p", {}, sentence(entry.reason)),
    element("div", {class: "actions"}, button("Put in force", swap, {"data-name": `take ${entry.patch}`}),
      button("Decline", decline, {"data-name": `decline ${entry.patch}`})));
}

const fit = act => act("refit", "Fit a new patch?", "It learns from the verdicts, in a process of its own. It is proposed, or the log has the reason why not.", "Fit", {});
