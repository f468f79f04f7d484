// The demo: a picture from a file, the camera or the examples, the square that the classifier reads, and its answers.
import * as ort from "./onnxruntime/ort.wasm.bundle.min.js";
import {plain, square, tensor} from "./picture.js";

const NEVER = -1e5, LARGEST = 16e6, EVERY = 120;
const at = id => document.getElementById(id);
const make = (tag, attributes = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
};
const number = value => value.toFixed(2).replace("-", "−");
const percent = share => share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(100 * share)} %`;
const state = {picture: null, zoom: 1, x: 0.5, y: 0.5, camera: null, turn: 0};
let model, session, busy = Promise.resolve();

// ---- the model

async function start() {
  model = await (await fetch("model.json")).json();
  ort.env.wasm.numThreads = 1;  // more threads need headers that static hosts do not send
  ort.env.wasm.wasmPaths = {wasm: new URL("onnxruntime/ort-wasm-simd-threaded.wasm", import.meta.url).href};
  const graph = new Uint8Array(await (await fetch("model.onnx")).arrayBuffer());
  session = await ort.InferenceSession.create(graph, {executionProviders: ["wasm"]});
}
export const ready = start();

// The answers to a square picture: probabilities, and with a patch what it decides.
export function answer(image) {
  const run = async () => {
    const {values, shape, type} = tensor(image, model.inputs);
    const outputs = await session.run({[model.inputs.name]: new ort.Tensor(type, values, shape)});
    const first = name => outputs[name] && Number(outputs[name].data[0]);
    const probabilities = Array.from(outputs.probabilities.data, Number);
    const base = probabilities.indexOf(Math.max(...probabilities));
    return {probabilities, base, corrected: first("corrected") ?? base, overridden: Boolean(first("overridden")),
            score: first("score"), suggested: first("suggested")};
  };
  return busy = busy.then(run, run);  // one after the other: a session answers once at a time
}

// ---- pictures

// A file upright, without its colour profile, on white, as RGBA.
export async function decoded(blob) {
  const image = await createImageBitmap(blob, {imageOrientation: "from-image", colorSpaceConversion: "none"});
  const scale = Math.min(1, Math.sqrt(LARGEST / (image.width * image.height)));
  const canvas = make("canvas");
  canvas.width = Math.max(1, Math.floor(image.width * scale));
  canvas.height = Math.max(1, Math.floor(image.height * scale));
  draw(canvas, image, [0, 0, image.width, image.height]);
  image.close();
  return canvas;
}

function draw(canvas, image, [x, y, width, height], mirrored = false) {
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? canvas.width : 0, 0);
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
}

// The part of a picture that is shown: all of it, or a square of it.
function part({width, height}) {
  if (state.zoom === 1) return [0, 0, width, height];
  const side = Math.max(1, Math.round(Math.min(width, height) / state.zoom));
  return [Math.round((width - side) * state.x), Math.round((height - side) * state.y), side, side];
}

// What the classifier reads of a canvas.
export function read(canvas, box = [0, 0, canvas.width, canvas.height]) {
  const {size, colour, resize_mode: mode, resample} = model.inputs;
  const rgba = canvas.getContext("2d", {willReadFrequently: true}).getImageData(...box);
  return square(plain(rgba, colour), size, mode, resample);
}

// ---- what is shown

function show() {
  const canvas = at("view"), {picture} = state, box = part(picture);
  const context = canvas.getContext("2d"), scale = canvas.width / Math.max(box[2], box[3]);
  const crop = state.zoom === 1 && model.inputs.resize_mode === "crop", shorter = canvas.width / Math.min(box[2], box[3]);
  const [width, height] = state.zoom === 1 && model.inputs.resize_mode === "stretch" ? [canvas.width, canvas.width]
    : [box[2] * (crop ? shorter : scale), box[3] * (crop ? shorter : scale)];
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, ...box, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  canvas.classList.toggle("movable", state.zoom > 1);
}

function showRead(image) {
  const canvas = at("read"), shown = new ImageData(image.width, image.height);
  for (let place = 0; place < image.width * image.height; place++)
    for (let channel = 0; channel < 4; channel++)
      shown.data[4 * place + channel] = channel === 3 ? 255 : image.data[place * image.channels + (image.channels === 1 ? 0 : channel)];
  canvas.width = canvas.height = image.width;
  canvas.getContext("2d").putImageData(shown, 0, 0);
}

async function update() {
  if (!state.picture) return;
  const turn = ++state.turn, image = read(state.picture, part(state.picture));
  show();
  showRead(image);
  const answers = await answer(image);
  if (turn === state.turn || state.camera) showAnswers(answers);
}

function showAnswers({probabilities, base, corrected, overridden, score, suggested}) {
  const name = index => index < 0 ? "no answer" : model.classes[index], patched = score !== undefined;
  at("after").textContent = name(corrected);
  at("before").textContent = name(base);
  at("verdict").dataset.overridden = overridden;
  at("what").textContent = !patched ? "The classifier answers" : !overridden ? "The patch leaves the answer as it is"
    : {relabel: "The patch changes the answer", abstain: "The patch withholds the answer", flag: "The patch flags the answer"}[model.action];
  at("was").hidden = !overridden;
  probabilities.forEach((share, index) => {
    const row = at("bars").children[index];
    row.querySelector("i").style.setProperty("--share", share);
    row.querySelector("span").textContent = percent(share);
    row.classList.toggle("base", index === base);
  });
  [...at("bars").children].forEach((row, index) => row.classList.toggle("final", overridden && index === suggested));
  at("evidence").hidden = !patched;
  if (patched) showScore(score, model.thresholds[model.classes[base]], name(suggested), name(base));
}

function showScore(score, threshold, suggestion, base) {
  const silent = score < NEVER, none = threshold === null || threshold === undefined;
  at("score-text").textContent = silent ? "No other class is suggested."
    : none ? `Score ${number(score)} for ${suggestion}. The answer ${base} is never overridden.`
    : `Score ${number(score)} for ${suggestion}: ${score > threshold ? "above" : "not above"} the threshold ${number(threshold)} of the answer ${base}.`;
  at("track").hidden = silent || none;
  if (silent || none) return;
  const spread = 6 + 1.15 * Math.max(0, Math.abs(score - threshold) - 6);
  at("track").style.setProperty("--score", 0.5 + (score - threshold) / (2 * spread));
  at("track").dataset.above = score > threshold;
}

function note(text, bad = false) {
  at("note").textContent = text;
  at("note").classList.toggle("bad", bad);
}

// ---- what people do

function take(canvas) {
  Object.assign(state, {picture: canvas, zoom: 1, x: 0.5, y: 0.5});
  at("zoom").value = 1;
  return update();
}

async function open(blob, chosen = null) {
  stopCamera();
  for (const button of at("examples").children) button.setAttribute("aria-pressed", button === chosen);
  try {
    await take(await decoded(blob));
    note("");
  } catch (error) {
    note("This file cannot be shown as a picture. Choose a JPEG, PNG or WebP file.", true);
  }
}

async function startCamera() {
  if (state.camera) return stopCamera();
  if (!navigator.mediaDevices) return note("The camera needs a page that is served by https or from localhost.", true);
  try {
    const stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "user", width: {ideal: 640}, height: {ideal: 480}}});
    const video = at("video");
    video.srcObject = stream;
    await video.play();
    state.camera = stream;
    at("camera").setAttribute("aria-pressed", true);
    at("verdict").setAttribute("aria-live", "off");  // many answers a second are not for reading aloud
    at("camera").lastChild.textContent = "Keep this";
    for (const button of at("examples").children) button.setAttribute("aria-pressed", false);
    note("");
    Object.assign(state, {zoom: 1, x: 0.5, y: 0.5});
    at("zoom").value = 1;
    live(video);
  } catch (error) {
    note("The camera cannot be used: it is missing, in use, or not allowed for this page.", true);
  }
}

// The middle square of the camera's picture, mirrored as in a mirror, some times a second.
async function live(video) {
  while (state.camera) {
    const side = Math.min(video.videoWidth, video.videoHeight);
    if (side) {
      const canvas = make("canvas", {width: side, height: side});
      draw(canvas, video, [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side], true);
      state.picture = canvas;
      await update();
    }
    await new Promise(done => setTimeout(done, EVERY));
  }
}

function stopCamera() {
  if (!state.camera) return;
  for (const track of state.camera.getTracks()) track.stop();
  state.camera = at("video").srcObject = null;
  at("camera").setAttribute("aria-pressed", false);
  at("verdict").setAttribute("aria-live", "polite");
  at("camera").lastChild.textContent = "Camera";
}

function move(x, y) {
  const within = value => Math.min(1, Math.max(0, value));
  Object.assign(state, {x: within(state.x + x), y: within(state.y + y)});
  return update();
}

function listen() {
  const view = at("view"), drop = at("drop");
  at("file").addEventListener("change", event => event.target.files[0] && open(event.target.files[0]));
  at("choose").addEventListener("click", () => at("file").click());
  at("camera").addEventListener("click", startCamera);
  at("zoom").addEventListener("input", event => { state.zoom = Number(event.target.value); update(); });
  view.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-0.05, 0], ArrowRight: [0.05, 0], ArrowUp: [0, -0.05], ArrowDown: [0, 0.05]}[event.key];
    if (step && state.zoom > 1) { event.preventDefault(); move(...step); }
  });
  view.addEventListener("pointerdown", event => state.zoom > 1 && view.setPointerCapture(event.pointerId));
  view.addEventListener("pointermove", event => {
    if (!view.hasPointerCapture(event.pointerId)) return;
    const [, , side] = part(state.picture), {width, height} = state.picture, scale = side / view.clientWidth;
    move(width > side ? -event.movementX * scale / (width - side) : 0, height > side ? -event.movementY * scale / (height - side) : 0);
  });
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, event => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", event => { event.preventDefault(); const [file] = event.dataTransfer.files; file && open(file); });
  document.addEventListener("paste", event => { const [file] = event.clipboardData.files; file && open(file); });
  document.addEventListener("visibilitychange", () => document.hidden && stopCamera());
}

function furnish() {
  at("bars").append(...model.classes.map(name =>  // a class that the patch adds stays "new"
    make("div", {}, make("dt", {}, name), make("dd", {}, make("i"), make("span", {}, "new")))));
  at("examples").append(...model.examples.map(({file, words}) => {
    const button = make("button", {type: "button", "aria-pressed": false}, make("img", {src: file, alt: words, width: 96, height: 96}));
    button.addEventListener("click", async () => open(await (await fetch(file)).blob(), button));
    return button;
  }));
  at("examples-part").hidden = !model.examples.length;
}

at("main").hidden = false;
at("offline").hidden = true;
try {
  await ready;
  furnish();
  listen();
  at("main").removeAttribute("aria-busy");
  note("");
  at("examples").firstChild?.click();
} catch (error) {
  note(`The model cannot be loaded: ${error.message}`, true);
}
