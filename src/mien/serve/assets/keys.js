// Keys that act on the picture shown. They rest while something is typed or asked, and can be switched off.

const OFF = "mien-keys-off";
const BUSY = "input:not([type=checkbox]), textarea, select, [role=tab], dialog[open] *";

export const areOn = () => localStorage.getItem(OFF) === null;

export function switchKeys(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
}

// Calls `act` with each key; what it returns is whether the key did something.
export function startKeys(act) {
  document.addEventListener("keydown", event => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (!isPlain || !areOn() || event.repeat || document.querySelector("dialog[open]") || event.target.closest?.(BUSY)) return;
    if (act(event.key)) event.preventDefault();
  });
}
