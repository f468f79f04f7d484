// Requests to the server. They carry its token, wait while it is away, and fail with a Problem in words.

import {at, button, element, fill, show} from "./dom.js";
import {askForToken} from "./dialogs.js";

const BASE = new URL("..", import.meta.url);
const TOKEN = "mien-token";
const PAUSE = 2000; // ms between two looks whether the server is back
const TRIES = 5; // of a request that the server is too busy for
let back = null, asking = null, isRefused = false;

// What is wrong, and what helps (RFC 9457).
export class Problem extends Error {
  constructor(status, detail, remedy = "") {
    super(detail);
    this.status = status;
    this.remedy = remedy;
  }

  get words() {
    return this.remedy ? `${ended(this.message)} What helps: ${ended(this.remedy)}` : ended(this.message);
  }
}

const ended = text => /[.!?]$/.test(text) ? text : `${text}.`;

// The JSON that the server answers. `json` or `body` make it a POST. A patient request is sent again when a server that
// was away is back, and when it was too busy; what must not happen twice is not patient.
export async function ask(path, {json, body, type, patient = true} = {}) {
  for (let tries = 0; ; tries++) {
    const answer = await sent(path, json === undefined ? body : JSON.stringify(json), json === undefined ? type : "application/json");
    if (answer === null) {
      const isBack = whenBack();
      if (!patient) throw new Problem(0, "the server does not answer", "look whether it runs; nothing is lost here");
      await isBack;
    } else if (answer.ok) {
      return answer.json();
    } else if (answer.status === 401) {
      await freshToken(sessionStorage.getItem(TOKEN));
    } else if (answer.status === 503 && patient && tries < TRIES) {
      await pause(1000 * Number(answer.headers.get("Retry-After") || 1));
    } else {
      throw await problemOf(answer);
    }
  }
}

async function sent(path, body, type) {
  const headers = {}, token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (type) headers["Content-Type"] = type;
  try {
    return await fetch(new URL(path, BASE), {method: body === undefined ? "GET" : "POST", headers, body, cache: "no-store"});
  } catch {
    return null;
  }
}

async function problemOf(answer) {
  try {
    const content = await answer.json();
    return new Problem(answer.status, String(content.detail || content.title), String(content.remedy || ""));
  } catch {
    return new Problem(answer.status, `the server answered with status ${answer.status}`, "look at its log");
  }
}

const pause = ms => new Promise(done => setTimeout(done, ms));

// A promise that the server answers again; the page shows that it is away meanwhile.
function whenBack() {
  back ??= (async () => {
    at("away").textContent = "The server does not answer. The page tries again every 2 seconds; what you gave it is kept until then.";
    show(at("away"), true);
    do await pause(PAUSE); while (await sent("healthz") === null);
    show(at("away"), false);
    back = null;
    document.dispatchEvent(new Event("server-is-back"));
  })();
  return back;
}

// Asks for a token once, however many requests lack one; `used` is the one that was not accepted.
async function freshToken(used) {
  if (used !== sessionStorage.getItem(TOKEN)) return;
  if (!isRefused) asking ??= askForToken(used ? "The server does not accept this token." : "").finally(() => { asking = null; });
  const token = isRefused ? null : await asking;
  isRefused = !token;
  if (!token) throw new Problem(401, "the server asks for a token", "reload the page and enter the token that it was started with");
  sessionStorage.setItem(TOKEN, token);
}

// Shows what went wrong until it is closed, or something else is done.
export function showProblem(error) {
  if (!(error instanceof Problem)) console.error(error);
  const words = error instanceof Problem ? error.words : "The page has a fault. What helps: reload it.";
  fill(at("problem"), element("span", {}, words), " ", button("Close", hideProblem));
  show(at("problem"), true);
}

export function hideProblem() {
  show(at("problem"), false);
}
