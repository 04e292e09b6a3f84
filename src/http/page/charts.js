// SPDX-License-Identifier: MIT
// charts.js - which curves there are over the time, and what their values are called.

import { Curves } from './curves.js';
import * as format from './format.js';
import { fillTable } from './table.js';

const $ = id => document.getElementById(id);

const reasons = {
  paced: 'the heap had grown', memory: 'no memory', 'no memory': 'no memory', idle: 'none for long',
  stress: 'stress mode', forced: 'asked for',
};

export class Charts {
  // page: history, view, unit, data (the last answer), chosen (which curves are on).
  constructor(page) {
    this.page = page;
    const { view, chosen } = page;
    const bytes = {
      format: (value, highest) => format.bytes(value,
        highest === undefined ? page.unit : format.unitFor(highest, page.unit)),
      steps: format.byteSteps,
    };
    const perSecond = write => (value, highest) => `${write(value, highest)}/s`;
    const counts = { format: value => format.count(value), steps: format.tenSteps(1) };
    this.memory = new Curves({
      section: $('memory'), view, chosen, left: bytes, peak: 'Alloc', height: 320,
      series: [
        { name: 'Sys', label: 'Sys', title: 'Address space from the system' },
        { name: 'Held', label: 'Held', title: 'Sys without HeapReleased' },
        { name: 'RSS', label: 'RSS', title: 'Resident memory of the process' },
        { name: 'NextGC', label: 'NextGC', title: 'The heap size of the next collection',
          dash: [6, 4] },
        { name: 'HeapInuse', label: 'HeapInuse', title: 'Pages that objects lie in', hidden: true },
        { name: 'HeapReleased', label: 'HeapReleased', title: 'Pages given back', hidden: true },
        { name: 'Alloc', label: 'Alloc', title: 'Bytes of objects in use', fill: true },
      ],
      lines: () => [
        { name: 'limit', label: 'Limit', value: page.data?.limit ?? null },
        { name: 'memlimit', label: 'memlog\'s limit', value: page.data?.memory_limit ?? null },
      ],
    });
    this.objects = new Curves({
      section: $('objects'), view, chosen, left: counts,
      series: [{ name: 'HeapObjects', label: 'Live objects', fill: true }],
      peak: 'HeapObjects',
    });
    this.rate = new Curves({
      section: $('rate'), view, chosen,
      left: { ...bytes, format: perSecond(bytes.format) },
      right: { ...counts, format: perSecond(format.count) },
      series: [
        { name: 'ByteRate', label: 'Bytes', fill: true },
        { name: 'MallocRate', label: 'Objects', axis: 'right', dash: [5, 3] },
        { name: 'FreeRate', label: 'Objects freed', axis: 'right', hidden: true },
      ],
    });
    this.pauses = new Curves({
      section: $('pauses'), view, chosen, isLogarithmic: true,
      left: { format: value => format.duration(value), steps: format.tenSteps(1) },
      series: [
        { name: 'stopped', label: 'Stopped', title: 'All pauses of a collection', bars: 'wide' },
        { name: 'longest', label: 'Longest pause', bars: 'points' },
      ],
    });
    this.all = [this.memory, this.objects, this.rate, this.pauses];
    $('cycles').addEventListener('toggle', () => this.#table());
  }

  // There is new data. `from`: the row that is shown first.
  update(from) {
    const { history, data } = this.page;
    const pick = name => from === 0 ? history.columns[name] : history.columns[name].slice(from);
    const times = pick('time');
    const starts = history.starts.filter(start => start > from)
      .map(start => history.columns.time[start]);
    const marks = { gaps: history.gaps, starts };
    for (const curves of [this.memory, this.objects, this.rate])
      curves.set(times, curves.series.map(series => pick(series.name)), marks);
    this.memory.offer('NextGC', data.collects !== false);
    this.memory.offer('limit', typeof data.limit === 'number');
    this.memory.offer('memlimit', typeof data.memory_limit === 'number');
    const { cycles } = history;
    this.pauses.set(cycles.map(cycle => cycle.end),
      [cycles.map(cycle => cycle.pause_ns || null), cycles.map(cycle => cycle.longest_ns || null)],
      { gaps: [], starts });
    this.#cycles();
    this.#table();
  }

  move() {
    for (const curves of this.all)
      curves.move();
    this.#cycles();
  }

  redraw() {
    for (const curves of this.all)
      curves.redraw();
    this.#table();
  }

  // The cycles that are to be seen, in a sentence.
  #cycles() {
    const { history, view, data } = this.page;
    const collects = data?.collects !== false, note = $('no-cycles');
    this.pauses.legend.hidden = this.pauses.plot.hidden = $('cycles').hidden = !collects;
    note.hidden = data === null;
    document.querySelector('main').classList.toggle('frees', !collects);
    if (!collects) {
      note.textContent = 'This program frees its memory itself: nothing is collected, and nothing '
        + 'stops it.';
      return;
    }
    const [min, max] = view.range();
    const shown = history.cycles.filter(({ end }) => end >= min && end <= max);
    const stopped = shown.reduce((sum, cycle) => sum + cycle.pause_ns, 0);
    const longest = shown.reduce((most, cycle) => Math.max(most, cycle.longest_ns), 0);
    const part = max > min ? stopped / 1e9 / (max - min) : 0;
    note.textContent = shown.length === 0 ? 'No collection in the time that is shown.'
      : `${shown.length} in the time that is shown: stopped ${format.duration(stopped)} in all `
        + `(${format.percent(part)} of it), at most ${format.duration(longest)} at once.`;
  }

  #table() {
    if (!$('cycles').open)
      return;
    const { history, unit } = this.page;
    const rows = history.cycles.slice(-50).reverse().map(cycle => [
      cycle.number, format.time(cycle.end, true), reasons[cycle.reason] || cycle.reason,
      format.duration(cycle.pause_ns), format.duration(cycle.longest_ns),
      format.bytes(cycle.before, unit), format.bytes(cycle.live, unit),
    ]);
    fillTable($('cycles').querySelector('tbody'), rows);
  }

  // The row to zoom to: the highest Alloc of all that is shown.
  peakTime(from) {
    const { history } = this.page;
    const index = history.peak('Alloc', from);
    return index < 0 ? null : history.columns.time[index];
  }
}
