// SPDX-License-Identifier: MIT
// plot-data.mjs - what memlog plot's pages hold are the logs' numbers and words.
//
//   node plot-data.mjs FOLDER     FOLDER has the pages of test_cli_plothtml.sh

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const folder = process.argv[2];
const read = name => readFileSync(`${folder}/${name}.html`, 'utf8');
// As the browser finds it: up to what ends a script, whatever stands around it.
const element = /<script type="application\/json" id="data">(.*?)<\/script/s;
const dataOf = page => JSON.parse(page.match(element)[1]);
const load = name => dataOf(read(name));
const sums = deltas => {
  let sum = 0;
  return deltas.map(delta => delta === null ? null : (sum += delta));
};
const timesOf = ({ start, scale, times }) => sums(times).map(part => start + part / scale);

const three = load('three'), [log] = three.logs;
assert.deepEqual(timesOf(log), [1294926360, 1294926361, 1294926362, 1294926363, 1294926364,
  1294926390, 1294926420, 1294926421]);
assert.deepEqual(sums(log.columns[0].data), [4433792, 9375280, 10375280, 20375280, 10375280, 1000000,
  1000000, 1500000]);
assert.deepEqual(sums(log.columns[1].data).slice(0, 4), [11118840, 17537272, 17537272, 28537272]);
assert.deepEqual(log.breaks, [5, 6]);
assert.equal(log.samples, 8);
assert.deepEqual(log.curves[0], { first: 4433792, last: 1500000, least: 1000000,
  mean: (4433792 + 9375280 + 10375280 + 20375280 + 10375280 + 1000000 + 1000000 + 1500000) / 8,
  peak: 20375280, peak_time: 1294926363 });
assert.deepEqual(log.runs.map(run => [run.first, run.last, run.samples, run.pid, run.end, run.oom,
  run.gap]), [
  [1294926360, 1294926364, 5, 4242, 'exit', false, false],
  [1294926390, 1294926390, 1, 4243, '', false, false],
  [1294926420, 1294926421, 2, 4244, 'SIGKILL', true, false],
]);
assert.match(log.runs[0].command, /<\/script><img src=x/);
assert.match(three.title, /<\/script><img src=x/);
assert.deepEqual(log.limits, [[1294926360, 1294926362, 30000000],
  [1294926362, 1294926364, 40000000]]);
assert.equal(log.marks.length, 3);
assert.deepEqual(log.marks.map(([time, isAlert]) => [time, isAlert]),
  [[1294926361, false], [1294926363, false], [1294926390, true]]);
assert.match(log.marks[0][2], /^<\/script><img src=x onerror=a/);
assert.match(log.marks[1][2], /'@@data@@'$/);
assert.deepEqual(three.zone, { name: 'UTC', offset: 0 });
assert.deepEqual(log.damage, []);

assert.deepEqual(load('zone').zone, { name: 'IST', offset: 19800 });

const both = load('both');
assert.equal(both.align, 'start'); // a day lies between them
const other = both.logs[1];
assert.deepEqual(timesOf(other), [1295012760, 1295012760.5, 1295012761]);
assert.equal(other.columns[0].isWhole, false);
assert.deepEqual(other.columns[0].data, [3000000, null, 3500000.5]);
assert.deepEqual(sums(other.columns[1].data), [4000000, 4000000, 4100000]);
assert.equal(other.curves[0].mean, 3250000.25);

const { columns, logs: [some] } = load('columns');
assert.deepEqual(columns.map(({ name, unit }) => [name, unit]),
  [['Alloc', 'bytes'], ['Mallocs', 'count'], ['bad?name', 'count']]);
assert.deepEqual(sums(some.columns[1].data), [5, 50]);
assert.equal(some.curves[2].peak, 5); // the name has a byte that is none in ASCII

const { logs: [long] } = load('long');
assert.equal(long.samples, 200000);
assert.ok(long.times.length > 20000 && long.times.length < 100000, `${long.times.length} rows`);
const peak = sums(long.columns[0].data).indexOf(77777777);
assert.equal(timesOf(long)[peak], 1294926363 + 123456);

// The policy lets those scripts and styles run that are there, and no others.
const page = read('three');
const policy = page.match(/http-equiv="Content-Security-Policy" content="([^"]+)"/)[1];
assert.match(policy, new RegExp("^default-src 'none'; img-src data:; "
  + "script-src( 'sha256-\\S+'){2}; style-src( 'sha256-\\S+'){3}$"));
for (const [, , text] of page.matchAll(/<(script|style)>(.*?)<\/\1>/gs)) {
  const hash = createHash('sha256').update(text).digest('base64');
  assert.ok(policy.includes(`'sha256-${hash}'`), `${hash} is not in ${policy}`);
}
