// SPDX-License-Identifier: MIT
// memlog.js - the live page: what comes from the server goes into the history, from there to the
// curves; buttons and keys move the view.

import { Charts } from './charts.js';
import { Classes } from './classes.js';
import { bindControls } from './controls.js';
import { Feed } from './feed.js';
import * as format from './format.js';
import { History } from './history.js';
import { theme } from './theme.js';
import { View } from './view.js';

const $ = id => document.getElementById(id);

// ---- what is kept from visit to visit -----------------------------------------------------

const stored = {
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(`memlog.${key}`));
    } catch {
      return null; // forbidden, or somebody else's
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`memlog.${key}`, JSON.stringify(value));
    } catch {
      // It is forgotten with the page.
    }
  },
};

// Which curves are on, where somebody has switched.
const chosen = {
  all: new Map(Object.entries(stored.get('curves') || {})),
  get(name) { return this.all.get(name); },
  set(name, isOn) {
    this.all.set(name, isOn);
    stored.set('curves', Object.fromEntries(this.all));
  },
};

// ---- the page's parts ----------------------------------------------------------------------

const page = {
  history: new History(),
  view: new View(() => moved()),
  unit: format.unitNames.includes(stored.get('unit')) ? stored.get('unit') : 'auto',
  data: null,        // the last answer
  received: 0,       // performance.now() then
  showsEarlier: false,
  chosen,
};
const { history, view } = page;
theme.set(stored.get('theme') || 'auto');
const charts = new Charts(page);
const classes = new Classes(page);

const feed = new Feed({
  url: 'memlog/data',
  query: () => history.run === null ? ''
    : `?since=${history.seq}&run=${encodeURIComponent(history.run)}`,
  taken: take,
  changed: showConnection,
});

const from = () => page.showsEarlier ? 0 : history.begin;

function take(data) {
  const before = page.data;
  page.data = data;
  page.received = performance.now();
  if (history.take(data))
    restarted(before, data);
  $('earlier').hidden = !history.hasEarlier;
  showFacts();
  showTiles();
  showTitle();
  notice('error', data.error ? `The numbers can't be read now: ${data.error}` : null);
  if (!document.hidden)
    draw();
}

function draw() {
  if (page.data === null)
    return;
  const times = history.columns.time;
  if (times.length > from())
    view.bounds(times[from()], times[times.length - 1]);
  charts.update(from());
  classes.update();
  showView();
}

function moved() {
  charts.move();
  showView();
}

function restarted(before, data) {
  view.reset();
  const what = before.pid === data.pid ? `pid ${data.pid}` : `pid ${before.pid}, now ${data.pid}`;
  notice('restart', `The program was restarted at ${format.moment(data.start, data.now)} (${what}).`
    + ' The curves begin anew.', true);
}

// ---- words and numbers ----------------------------------------------------------------------

// One notice of each kind; null takes it away.
function notice(kind, text, canGo = false) {
  let line = document.querySelector(`.notice[data-kind="${kind}"]`);
  if (text === null || line?.firstChild.textContent === text) {
    if (text === null)
      line?.remove();
    return;
  }
  line?.remove();
  line = document.createElement('p');
  line.className = 'notice';
  line.dataset.kind = kind;
  const words = document.createElement('span');
  words.textContent = text;
  line.append(words);
  if (canGo) {
    const away = document.createElement('button');
    away.type = 'button';
    away.textContent = 'OK';
    away.addEventListener('click', () => line.remove());
    line.append(away);
  }
  $('notices').append(line);
}

function showConnection() {
  const pill = $('connection'), { state, reason, since } = feed;
  const words = {
    connecting: 'connecting', live: 'live', paused: 'paused',
    lost: `lost since ${format.time(since / 1000)}`,
  };
  if (pill.dataset.state !== state || pill.textContent !== words[state]) {
    pill.dataset.state = state;
    pill.textContent = words[state];
  }
  notice('lost', state === 'lost' ? `No connection since ${format.time(since / 1000)}: ${reason}. `
    + 'Trying again.' : null);
  $('pause').setAttribute('aria-pressed', String(state === 'paused'));
  $('pause').textContent = state === 'paused' ? 'Resume' : 'Pause';
  showTitle();
}

function showTitle() {
  const name = page.data?.program || 'memlog', alloc = history.last('Alloc');
  const sign = { lost: '⚠ ', paused: '⏸ ' }[feed.state] || '';
  document.title = alloc === null ? `${sign}${name} · memlog`
    : `${sign}${format.bytes(alloc)} · ${name} · memlog`;
}

function showFacts() {
  const { program, pid, start, now, command, version } = page.data;
  $('program').textContent = program || `process ${pid}`;
  $('facts').textContent = `pid ${pid} · up ${format.span(now - start)} · since ${
    format.moment(start, now)}`;
  $('command').textContent = command || '';
  $('command').title = command || '';
  $('version').textContent = version || '';
  $('zone').textContent = format.zone(now);
}

function showTiles() {
  const { unit, data } = page;
  const last = name => history.last(name);
  for (const name of ['Alloc', 'Sys', 'RSS'])
    $(`now-${name}`).textContent = format.bytes(last(name), unit);
  $('now-HeapObjects').textContent = format.count(last('HeapObjects'));
  $('now-ByteRate').textContent = format.bytes(last('ByteRate'), unit);
  $('now-NumGC').textContent = data.collects === false ? 'none' : format.whole(last('NumGC'));

  const inuse = last('HeapInuse'), alloc = last('Alloc');
  $('more-Alloc').textContent = inuse > 0 && alloc !== null
    ? `${format.percent(alloc / inuse)} of the pages it lies in` : 'in use by the program';
  const released = last('HeapReleased');
  $('more-Sys').textContent = released > 0 ? `${format.bytes(released, unit)} of it given back`
    : 'taken from the system';
  const rss = last('RSS'), { limit } = data;
  $('more-RSS').textContent = typeof limit === 'number' && rss !== null
    ? `${format.percent(rss / limit)} of the limit, ${format.bytes(limit, unit)}` : 'resident';
  const mallocs = last('MallocRate');
  $('more-ByteRate').textContent = mallocs === null ? 'per second'
    : `per second, ${format.count(mallocs)} objects`;
  const objects = last('HeapObjects');
  $('more-HeapObjects').textContent = objects > 0 && alloc !== null
    ? `alive, of ${format.bytes(alloc / objects)} on average` : 'alive';
  const cycle = history.cycles[history.cycles.length - 1];
  $('more-NumGC').textContent = data.collects === false ? 'the program frees'
    : cycle === undefined ? 'so far' : `the last one stopped ${format.duration(cycle.pause_ns)}`;
}

function showView() {
  const [min, max] = view.range();
  for (const button of $('ranges').children) {
    const span = button.dataset.span === 'all' ? null : Number(button.dataset.span);
    button.setAttribute('aria-pressed', String(!view.isZoomed && view.chosen === span));
  }
  $('reset').disabled = !view.isZoomed;
  $('shown').textContent = history.length === 0 ? 'no samples yet'
    : `${format.moment(min, page.data.now)} – ${format.time(max)}`
      + (view.follows ? '' : ', not following');
}

// ---- buttons and keys -----------------------------------------------------------------------

function setUnit(unit) {
  page.unit = unit;
  $('units').value = unit;
  stored.set('unit', unit);
  charts.redraw();
  classes.redraw();
  if (page.data !== null)
    showTiles();
}

function togglePause() {
  if (feed.state === 'paused')
    feed.resume();
  else
    feed.pause();
}

function toPeak() {
  const at = charts.peakTime(from());
  if (at === null)
    return;
  const width = Math.min(60, (view.last - view.first) / 4);
  view.show(at - width / 2, at + width / 2);
}

function nextTheme() {
  theme.next();
  stored.set('theme', theme.name);
}

function choose(index) {
  const button = $('ranges').children[index];
  view.choose(button.dataset.span === 'all' ? null : Number(button.dataset.span));
  stored.set('range', index);
}

function toggleEarlier() {
  page.showsEarlier = !page.showsEarlier;
  $('earlier').setAttribute('aria-pressed', String(page.showsEarlier));
  draw();
  view.reset();
}

const keys = { p: togglePause };
for (let i = 0; i < 5; i++)
  keys[i + 1] = () => choose(i);
bindControls(page, {
  setUnit, nextTheme, toPeak, step: way => charts.memory.step(way), keys,
  buttons: { pause: togglePause, earlier: toggleEarlier },
});
for (const [index, button] of [...$('ranges').children].entries())
  button.addEventListener('click', () => choose(index));

function showTheme() { $('theme').textContent = `Theme: ${theme.name}`; }
theme.onChange(() => {
  showTheme();
  charts.redraw();
  classes.redraw();
});
document.addEventListener('visibilitychange', () => !document.hidden && draw());

showTheme();
$('units').value = page.unit;
if ([0, 1, 2, 3, 4].includes(stored.get('range')))
  choose(stored.get('range'));
showView();
feed.start();
