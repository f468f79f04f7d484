// The first part: pictures, both answers, a verdict by one key.

import {at, button, fill, note, show, tell} from "./dom.js";
import {ask, hideProblem, Problem, showProblem} from "./server.js";
import {who} from "./dialogs.js";
import {startKeys} from "./keys.js";
import {isShown} from "./tabs.js";
import {Deck} from "./deck.js";
import {answerAll, answerFor, pictureItem, waitingItem} from "./pictures.js";
import {Camera, cameraProblem} from "./camera.js";
import {detailsOf, failureOf, faceOf, resultOf} from "./shown.js";
import {classOf, verdictOf} from "./verdict.js";
import {showStrip} from "./strip.js";
import {whyOf} from "./why.js";
import {count, NONE} from "./words.js";

const CAMERA = "camera"; // name of its frames
const WAITING = 100; // decisions that are listed at once
const KEEPS = {
  none: "They go to this server alone, which keeps its answers and nothing of a picture.",
  hash: "They go to this server alone, which keeps its answers and a digest of each picture.",
  crop: "They go to this server alone, which keeps its answers and the part of each picture that it looked at.",
};
const decks = {given: new Deck(refresh), waiting: new Deck(refresh)};
const names = new Map(); // id of a patch → its name
const camera = new Camera(at("video"), answerFrame);
let mode = "given", classes = [], choosing = null, frame = null, isRead = false, restrained = "";

const deck = () => decks[mode];

// Takes the id of the patch in force where an alarm restrains it, else "".
export function noteRestraint(patch) {
  restrained = patch;
}

// The names of patches, for answers that they gave.
export function namePatches(patches) {
  const before = names.size;
  for (const {patch, reference} of patches) names.set(patch, reference);
  if (names.size > before) refresh(deck());
}

export function startAnswer() {
  at("choose").addEventListener("click", () => at("files").click());
  at("files").addEventListener("change", () => { take(at("files").files); at("files").value = ""; });
  at("camera").addEventListener("click", startCamera);
  at("stop").addEventListener("click", stopCamera);
  for (const name of Object.keys(decks)) at(`mode-${name}`).addEventListener("click", () => enter(name));
  startDropping();
  startKeys(key => isShown("answer") && act(key));
  loadWaiting();
}

function startDropping() {
  const holds = event => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", event => { if (holds(event)) { event.preventDefault(); at("drop").classList.add("over"); } });
  addEventListener("dragleave", event => { if (!event.relatedTarget) at("drop").classList.remove("over"); });
  addEventListener("drop", event => {
    at("drop").classList.remove("over");
    if (!holds(event)) return;
    event.preventDefault();
    if (!isShown("answer")) location.hash = "#answer";
    take(event.dataTransfer.files);
  });
  addEventListener("paste", event => { if (event.clipboardData?.files.length) take(event.clipboardData.files); });
}

function take(files) {
  const items = [...files].map(file => pictureItem(file.name || "pasted", file));
  if (!items.length) return;
  hideProblem();
  enter("given");
  decks.given.add(items, true);
  answerAll(items, (item, answers) => { replace(item, answers); });
}

// Puts the answers of a picture in its place: several where it shows several faces.
function replace(item, answers) {
  const {items} = decks.given, place = items.indexOf(item);
  if (place < 0) return;
  const wasShown = decks.given.current === item;
  items.splice(place, 1, ...answers);
  if (!wasShown && place < decks.given.place) decks.given.place += answers.length - 1;
  refresh(decks.given);
}

function enter(name) {
  if (name === mode && name === "given") return;
  mode = name;
  choosing = null;
  for (const other of Object.keys(decks)) at(`mode-${other}`).setAttribute("aria-pressed", String(other === name));
  if (name === "waiting") {
    stopCamera();
    loadWaiting();
  }
  refresh(deck());
}

// Reads what waits for a verdict; what is listed already stays where it is.
export async function loadWaiting() {
  try {
    const read = await ask(`feedback/open?limit=${WAITING}`);
    classes = read.classes;
    at("keeps").textContent = KEEPS[read.keep] ?? "";
    const listed = new Set(decks.waiting.items.map(item => item.row.prediction));
    const judged = new Set(decks.given.items.filter(item => item.verdict).map(item => item.row.prediction));
    isRead = true;
    decks.waiting.add(read.open.filter(row => !listed.has(row.prediction) && !judged.has(row.prediction)).map(waitingItem));
  } catch (error) {
    showProblem(error);
  }
}

async function startCamera() {
  hideProblem();
  try {
    await camera.start();
  } catch (error) {
    camera.stop();
    showProblem(new Problem(0, cameraProblem(error)));
    return;
  }
  enter("given");
  show(at("live"), true);
  show(at("camera"), false);
  at("stop").focus();
}

function stopCamera() {
  if (!camera.isOn) return;
  camera.stop();
  frame = null;
  show(at("live"), false);
  show(at("camera"), true);
}

// Answers a frame of the camera. It takes the place of the one before, unless that has a verdict.
async function answerFrame(blob) {
  try {
    const [answer] = await answerFor(pictureItem(CAMERA, blob), {group: camera.group, patient: false});
    if (!camera.isOn || camera.isHeld) return;
    const isWatched = !frame || decks.given.current === frame;
    if (frame && !frame.verdict) decks.given.remove(frame);
    decks.given.add([answer], isWatched);
    frame = answer;
  } catch (error) {
    if (error.status !== 503) showProblem(error); // a server that is busy answers the next frame
  }
}

function act(key) {
  const item = deck().current, step = {n: 1, N: 1, p: -1, P: -1}[key];
  if (step) return deck().step(step);
  if (!item?.row) return false;
  if (key === "ArrowRight" && item.row.corrected !== null) return give(item, item.row.corrected);
  if (key === "ArrowLeft") return choose(item);
  const name = classOf(key, classes);
  return name !== undefined && give(item, name);
}

function choose(item) {
  choosing = choosing === item ? null : item;
  refresh(deck());
  return true;
}

// Keeps a verdict, and shows the next picture that has none. It is shown at once, and taken back where the server refuses.
function give(item, label) {
  const before = item.verdict, list = deck();
  Object.assign(item, {verdict: label, isSending: true});
  choosing = null;
  hideProblem();
  const isLive = camera.isOn && item === frame;
  if (isLive || list.items.length === 1 || !list.advance()) refresh(list);
  send(item, label, before, list);
  return true;
}

async function send(item, label, before, list) {
  try {
    await ask("feedback", {json: {prediction: item.row.prediction, label, who: who()}});
    tell(`Kept: ${label} is right.`);
  } catch (error) {
    if (item.verdict === label) item.verdict = before;
    showProblem(error);
  }
  item.isSending = false;
  refresh(list);
}

function refresh(changed) {
  const waiting = decks.waiting.open, item = deck().current;
  at("waiting-count").textContent = waiting >= WAITING ? `${WAITING}+` : waiting;
  show(at("waiting-count"), isRead);
  if (changed !== deck()) return;
  if (choosing && choosing !== item) choosing = null;
  camera.isHeld = choosing !== null;
  at("answer").classList.toggle("busy", item !== null);
  at("drop").classList.toggle("small", decks.given.items.length > 0);
  show(at("drop"), mode === "given");
  show(at("live"), mode === "given" && camera.isOn);
  show(at("viewer"), item !== null);
  show(at("steps"), mode === "given" && item === null && !camera.isOn);
  showEmpty(item);
  if (item) showItem(item);
}

function showEmpty(item) {
  show(at("empty"), mode === "waiting" && (item === null || decks.waiting.open === 0));
  const nothing = "Nothing waits for a verdict. Every answer that the patch overrides comes here, and those that are drawn for an audit.";
  fill(at("empty"), item === null ? nothing : "All of these have a verdict.", button("Look for new ones", loadWaiting, {"data-name": "again"}));
}

// Both answers, which are announced only where they are others than before.
function showResult({name, row, error}) {
  const key = JSON.stringify([name, name === CAMERA ? "" : row?.prediction, row?.label, row?.corrected, row?.overridden, error?.message, classes]);
  if (at("result").dataset.key === key) return;
  at("result").dataset.key = key;
  fill(at("result"), row ? resultOf(row, classes) : error ? failureOf(error) : note("The server looks at the picture…"));
}

// The patch that answered, as /explain takes it; "" for the one in force, under its restraint.
function explainedBy({patch}) {
  return patch === undefined || (patch && patch === restrained) ? "" : patch || NONE;
}

function showItem(item) {
  const {row} = item, list = deck();
  fill(at("face"), faceOf(item));
  const place = list.items.length > 1 ? `${list.place + 1} of ${count(list.items.length)} · ` : "";
  at("about").textContent = place + (mode === "given" ? item.name : row.overridden ? "overridden by the patch" : "drawn at random for an audit");
  showStrip(at("strip"), list);
  showResult(item);
  const buttons = {isChoosing: choosing === item, give: name => give(item, name), choose: () => choose(item), refresh: () => refresh(list)};
  fill(at("verdict"), row && verdictOf(item, classes, buttons));
  fill(at("details"), row && detailsOf(item, classes, names));
  at("why").dataset.item = row?.prediction ?? "";
  whyOf(at("why"), item, () => explainedBy(row));
}
