// Pictures on their way to the server and back: files, frames, and what the server kept of a picture.

import {ask} from "./server.js";

const AT_ONCE = 2; // requests under way
const lined = [];
let underWay = 0;

export const pictureItem = (name, blob, url = URL.createObjectURL(blob)) => ({name, blob, url, row: null, error: null, verdict: null});

// Asks for the answers of one picture; `onanswer` gets all its rows, of which several are faces of one picture.
export async function answerFor(item, {group = "", patient = true} = {}) {
  const query = new URLSearchParams({file: item.name, ...(group && {group})});
  const began = performance.now();
  const answer = await ask(`predict?${query}`, {body: item.blob, type: typeOf(item.blob), patient});
  const seconds = (performance.now() - began) / 1000;
  return answer.predictions.map(row => ({...item, row: row.status === "ok" ? row : null, error: failure(row), seconds}));
}

// The type of a request with a picture; what the browser takes for none is sent, too, and the server looks at it.
export const typeOf = blob => blob.type.startsWith("image/") ? blob.type : "application/octet-stream";

function failure(row) {
  if (row.status === "ok") return null;
  if (row.status === "no_face") return {message: "No face was detected in this picture", remedy: "take one on which a face is larger, or seen from the front"};
  return {message: row.error || "The picture cannot be read", remedy: row.remedy || ""};
}

// Answers items one after another, a few at once; `ondone` gets the item and what came of it.
export function answerAll(items, ondone) {
  lined.push(...items.map(item => ({item, ondone})));
  while (underWay < AT_ONCE && lined.length) work();
}

async function work() {
  underWay++;
  for (let next = lined.shift(); next; next = lined.shift()) {
    const {item, ondone} = next;
    try {
      ondone(item, await answerFor(item));
    } catch (error) {
      ondone(item, [{...item, error}]);
    }
  }
  underWay--;
}

// What /feedback/open lists, as items; a picture is there where the server keeps crops.
export const waitingItem = row => ({name: row.prediction, blob: row.picture ? blobOf(row.picture) : null, url: row.picture, row, error: null, verdict: null});

function blobOf(uri) {
  const [head, content] = uri.split(",");
  const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
  return new Blob([bytes], {type: head.slice(5).split(";")[0]});
}
