// SPDX-License-Identifier: MIT
// history.js - the rows that the page has, column by column, and what follows from them. What
// grows too long is thinned where it is oldest, so that the page can stay open for weeks.

import { firstNotBefore } from './search.js';

// Counters: of several rows the last one says all. Of other columns the highest stays, so that
// no peak is lost.
const counters = ['time', 'TotalAlloc', 'Mallocs', 'Frees', 'NumGC', 'PauseTotalNs'];
const gauges = ['Alloc', 'Sys', 'HeapReleased', 'HeapInuse', 'RSS', 'NextGC', 'HeapObjects'];
// From two neighbours' difference: per second.
const rates = { ByteRate: 'TotalAlloc', MallocRate: 'Mallocs', FreeRate: 'Frees' };
const derived = ['Held', ...Object.keys(rates)];

const known = value => typeof value === 'number' && Number.isFinite(value);
const higher = (a, b) => a === null ? b : b === null ? a : Math.max(a, b);

export class History {
  // At most so many rows, runs of the program, collections.
  constructor({ rows = 10000, runs = 20, cycles = 2000 } = {}) {
    this.most = { rows, runs, cycles };
    this.run = null;
    this.seq = 0;
    this.starts = []; // the index of each run's first row
    this.columns = {};
    for (const name of [...counters, ...gauges, ...derived])
      this.columns[name] = [];
    this.cycles = [];
    this.gaps = []; // times of rows before which some are missing
  }

  get length() { return this.columns.time.length; }
  // The index of the first row of the program that runs now.
  get begin() { return this.starts.length > 0 ? this.starts[this.starts.length - 1] : 0; }
  get hasEarlier() { return this.begin > 0; }
  last(name) { return this.length > this.begin ? this.columns[name][this.length - 1] : null; }

  // What the server has answered. True: the program is another one than before.
  take(data) {
    const isNew = data.run !== this.run;
    const isRestart = isNew && this.run !== null;
    if (isNew) {
      this.run = data.run;
      this.cycles = [];
      if (this.length > this.begin || this.starts.length === 0)
        this.starts.push(this.length);
    }
    const place = {};
    data.columns.forEach((name, index) => { place[name] = index; });
    for (const row of data.rows)
      this.#append(row, place, data.interval || 1);
    this.seq = data.seq;
    this.#takeCycles(data.cycles || []);
    this.#bound();
    return isRestart;
  }

  #append(row, place, interval) {
    const columns = this.columns;
    const value = name => known(row[place[name]]) ? row[place[name]] : null;
    const time = value('time');
    if (time === null)
      return;
    this.#forgetFrom(time);
    const before = this.length - 1, isFirst = before < this.begin;
    const step = before >= 0 ? time - columns.time[before] : 0;
    for (const name of counters.concat(gauges))
      columns[name].push(value(name));
    if (columns.RSS[before + 1] === 0)
      columns.RSS[before + 1] = null; // nobody could tell
    const sys = value('Sys'), released = value('HeapReleased');
    columns.Held.push(sys === null || released === null ? null : sys - released);
    for (const [name, counter] of Object.entries(rates)) {
      const now = value(counter), then = isFirst ? null : columns[counter][before];
      columns[name].push(now === null || then === null || now < then ? null : (now - then) / step);
    }
    // Rows of long ago are further from each other: the first two of a run tell nothing.
    const usual = before > this.begin ? columns.time[before] - columns.time[before - 1] : step;
    if (before >= 0 && (isFirst || step > 4 * Math.max(usual, interval)))
      this.gaps.push(time);
  }

  // A clock that was set back: what is not before the new row goes.
  #forgetFrom(time) {
    const times = this.columns.time;
    let length = times.length;
    while (length > 0 && times[length - 1] >= time)
      length--;
    if (length === times.length)
      return;
    for (const name in this.columns)
      this.columns[name].length = length;
    this.starts = this.starts.map(start => Math.min(start, length))
      .filter((start, i, all) => i === all.length - 1 || start < all[i + 1]);
    this.gaps = this.gaps.filter(gap => gap < time);
  }

  #takeCycles(cycles) {
    const newest = this.cycles.length > 0 ? this.cycles[this.cycles.length - 1].number : 0;
    for (const cycle of cycles) {
      if (cycle.number > newest)
        this.cycles.push(cycle);
    }
    if (this.cycles.length > this.most.cycles)
      this.cycles.splice(0, this.cycles.length - this.most.cycles);
  }

  #bound() {
    if (this.starts.length > this.most.runs) {
      this.starts.splice(0, this.starts.length - this.most.runs);
      this.#drop(this.starts[0]);
    }
    if (this.length > this.most.rows)
      this.#thin();
  }

  #drop(count) {
    for (const name in this.columns)
      this.columns[name].splice(0, count);
    this.starts = this.starts.map(start => start - count);
    this.#forgetGaps();
  }

  // Of the older half each two neighbours become one.
  #thin() {
    const half = this.length >> 1, firsts = new Set(this.starts);
    const pairs = []; // first and last index of what becomes one row
    for (let i = 0; i < half; i++) {
      const isPair = i + 1 < half && !firsts.has(i + 1);
      pairs.push([i, isPair ? i + 1 : i]);
      i += isPair ? 1 : 0;
    }
    for (const [name, column] of Object.entries(this.columns)) {
      const merge = counters.includes(name) ? (_, b) => b : higher;
      const older = pairs.map(([a, b]) => a === b ? column[a] : merge(column[a], column[b]));
      this.columns[name] = older.concat(column.slice(half));
    }
    const gone = half - pairs.length;
    this.starts = this.starts.map(
      start => start >= half ? start - gone : pairs.findIndex(([a]) => a === start));
    this.#forgetGaps();
  }

  // A gap belongs to a row: the first one that is not older.
  #forgetGaps() {
    const times = this.columns.time;
    this.gaps = this.gaps.map(gap => times[firstNotBefore(times, gap)])
      .filter((gap, i, all) => gap !== times[0] && gap !== all[i - 1]);
  }

  // The index of the highest value from `from` on; -1: there is none.
  peak(name, from) {
    const column = this.columns[name];
    let best = -1;
    for (let i = from; i < column.length; i++) {
      if (column[i] !== null && (best < 0 || column[i] > column[best]))
        best = i;
    }
    return best;
  }
}
