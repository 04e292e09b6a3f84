// SPDX-License-Identifier: MIT
// plot.js - the page that memlog plot writes: what it holds is unpacked, drawn and told in tables;
// buttons and keys move the view.

import { bindControls } from './controls.js';
import { drawn, Logs } from './logs.js';
import { element } from './curves.js';
import * as format from './format.js';
import { eventRows, runRows, summaryRows } from './told.js';
import { fillTable } from './table.js';
import { theme } from './theme.js';
import { View } from './view.js';

const $ = id => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const logs = new Logs(data);

const page = { unit: 'auto', view: null, chosen: new Map() };
page.view = new View(() => moved(), { chosen: null, least: logs.least, leastShown: logs.least });
const { view } = page;
let curves = [];

// ---- words and numbers ------------------------------------------------------------------------

function showFacts() {
  document.title = `${data.title} · memlog`;
  $('title').textContent = data.title;
  $('facts').textContent = logs.facts().join(' · ');
  $('version').textContent = data.memlog;
  for (const words of logs.notices())
    $('notices').append(element('p', { className: 'notice' }, words));
}

function showClock() {
  format.setClock(logs.clock());
  $('zone').textContent = logs.isFromStart ? 'Times are counted from each log\'s first sample.'
    : `Times: ${format.zone(logs.first)}.`;
  for (const button of $('align').children)
    button.setAttribute('aria-pressed',
      String((button.dataset.align === 'start') === logs.isFromStart));
}

// A time that leads there.
function jump(seconds, from, to) {
  const button = element('button', { type: 'button', className: 'jump', title: 'Go there' },
    format.date(seconds));
  button.addEventListener('click', () => {
    const width = from === undefined ? Math.min(view.last - view.first, Math.max(logs.least * 20,
      (view.last - view.first) / 20)) : 0;
    view.show((from ?? seconds) - width / 2, (to ?? seconds) + width / 2);
    $('curves').scrollIntoView({ block: 'nearest' });
  });
  return button;
}

function showTables() {
  fillTable($('summary').querySelector('tbody'), summaryRows(logs, page.unit, jump));
  const runs = runRows(logs, jump);
  fillTable($('runs').querySelector('tbody'), runs);
  $('runs').hidden = runs.length === 0;
  const most = 1000, events = eventRows(logs, page.unit, jump, most);
  fillTable($('events').querySelector('tbody'), events.rows);
  $('events').hidden = events.rows.length === 0;
  $('events-left-out').hidden = events.all <= most;
  $('events-left-out').textContent = `The first ${most} of ${format.whole(events.all)}.`;
}

function showView() {
  const [min, max] = view.range();
  for (const button of $('ranges').children) {
    const span = Number(button.dataset.span);
    button.setAttribute('aria-pressed', String(button.dataset.span === 'all' ? !view.isZoomed
      : view.isZoomed && Math.abs(max - min - span) < span / 1000));
  }
  $('reset').disabled = !view.isZoomed;
  $('shown').textContent = `${format.date(min)} – ${format.moment(max, min)}, ${
    format.span(max - min)}`;
}

// ---- drawing ------------------------------------------------------------------------------------

function moved() {
  for (const one of curves)
    one.move();
  showView();
}

function place() {
  showClock();
  view.bounds(logs.first, logs.last);
  for (const one of curves)
    one.set(...logs.rowsOf(one.columns));
  view.reset();
  showTables();
}

function redraw() {
  for (const one of curves)
    one.redraw();
}

// ---- buttons and keys ---------------------------------------------------------------------------

const names = { 0.1: '100 ms', 1: '1 s', 10: '10 s', 60: '1 min', 300: '5 min', 900: '15 min',
  3600: '1 h', 21600: '6 h', 86400: '1 d', 604800: '7 d', 2592000: '30 d' };

function makeRanges() {
  const whole = logs.last - logs.first;
  const spans = Object.keys(names).map(Number).sort((a, b) => a - b)
    .filter(span => span < 0.8 * whole && span > logs.least).slice(-5);
  for (const [i, span] of [...spans, 'all'].entries()) {
    const button = element('button', { type: 'button', title: String(i + 1) }, names[span] || 'all');
    button.dataset.span = span;
    button.addEventListener('click', () => choose(i));
    $('ranges').append(button);
    keys[i + 1] = () => choose(i);
  }
}

// So much, up to where the view ends now.
function choose(index) {
  const { span } = $('ranges').children[index].dataset;
  const [, end] = view.range();
  if (span === 'all')
    view.reset();
  else
    view.show(end - Number(span), end);
}

function setUnit(unit) {
  page.unit = unit;
  $('units').value = unit;
  redraw();
  showTables();
}

function toPeak() {
  const at = logs.peakTime();
  if (at === null)
    return;
  const width = Math.max((view.last - view.first) / 50, logs.least);
  view.show(at - width / 2, at + width / 2);
}

function align(isFromStart) {
  if (data.logs.length < 2 || logs.isFromStart === isFromStart)
    return;
  logs.setFromStart(isFromStart);
  place();
}

const keys = { a: () => align(!logs.isFromStart) };
for (const button of $('align').children)
  button.addEventListener('click', () => align(button.dataset.align === 'start'));

function showTheme() { $('theme').textContent = `Theme: ${theme.name}`; }
theme.onChange(() => {
  showTheme();
  redraw();
});

// Not in the middle of the zone's clock: what is made first is drawn at once.
showFacts();
showClock();
view.bounds(logs.first, logs.last);
curves = drawn(logs, $('curves'), page);
makeRanges();
bindControls(page, {
  setUnit, nextTheme: () => theme.next(), toPeak, step: way => curves[0]?.step(way),
  keys, buttons: {},
});
$('align').hidden = data.logs.length < 2;
place();
