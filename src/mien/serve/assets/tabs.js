// The tabs, as the ARIA pattern has them: arrows, Home and End move between them; the address names the one shown.

const TABS = [...document.querySelectorAll("[role=tab]")];
const STEPS = {ArrowRight: 1, ArrowLeft: -1};

export const isShown = name => !document.getElementById(name).hidden;

// Shows the part of the page that the address names, and calls `onshow` with its name at each change.
export function startTabs(onshow) {
  const choose = (tab, focus = true) => {
    for (const other of TABS) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
    if (focus) tab.focus();
    const name = tab.getAttribute("aria-controls");
    history.replaceState(null, "", `#${name}`);
    onshow(name);
  };
  for (const [place, tab] of TABS.entries()) {
    tab.addEventListener("click", event => {
      choose(tab);
      if (event.detail) tab.blur(); // after a click, arrows shall act on what is shown
    });
    tab.addEventListener("keydown", event => {
      const to = {Home: 0, End: TABS.length - 1}[event.key] ?? place + (STEPS[event.key] ?? NaN);
      if (Number.isNaN(to)) return;
      event.preventDefault();
      choose(TABS[(to + TABS.length) % TABS.length]);
    });
  }
  const fromAddress = () => {
    const wanted = TABS.find(tab => `#${tab.getAttribute("aria-controls")}` === location.hash);
    choose(wanted ?? TABS[0], false);
  };
  addEventListener("hashchange", fromAddress);
  fromAddress();
}
