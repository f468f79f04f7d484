// The page: its parts, and what is looked at again and again.

import {at, button, element, fill, show} from "./dom.js";
import {ask, showProblem} from "./server.js";
import {isShown, startTabs} from "./tabs.js";
import {loadWaiting, namePatches, noteRestraint, startAnswer} from "./answer.js";
import {lift, showPromise} from "./promise.js";
import {loadPatches} from "./patches.js";
import {NONE, sentence} from "./words.js";

const SOON = 4000, LATER = 15000; // ms between two looks at the promise: while it is shown, and else
let timer = 0, inForce = null, isLooking = false;

async function look() {
  if (isLooking) return;
  isLooking = true;
  clearTimeout(timer);
  try {
    if (!document.hidden) showState(await ask("watch"));
  } catch (error) {
    showProblem(error);
  }
  isLooking = false;
  timer = setTimeout(look, isShown("promise") ? SOON : LATER);
}

function showState(watch) {
  const changed = inForce !== null && inForce !== watch.version;
  inForce = watch.version;
  fill(at("force"), watch.in_force === NONE ? "No patch is in force: the classifier answers alone." : ["Patch in force: ", element("b", {}, watch.in_force)]);
  show(at("restrained"), Boolean(watch.restraint) && !isShown("promise"));
  if (watch.restraint) fill(at("restrained"), restrained(watch));
  noteRestraint(watch.restraint ? watch.patch : "");
  showPromise(watch);
  if (changed) readPatches();
}

const EFFECTS = {
  silence: "After an alarm, the patch is silent: the classifier's own answers are given.",
  flag: "After an alarm, the patch only flags answers: the classifier's own ones are given.",
};

function restrained(watch) {
  const seeWhy = () => { location.hash = "#promise"; };
  return [element("span", {}, EFFECTS[watch.restraint.action] ?? sentence(watch.restraint.words)), " ",
    button("See why", seeWhy, {"data-name": "see"}), button("Lift it", () => lift(watch), {"data-name": "lift"})];
}

async function readPatches() {
  try {
    namePatches((await loadPatches()).patches);
  } catch (error) {
    showProblem(error);
  }
}

function entered(name) {
  if (name === "patches") readPatches();
  look();
}

document.addEventListener("look-again", () => { readPatches(); look(); });
document.addEventListener("server-is-back", () => { readPatches(); loadWaiting(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
startAnswer();
startTabs(entered);
readPatches();
