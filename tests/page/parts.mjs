// SPDX-License-Identifier: MIT
// parts.mjs - the live page's parts that need no browser: rows, the view, numbers, asking.
//
//   node parts.mjs FOLDER     FOLDER has the page's modules, and says that they are such

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';

process.env.TZ = 'Europe/Berlin';
const load = name => import(pathToFileURL(`${process.argv[2]}/${name}.js`).href);
const format = await load('format');
const { History } = await load('history');
const { firstNotBefore } = await load('search');
const { View } = await load('view');
let failures = 0;

async function check(what, test) {
  try {
    await test();
  } catch (error) {
    failures++;
    console.log(`FAIL: ${what}: ${error.stack}`);
  }
}

// ---- rows -----------------------------------------------------------------------------

const columns = ['time', 'Alloc', 'Sys', 'HeapReleased', 'RSS', 'TotalAlloc', 'Mallocs', 'Frees'];
const answer = (run, seq, rows, more) => ({ run, seq, interval: 1, columns, rows, ...more });
// One at each second from `from` on, counting up.
const rowsFrom = (from, count) => Array.from({ length: count }, (_, i) =>
  [from + i, 1000 + i, 5000, 1000, 4000, 100 * i, 10 * i, 5 * i]);

await check('rows become columns, with what follows from them', () => {
  const history = new History();
  assert.equal(history.take(answer('a', 3, rowsFrom(100, 3))), false);
  assert.deepEqual(history.columns.time, [100, 101, 102]);
  assert.deepEqual(history.columns.Held, [4000, 4000, 4000]);
  assert.deepEqual(history.columns.ByteRate, [null, 100, 100]);
  assert.deepEqual(history.columns.MallocRate, [null, 10, 10]);
  assert.deepEqual(history.columns.NextGC, [null, null, null]);
  assert.equal(history.seq, 3);
  assert.equal(history.take(answer('a', 4, [[104, 1, 2, 0, 0, 600, 60, 5]])), false);
  assert.equal(history.last('ByteRate'), 200);
  assert.equal(history.last('RSS'), null);
  assert.equal(history.last('FreeRate'), null); // a counter that fell
  assert.deepEqual(history.gaps, []);
});

await check('a gap is where rows are missing, not where they are coarse', () => {
  const history = new History();
  const coarse = [0, 60, 120, 180].map(time => [time, 1, 1, 0, 1, 1, 1, 1]);
  history.take(answer('a', 9, [...coarse, ...rowsFrom(200, 3), ...rowsFrom(300, 2)]));
  assert.deepEqual(history.gaps, [300]);
});

await check('another run begins anew, and the earlier one can still be shown', () => {
  const history = new History();
  history.take(answer('a', 5, rowsFrom(100, 5)));
  assert.equal(history.hasEarlier, false);
  assert.equal(history.take(answer('b', 2, rowsFrom(200, 2))), true);
  assert.equal(history.begin, 5);
  assert.equal(history.hasEarlier, true);
  assert.equal(history.length, 7);
  assert.equal(history.columns.ByteRate[5], null);
  assert.equal(history.take(answer('b', 3, rowsFrom(202, 1))), false);
  assert.equal(history.begin, 5);
});

await check('a run that has no rows leaves nothing behind', () => {
  const history = new History();
  history.take(answer('a', 0, []));
  assert.equal(history.last('Alloc'), null);
  history.take(answer('b', 0, []));
  history.take(answer('c', 2, rowsFrom(10, 2)));
  assert.deepEqual(history.starts, [0]);
  history.take(answer('d', 0, []));
  assert.equal(history.last('Alloc'), null);
  assert.equal(history.begin, 2);
});

await check('times ascend, though the clock was set back', () => {
  const history = new History();
  history.take(answer('a', 5, rowsFrom(100, 5)));
  history.take(answer('b', 5, rowsFrom(200, 5)));
  history.take(answer('b', 6, [[150, 1, 1, 0, 1, 1, 1, 1]]));
  assert.deepEqual(history.columns.time, [100, 101, 102, 103, 104, 150]);
  assert.equal(history.begin, 5);
  history.take(answer('b', 7, [[50, 1, 1, 0, 1, 1, 1, 1]]));
  assert.deepEqual(history.columns.time, [50]);
  assert.equal(history.begin, 0);
  for (const column of Object.values(history.columns))
    assert.equal(column.length, 1);
});

await check('what grows too long is thinned where it is oldest, and no peak is lost', () => {
  const history = new History({ rows: 1000 });
  history.take(answer('a', 10, rowsFrom(0, 10)));
  for (let i = 0; i < 5000; i++) {
    const row = rowsFrom(1000 + i, 1)[0];
    row[1] = i === 77 ? 1e6 : i === 4000 ? 2e6 : 10;
    row[5] = i;
    history.take(answer('b', i, [row]));
    assert.ok(history.length <= 1000);
  }
  const { time, Alloc, TotalAlloc, ByteRate } = history.columns;
  assert.ok(history.length > 400);
  assert.equal(time[time.length - 1], 5999);
  assert.ok(Alloc.includes(1e6) && Alloc.includes(2e6));
  assert.equal(Alloc[history.peak('Alloc', 0)], 2e6);
  assert.ok(time.every((at, i) => i === 0 || at > time[i - 1]));
  assert.ok(TotalAlloc.every((sum, i) => i <= history.begin || sum > TotalAlloc[i - 1]));
  assert.equal(Math.max(...ByteRate.slice(history.begin)), 1);
  assert.ok(time[history.begin] >= 1000 && time[history.begin - 1] < 1000);
  for (const column of Object.values(history.columns))
    assert.equal(column.length, time.length);
  assert.ok(history.gaps.every(gap => time.includes(gap)));
});

await check('a program that starts over and over is bounded, too', () => {
  const history = new History({ rows: 1000, runs: 5 });
  for (let i = 0; i < 3000; i++)
    history.take(answer(`run ${i}`, 2, rowsFrom(10 * i, 2)));
  assert.equal(history.starts.length, 5);
  assert.equal(history.length, 10);
  assert.equal(history.columns.time[history.begin], 29990);
  assert.deepEqual(history.gaps, [29960, 29970, 29980, 29990]);
});

await check('collections come once each, in order, and the oldest go', () => {
  const history = new History({ cycles: 10 });
  const cycle = number => ({ number, end: number });
  history.take(answer('a', 0, [], { cycles: [1, 2, 3].map(cycle) }));
  history.take(answer('a', 0, [], { cycles: [2, 3, 4].map(cycle) }));
  assert.deepEqual(history.cycles.map(one => one.number), [1, 2, 3, 4]);
  for (let i = 5; i < 50; i++)
    history.take(answer('a', 0, [], { cycles: [cycle(i)] }));
  assert.deepEqual(history.cycles.map(one => one.number), [40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
  history.take(answer('b', 0, [], { cycles: [cycle(1)] }));
  assert.deepEqual(history.cycles.map(one => one.number), [1]);
});

await check('the first time that is not before', () => {
  assert.deepEqual([0, 1, 2, 5, 9].map(at => firstNotBefore([1, 2, 6], at)), [0, 0, 1, 2, 3]);
});

// ---- the view -------------------------------------------------------------------------

const viewOf = (first, last) => {
  const view = new View(() => { view.moves = (view.moves || 0) + 1; });
  view.bounds(first, last);
  return view;
};

await check('the view follows the newest row', () => {
  const view = viewOf(0, 1000);
  assert.deepEqual(view.range(), [700, 1000]);
  view.bounds(0, 1010);
  assert.deepEqual(view.range(), [710, 1010]);
  view.choose(null);
  assert.deepEqual(view.range(), [0, 1010]);
  assert.equal(view.moves, 1);
});

await check('of a program that has just begun all is shown, and not a blank', () => {
  assert.deepEqual(viewOf(0, 100).range(), [0, 100]);
  assert.deepEqual(viewOf(0, 5).range(), [-15, 5]);
});

await check('zoomed and moved it stays where it is, until it comes to the newest row again', () => {
  const view = viewOf(0, 1000);
  view.show(400, 500);
  assert.deepEqual(view.range(), [400, 500]);
  assert.equal(view.follows, false);
  view.bounds(0, 1100);
  assert.deepEqual(view.range(), [400, 500]);
  view.pan(0.5);
  assert.deepEqual(view.range(), [450, 550]);
  view.zoom(2);
  assert.deepEqual(view.range(), [475, 525]);
  view.zoom(2, 475);
  assert.deepEqual(view.range(), [475, 500]);
  view.pan(1000);
  assert.equal(view.follows, true);
  assert.equal(view.isZoomed, true);
  assert.deepEqual(view.range(), [1075, 1100]);
  view.reset();
  assert.equal(view.isZoomed, false);
  assert.deepEqual(view.range(), [800, 1100]);
});

await check('there is an end to zooming and moving', () => {
  const view = viewOf(0, 1000);
  view.zoom(1e9);
  assert.deepEqual(view.range(), [998, 1000]);
  view.zoom(1e-9);
  assert.deepEqual(view.range(), [0, 1000]);
  view.show(100, 200);
  view.pan(-50);
  assert.deepEqual(view.range(), [0, 100]);
  view.pan(-1);
  assert.deepEqual(view.range(), [0, 100]);
});

// ---- numbers and times ----------------------------------------------------------------

// Numbers and their units stay on one line.
const says = (text, words) => assert.equal(text.replaceAll('\u00a0', ' '), words);
assert.equal(format.bytes(1), '1\u00a0B');

await check('bytes', () => {
  says(format.bytes(0), '0 B');
  says(format.bytes(999), '999 B');
  says(format.bytes(1024), '1 KiB');
  says(format.bytes(4433792), '4.23 MiB');
  says(format.bytes(999.9 * 2 ** 20), '1,000 MiB');
  says(format.bytes(1000 * 2 ** 20), '0.977 GiB');
  says(format.bytes(2 ** 30, 'MiB'), '1,024 MiB');
  says(format.bytes(4433792, 'B'), '4,433,792 B');
  says(format.bytes(4433792, 'GiB'), '0.00413 GiB');
  says(format.bytes(null), '–');
});

await check('counts, parts and durations', () => {
  says(format.count(123456), '123,456');
  says(format.count(1234567), '1.23 M');
  says(format.count(0.5), '0.5');
  says(format.percent(0.5), '50 %');
  says(format.percent(0.000164), '0.016 %');
  says(format.percent(NaN), '–');
  says(format.duration(612000), '612 µs');
  says(format.duration(1234567), '1.23 ms');
  says(format.duration(2e9), '2 s');
  says(format.duration(undefined), '–');
  says(format.span(59.6), '1 min');
  says(format.span(3 * 3600 + 5 * 60 + 7), '3 h 5 min');
  says(format.span(2 * 86400 + 3600), '2 d 1 h');
});

await check('times are local, and the zone has a name', () => {
  const winter = Date.UTC(2026, 0, 15, 22, 59, 58) / 1000;
  assert.equal(format.time(winter), '23:59:58');
  assert.equal(format.time(winter + 0.125, true), '23:59:58.125');
  assert.equal(format.zone(winter), 'Europe/Berlin, UTC+1');
  assert.equal(format.zone(winter + 180 * 86400), 'Europe/Berlin, UTC+2');
  assert.equal(format.moment(winter, winter + 1), '23:59:58');
  assert.equal(format.moment(winter, winter + 2), '15 Jan 23:59:58');
  assert.deepEqual(format.ticks([winter - 58, winter + 2, winter + 62], 60),
    ['23:59\n15 Jan', '00:00\n16 Jan', '00:01']);
  assert.deepEqual(format.ticks([winter, winter + 0.5], 0.5),
    ['23:59:58.000\n15 Jan', '23:59:58.500']);
});

await check('times by a zone that was set, or from a beginning on', () => {
  const summer = Date.UTC(2026, 6, 15, 22, 30) / 1000;
  format.setClock({ name: 'IST', offset: 19800 });
  assert.equal(format.date(summer), '2026-07-16 04:00:00');
  assert.equal(format.moment(summer, summer - 86400), '16 Jul 04:00:00');
  assert.equal(format.zone(summer), 'IST, UTC+5:30');
  assert.deepEqual(format.clockSplits(summer, summer + 7200, 3600), [summer, summer + 3600,
    summer + 7200]);
  format.setClock({ isDistance: true });
  assert.equal(format.time(3661.5, true), '01:01:01.500');
  says(format.date(90000), '1 d 01:00:00');
  says(format.date(3600), '01:00:00');
  format.setClock(null);
  assert.equal(format.date(summer), '2026-07-16 00:30:00');
});

await check('what one sees in whole is not zoomed, where all was chosen', () => {
  const view = new View(() => {}, { chosen: null, least: 0.01, leastShown: 0.01 });
  view.bounds(10, 20);
  view.show(14, 14.001);
  assert.ok(Math.abs(view.range()[1] - view.range()[0] - 0.01) < 1e-9);
  view.zoom(1e-9);
  assert.deepEqual(view.range(), [10, 20]);
  assert.equal(view.isZoomed, false);
});

// ---- the rows of a written page ---------------------------------------------------------

const { merge, unpack } = await load('rows');
const packed = (times, values, more) => ({ start: 100, scale: 10, breaks: [], ...more, times,
  columns: values.map(data => ({ isWhole: true, data })) });

await check('differences become samples, with nothing where a curve breaks', () => {
  const rows = unpack(packed([5, 1, 10], [[7, -2, 1], [1, null, 3]], { breaks: [0, 2] }));
  assert.deepEqual(rows.times, [100.5, 100.6, 101.6, 101.6]);
  assert.deepEqual(rows.columns, [[7, 5, null, 6], [1, null, null, 4]]);
  assert.equal(rows.isSorted, true);
  const parts = { start: 0, scale: 1, times: [1], breaks: [],
    columns: [{ isWhole: false, data: [0.25] }] };
  assert.deepEqual(unpack(parts).columns, [[0.25]]);
});

await check('a clock that was set back leads to samples in order, none lost', () => {
  const rows = unpack(packed([10, 10, -15], [[1, 1, 1]]));
  assert.deepEqual([rows.times, rows.columns, rows.isSorted],
    [[100.5, 101, 102], [[3, 1, 2]], false]);
});

await check('logs as one: each has its rows, and is not known outside of them', () => {
  const one = { ...unpack(packed([0, 10], [[1, 1]])), shift: 0 };
  const two = { ...unpack(packed([5, 10], [[10, 10]])), shift: 0 };
  const { times, values } = merge([one, two]);
  assert.deepEqual(times, [100, 100, 100.5, 100.5, 101, 101, 101.5, 101.5]);
  assert.deepEqual(values[0], [[null, 1, undefined, undefined, 2, null, undefined, undefined]]);
  assert.deepEqual(values[1], [[undefined, undefined, null, 10, undefined, undefined, 20, null]]);
  const aligned = merge([{ ...one, shift: 100 }, { ...two, shift: 100.5 }]);
  assert.deepEqual(aligned.times, [0, 0, 0, 0, 1, 1, 1, 1]);
});

// ---- asking ---------------------------------------------------------------------------

// A browser whose clock stands: what waits is called by the test.
const listeners = {};
const listen = (type, act) => { listeners[type] = act; };
globalThis.document = { hidden: false, addEventListener: listen };
globalThis.window = { addEventListener: listen };
const timers = new Map();
let timer = 0;
globalThis.setTimeout = (act, wait) => {
  timers.set(++timer, { act, wait });
  return timer;
};
globalThis.clearTimeout = number => timers.delete(number);
const settle = () => new Promise(resolve => setImmediate(resolve));
const { Feed } = await load('feed');

async function asked(fetched) {
  timers.clear();
  const seen = { urls: [], states: [], taken: [] };
  globalThis.fetch = async url => {
    seen.urls.push(url);
    return fetched(seen.urls.length);
  };
  const feed = new Feed({
    url: 'data', query: () => `?since=${seen.taken.length}`,
    taken: data => seen.taken.push(data), changed: () => seen.states.push(feed.state),
  });
  feed.start();
  await settle();
  seen.next = async () => {
    assert.equal(timers.size, 1);
    const [[number, { act, wait }]] = timers;
    timers.delete(number);
    act();
    await settle();
    return wait;
  };
  return { feed, seen };
}
const good = { ok: true, json: async () => answer('a', 1, []) };

await check('it asks once a second for what is new', async () => {
  const { feed, seen } = await asked(() => good);
  assert.equal(feed.state, 'live');
  assert.equal(await seen.next(), 1000);
  assert.equal(await seen.next(), 1000);
  assert.deepEqual(seen.urls, ['data?since=0', 'data?since=1', 'data?since=2']);
});

await check('what is lost is asked for again, less and less often, and found again', async () => {
  const { feed, seen } = await asked(count => {
    if (count < 7)
      throw new TypeError('fetch failed');
    return count === 7 ? { ok: false, status: 503, statusText: 'Later' } : good;
  });
  assert.equal(feed.state, 'lost');
  assert.match(feed.reason, /can't be reached/);
  const { since } = feed;
  const waits = [];
  for (let i = 0; i < 6; i++)
    waits.push(await seen.next());
  assert.deepEqual(waits, [1000, 2000, 4000, 5000, 5000, 5000]);
  assert.match(feed.reason, /503 Later/);
  assert.equal(feed.since, since);
  await seen.next();
  assert.equal(feed.state, 'live');
  assert.equal(feed.since, null);
  assert.equal(await seen.next(), 1000);
});

await check('an answer that is something else is no answer', async () => {
  const { feed, seen } = await asked(count => ({
    ok: true, json: async () => count === 1 ? { hello: 1 } : JSON.parse('<html>'),
  }));
  assert.equal(feed.state, 'lost');
  await seen.next();
  assert.match(feed.reason, /no JSON/);
  assert.equal(seen.taken.length, 0);
});

await check('a pause asks for nothing, and what comes in then is not taken', async () => {
  let letGo;
  const { feed, seen } = await asked(count => count === 2
    ? new Promise(resolve => { letGo = () => resolve(good); }) : good);
  await seen.next();
  feed.pause();
  letGo();
  await settle();
  assert.equal(timers.size, 0);
  assert.equal(seen.taken.length, 1);
  feed.resume();
  await settle();
  assert.equal(feed.state, 'live');
  assert.equal(seen.taken.length, 2);
});

await check('a page that nobody sees asks less often, and at once when it is seen', async () => {
  const { seen } = await asked(() => good);
  document.hidden = true;
  await seen.next();
  assert.equal(await seen.next(), 15000);
  document.hidden = false;
  listeners.visibilitychange();
  await settle();
  assert.equal(seen.urls.length, 4);
  assert.equal(await seen.next(), 1000);
});

process.exitCode = failures === 0 ? 0 : 1;
