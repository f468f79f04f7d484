// A list of pictures of which one is shown: those that were given, or those that wait for a verdict.

const MOST = 200; // pictures that a list keeps; the oldest leave first

export class Deck {
  constructor(onchange) {
    this.items = [];
    this.place = 0;
    this.onchange = onchange;
  }

  get current() {
    return this.items[this.place] ?? null;
  }

  get open() {
    return this.items.filter(item => item.row && !item.verdict).length;
  }

  add(items, showFirst = false) {
    const first = this.items.length;
    this.items.push(...items);
    if (showFirst && items.length) this.place = first;
    while (this.items.length > MOST) this.remove(this.items[0]);
    this.onchange(this);
  }

  remove(item) {
    const place = this.items.indexOf(item);
    if (place < 0) return;
    this.items.splice(place, 1);
    if (item.url?.startsWith("blob:") && !this.items.some(other => other.url === item.url)) URL.revokeObjectURL(item.url);
    if (place < this.place || this.place >= this.items.length) this.place = Math.max(0, this.place - 1);
  }

  show(item) {
    this.place = Math.max(0, this.items.indexOf(item));
    this.onchange(this);
  }

  step(by) {
    const to = this.place + by;
    if (to < 0 || to >= this.items.length) return false;
    this.show(this.items[to]);
    return true;
  }

  // Shows the next picture without a verdict after this one, or the first of all; whether there is one.
  advance() {
    const isOpen = item => item.row && !item.verdict;
    const next = this.items.slice(this.place + 1).find(isOpen) ?? this.items.find(isOpen);
    if (next) this.show(next);
    return Boolean(next);
  }
}
