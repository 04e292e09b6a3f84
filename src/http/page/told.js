// SPDX-License-Identifier: MIT
// told.js - what the logs of a page of memlog plot come to, as the rows of tables. `jump` makes a
// time that leads there.

import { element } from './curves.js';
import * as format from './format.js';
import { Logs, write } from './logs.js';

// A text in a curve's or a log's colour.
function tinted(words, color, isDashed) {
  const swatch = element('span', { className: isDashed ? 'swatch dashed' : 'swatch' });
  swatch.style.setProperty('--swatch', `var(--${color})`);
  const cell = document.createDocumentFragment();
  cell.append(swatch, element('span', {}, words));
  return cell;
}

// Each curve of each log: in the order of the legend.
export function summaryRows(logs, unit, jump) {
  return logs.logs.flatMap((log, i) => logs.columns.flatMap((column, j) => {
    const curve = log.curves[j];
    if (curve === null)
      return [];
    const say = value => write(column, value, unit);
    return [[
      tinted(logs.nameOf(i, j), logs.colorOf(i, j), logs.dashOf(j)), format.whole(log.samples),
      format.span(log.last - log.first), say(curve.first), say(curve.least), say(curve.mean),
      say(curve.peak), curve.peak_time === null ? format.nothing : jump(curve.peak_time - log.shift),
      say(curve.last),
    ]];
  }));
}

// Each run; none where there is nothing to tell of it.
export function runRows(logs, jump) {
  return logs.logs.flatMap((log, i) => log.runs.map(run => [
    logs.isOne ? begin(run, log, jump) : withLabel(begin(run, log, jump), log, i),
    format.span(run.last - run.first), format.whole(run.samples),
    run.pid ? String(run.pid) : format.nothing,
    element('span', { className: Logs.isBad(run) ? 'alert' : '' }, Logs.ended(run) || format.nothing),
    element('span', { className: 'words' }, run.command || ''),
  ]));
}

const begin = (run, log, jump) => jump(run.first - log.shift, run.first - log.shift,
  run.last - log.shift);

function withLabel(button, log, i) {
  const cell = document.createDocumentFragment();
  cell.append(tinted(log.label, `c${i % 8}`), ' ', button);
  return cell;
}

// The first `most` of all marks, alerts and changes of the limit, in time.
export function eventRows(logs, unit, jump, most) {
  const events = logs.logs.flatMap(log => [
    ...log.marks.map(([time, isAlert, words]) => ({
      time: time - log.shift, words: `${isAlert ? 'Alert: ' : ''}${words}`, isAlert, log,
    })),
    ...log.limits.map(([time, , bytes]) => ({
      time: time - log.shift, words: `Limit ${format.bytes(bytes, unit)}`, log,
    })),
  ]).sort((a, b) => a.time - b.time);
  const rows = events.slice(0, most).map(({ time, words, isAlert, log }) => [
    jump(time), element('span', { className: isAlert ? 'words alert' : 'words' },
      logs.isOne ? words : `${log.label}: ${words}`)]);
  return { rows, all: events.length };
}
