// SPDX-License-Identifier: MIT
// logs.js - the logs of a page of memlog plot: what is told of them, and which curves they have.

import { Curves, element } from './curves.js';
import * as format from './format.js';
import { merge, unpack } from './rows.js';

const colors = 8;
const dashes = [undefined, [6, 4], [2, 3], [9, 3, 2, 3], [12, 3]];

// What the values of a unit are called.
const plain = { title: 'Counts', write: format.count, steps: format.tenSteps(1) };
const kinds = {
  bytes: { title: 'Memory', write: format.bytes, steps: format.byteSteps },
  count: plain,
  flag: plain,
  ns: { title: 'Durations', write: format.duration, steps: format.tenSteps(1) },
  moment: { title: 'Moments', write: ns => format.date(ns / 1e9), steps: format.tenSteps(1) },
  fraction: { title: 'Fractions', write: format.percent, steps: format.tenSteps(1e-6) },
  percent: { title: 'Percent', write: value => format.percent(value / 100),
    steps: format.tenSteps(1e-4) },
};
export const kindOf = column => kinds[column.unit] || plain;

// As the person who reads wants it; unit: of bytes. highest: of the axis that it stands at.
export const write = (column, value, unit, highest) => column.unit === 'bytes'
  ? format.bytes(value, highest === undefined ? unit : format.unitFor(highest, unit))
  : kindOf(column).write(value);

export class Logs {
  constructor(data) {
    this.data = data;
    this.columns = data.columns;
    this.logs = data.logs.map(log => ({ ...log, rows: unpack(log) }));
    this.isOne = this.logs.length === 1;
    this.setFromStart(data.align === 'start' && !this.isOne);
    const finest = Math.max(...this.logs.map(log => log.scale));
    this.least = Math.max(2 / finest, (this.last - this.first) / 1e6);
  }

  // Each from its first sample on; else by the clock.
  setFromStart(isFromStart) {
    this.isFromStart = isFromStart;
    for (const log of this.logs)
      log.shift = isFromStart ? log.first : 0;
    const filled = this.logs.filter(log => log.samples > 0);
    this.first = Math.min(...filled.map(log => log.first - log.shift));
    this.last = Math.max(...filled.map(log => log.last - log.shift));
    if (this.first === this.last) { // one sample stands in the middle
      this.first -= 10;
      this.last += 10;
    }
    this.merged = this.isOne ? { times: this.logs[0].rows.times, values: [this.logs[0].rows.columns] }
      : merge(this.logs.map(log => ({ ...log.rows, shift: log.shift })));
  }

  clock() { return this.isFromStart ? { isDistance: true } : this.data.zone; }

  // Of a log: how the run or the whole ended; '' is usual.
  static ended({ end, oom }) {
    return !end ? '' : `${end}${oom ? ' (out of memory)' : ''}`;
  }

  // Beneath the title.
  facts() {
    const [log] = this.logs, facts = [];
    const { zone } = this.data;
    format.setClock(zone);
    if (!this.isOne)
      facts.push(`${this.logs.length} logs`);
    else if (log.pid)
      facts.push(`pid ${log.pid}`);
    const first = Math.min(...this.logs.map(one => one.first));
    const last = Math.max(...this.logs.map(one => one.last));
    if (last > first)
      facts.push(`${format.date(first)} – ${format.moment(last, first)} (${zone.name})`,
        format.span(last - first));
    else
      facts.push(`${format.date(first)} (${zone.name})`);
    const sum = name => this.logs.reduce((all, one) => all + (one[name] || 0), 0);
    const some = (count, one, more) => `${format.whole(count)} ${count === 1 ? one : more}`;
    facts.push(some(sum('samples'), 'sample', 'samples'));
    if (this.isOne) {
      if (log.runs.length > 1)
        facts.push(`${log.runs.length} runs`);
      if (log.collections > 0)
        facts.push(some(log.collections, 'collection', 'collections'));
      const ended = Logs.ended(log);
      if (ended !== '')
        facts.push(`ended by ${ended}`);
    }
    return facts;
  }

  // What is not as it should be.
  notices() {
    return this.logs.flatMap(log => {
      const name = this.isOne ? '' : `${log.label}: `;
      const words = log.damage.slice();
      if (!log.rows.isSorted && !words.some(one => one.includes('clock')))
        words.push('the clock was set back');
      if (log.lost > 0)
        words.push(`${format.whole(log.lost)} samples that could not be written`);
      return words.length === 0 ? [] : [`${name}In the log: ${words.join('; ')}.`];
    });
  }

  peakTime() {
    let best = null;
    for (const log of this.logs) {
      const curve = log.curves[0];
      if (curve !== null && (best === null || curve.peak > best.peak))
        best = { peak: curve.peak, time: curve.peak_time - log.shift };
    }
    return best && best.time;
  }

  // Restarts, marks, alerts, ends as lines over the curves, in time.
  events() {
    const events = [];
    for (const [i, log] of this.logs.entries()) {
      const name = this.isOne ? '' : `${log.label}: `;
      const tint = this.isOne ? 'quiet' : `c${i % colors}`;
      for (const [j, run] of log.runs.entries()) {
        if (j > 0 && !run.gap)
          events.push({ time: run.first - log.shift, label: `${name}restart`, color: tint });
        if (Logs.isBad(run))
          events.push({ time: run.last - log.shift, label: `${name}${Logs.ended(run)}`,
            color: 'alert' });
      }
      for (const [time, isAlert, words] of log.marks)
        events.push({ time: time - log.shift, label: `${name}${words}`,
          color: isAlert ? 'alert' : tint });
    }
    return events.sort((a, b) => a.time - b.time);
  }

  // Ended by itself, or by somebody who may: exit, or a signal that asks.
  static isBad({ end, oom }) {
    return Boolean(oom) || /^SIG(?!TERM$|INT$|HUP$)|^abort/.test(end || '');
  }

  // What Curves.set takes, for these columns: of each log in its order.
  rowsOf(columns) {
    const values = this.logs.flatMap((log, i) => columns.filter(column => log.curves[column] !== null)
      .map(column => this.merged.values[i][column]));
    return [this.merged.times, values, { gaps: [], starts: [], events: this.events() }];
  }

  limits() {
    return this.logs.flatMap((log, i) => log.limits.length === 0 ? [] : [{
      name: `limit${i}`, label: this.isOne ? 'Limit' : `Limit of ${log.label}`,
      color: this.isOne ? 'limit' : `c${i % colors}`,
      value: Math.max(...log.limits.map(([, , bytes]) => bytes)),
      pieces: log.limits.map(([from, to, bytes]) => [from - log.shift, to - log.shift, bytes]),
    }]);
  }

  colorOf(log, column) { return `c${(this.isOne ? column : log) % colors}`; }
  dashOf(column) { return this.isOne ? undefined : dashes[column % dashes.length]; }
  nameOf(log, column) {
    const { label, name } = this.columns[column];
    return this.isOne ? label : this.columns.length === 1 ? this.logs[log].label
      : `${this.logs[log].label} ${name}`;
  }
}

// The drawings: one for each kind of numbers.
export function drawn(logs, into, page) {
  const titles = new Map();
  logs.columns.forEach((column, i) => {
    const { title } = kindOf(column);
    if (logs.logs.some(log => log.curves[i] !== null))
      titles.set(title, [...(titles.get(title) || []), i]);
  });
  return [...titles].map(([title, columns], i) => {
    const section = element('section', { className: 'card wide' },
      element('h2', { id: `curves-${i}-title` }, title));
    section.id = `curves-${i}`;
    section.setAttribute('aria-labelledby', `curves-${i}-title`);
    into.append(section);
    return curvesOf(logs, columns, section, page);
  });
}

function curvesOf(logs, columns, section, page) {
  const first = logs.columns[columns[0]], isMemory = first.unit === 'bytes';
  const series = logs.logs.flatMap((log, i) => columns
    .filter(column => log.curves[column] !== null)
    .map(column => ({
      name: `log${i}c${column}`, label: logs.nameOf(i, column), title: logs.columns[column].help,
      color: logs.colorOf(i, column), dash: logs.dashOf(column), dots: true,
      fill: logs.isOne && column === 0,
    })));
  const made = new Curves({
    section, view: page.view, chosen: page.chosen, series, wheel: true, isFixed: true,
    left: {
      format: (value, highest) => write(first, value, page.unit, highest),
      steps: kindOf(first).steps,
    },
    lines: () => isMemory ? logs.limits() : [],
    peak: logs.isOne && !first.isTotal ? series[0].name : undefined,
    height: isMemory ? 420 : 240,
  });
  made.columns = columns;
  return made;
}
