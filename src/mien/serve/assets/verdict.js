// The verdict on an answer: right, wrong, and which class is right.

import {button, element} from "./dom.js";
import {who, setWho} from "./dialogs.js";
import {areOn, switchKeys} from "./keys.js";
import {hue} from "./words.js";

const DIGITS = "1234567890";
const isRight = (item, name) => item.verdict !== null && item.verdict === name;

// The class that a key names, by its place; undefined for other keys.
export const classOf = (key, classes) => classes[DIGITS.indexOf(key)];

// The buttons. `give` gets the class that is right; `choose` opens the choice of a class.
export function verdictOf(item, classes, {isChoosing, give, choose, refresh}) {
  const {corrected} = item.row;
  const question = corrected === null ? "Which class is right?" : ["Is ", element("b", {}, corrected), " right?"];
  const isWrong = item.verdict !== null && item.verdict !== corrected;
  const both = corrected !== null && element("div", {class: "both"},
    button("Right", () => give(corrected), {class: "right", "data-name": "right", "aria-pressed": String(isRight(item, corrected))}, areOn() && "→"),
    button("Wrong", choose, {class: "wrong", "data-name": "wrong", "aria-pressed": String(isWrong), "aria-expanded": String(isChoosing)}, areOn() && "←"));
  const isOpen = isChoosing || isWrong || corrected === null;
  return [
    element("h3", {}, question), both, isOpen && choice(item, classes, give),
    element("p", {class: "kept", role: "status"}, keptWords(item)), hints(isOpen, classes.length, refresh), nameField(),
  ];
}

function choice(item, classes, give) {
  const one = (name, place) => button([element("i", {class: "dot", "--c": hue(place)}), element("span", {}, name)], () => give(name),
    {"data-name": `class ${name}`, "aria-pressed": String(isRight(item, name)), class: name === item.row.label ? "base" : null}, areOn() && DIGITS[place]);
  return element("div", {class: "choice", role: "group", "aria-label": "The class that is right"},
    element("p", {}, "Which class is right?"), element("div", {class: "classes"}, classes.map(one)));
}

function keptWords(item) {
  if (item.verdict === null) return "";
  if (item.isSending) return "Is being sent…";
  return `Kept: ${item.verdict} is right. Another verdict takes its place.`;
}

function hints(isOpen, classes, refresh) {
  const digits = classes > 1 ? [element("kbd", {}, `1–${Math.min(classes, 9)}`), " the class"] : [];
  const keys = element("span", {class: "keys"}, element("kbd", {}, "→"), " right ", element("kbd", {}, "←"), " wrong ", digits, " ",
    element("kbd", {}, "N"), " next ", element("kbd", {}, "P"), " previous picture");
  const box = element("input", {type: "checkbox", checked: areOn(), onchange: event => { switchKeys(event.target.checked); refresh(); }, "data-name": "keys"});
  return element("div", {class: "hints"}, element("label", {}, box, " Keys"), areOn() && keys);
}

function nameField() {
  const input = element("input", {type: "text", value: who(), maxlength: 200, autocomplete: "name", placeholder: "nobody", "data-name": "who",
    onchange: event => setWho(event.target.value)});
  return element("label", {class: "who"}, "Your name, kept with verdicts", input);
}
