// SPDX-License-Identifier: MIT
// view.js - the part of the time that is shown: so many seconds up to the newest row, which moves
// on with it, or a fixed piece that somebody has zoomed or moved to. All curves share one.

export class View {
  // changed() is called after each move. chosen: seconds, null: all. least: seconds that can be
  // zoomed to; leastShown: by themselves.
  constructor(changed, { chosen = 300, least = 2, leastShown = 20 } = {}) {
    Object.assign(this, { changed, chosen, least, leastShown });
    this.span = this.chosen;
    this.end = null;   // null: the newest row
    this.first = 0;
    this.last = 0;
  }

  get follows() { return this.end === null; }
  get isZoomed() { return this.end !== null || this.span !== this.chosen; }

  // There are rows from when to when. Of a program that has just begun some time before is shown.
  bounds(first, last) {
    this.first = Math.min(first, last - this.leastShown);
    this.last = last;
  }

  // What is shown.
  range() {
    if (this.end !== null)
      return [this.end - this.span, this.end];
    const begin = this.span === null ? this.first : this.last - this.span;
    return [Math.max(begin, this.first), this.last];
  }

  choose(span) {
    this.chosen = span;
    this.reset();
  }

  reset() {
    this.span = this.chosen;
    this.end = null;
    this.changed();
  }

  // Somewhere within what there is; what reaches to the newest row stays with it.
  show(begin, end) {
    const span = Math.min(Math.max(end - begin, this.least), this.last - this.first);
    let until = (begin + end) / 2 + span / 2;
    until = Math.max(until, this.first + span);
    const isAll = this.chosen === null && span >= this.last - this.first;
    this.span = isAll ? null : span;
    this.end = until >= this.last - span / 1000 ? null : until;
    this.changed();
  }

  // Closer by that factor, around a moment: the middle, or the newest row while that is followed.
  zoom(factor, around) {
    const [begin, end] = this.range();
    const center = around ?? (this.follows ? end : (begin + end) / 2);
    this.show(center - (center - begin) / factor, center + (end - center) / factor);
  }

  // By that part of what is shown; later is positive.
  pan(part) {
    const [begin, end] = this.range();
    const by = part * (end - begin);
    if (by < 0 && begin <= this.first)
      return;
    this.show(begin + by, end + by);
  }
}
