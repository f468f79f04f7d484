// Questions in a dialog: a confirmation with a reason, and the token of the server.

import {element} from "./dom.js";

const WHO = "mien-who";
let opened = 0;

let name = "";

// The name of who decides; a browser that keeps nothing has it until the page is closed.
export function who() {
  try { return localStorage.getItem(WHO) || name; } catch { return name; }
}

export function setWho(given) {
  name = given.trim();
  try { localStorage.setItem(WHO, name); } catch { /* it stays in the page alone */ }
}

// Asks whether something shall be done, for what reason and by whom; null where it shall not.
export function confirmed(title, words, act) {
  const reason = field("Reason (goes into the log)", {name: "reason", maxlength: 200, autocomplete: "off"});
  const name = field("Your name (goes into the log)", {name: "who", maxlength: 200, value: who(), autocomplete: "name"});
  return asked(title, words, act, [reason, name], () => {
    setWho(name.input.value);
    return {reason: reason.input.value.trim(), who: who()};
  });
}

// Asks for the token; null where none is given.
export function askForToken(problem) {
  const token = field("Token", {name: "token", type: "password", autocomplete: "current-password", required: true, maxlength: 500});
  const words = "This server answers only requests that carry its token: the one in its --token-file, or in MIEN_SERVE_TOKEN. "
    + "It stays in this tab of the browser until you close it.";
  return asked("The server asks for its token", `${problem} ${words}`.trim(), "Use it", [token], () => token.input.value.trim());
}

function field(label, attributes) {
  const input = element("input", {type: "text", ...attributes});
  return Object.assign(element("label", {class: "field"}, label, input), {input});
}

function asked(title, words, act, fields, value) {
  return new Promise(answered => {
    const id = `dialog-${++opened}`;
    const cancel = element("button", {type: "button", onclick: () => dialog.close()}, "Cancel");
    const form = element("form", {onsubmit: event => { event.preventDefault(); result = value(); dialog.close(); }},
      element("h2", {id}, title), element("p", {}, words), fields,
      element("div", {class: "actions"}, element("button", {type: "submit", class: "main"}, act), cancel));
    const dialog = element("dialog", {"aria-labelledby": id, onclose: () => { dialog.remove(); answered(result); }}, form);
    let result = null;
    document.body.append(dialog);
    dialog.showModal();
  });
}
