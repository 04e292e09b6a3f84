#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_node.sh - node under memlog run: worker threads, buffers outside of its own heap,
# compression, child processes, a server.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need node nodejs
unless_full node -e 'console.log([...Array(1000).keys()].join())'

cat >work.js <<'END'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const zlib = require('zlib'), crypto = require('crypto'), http = require('http'), fs = require('fs');
const { execFileSync, fork } = require('child_process');

function churn(seed) {
  const map = new Map(); let kept = [];
  for (let i = 0; i < 30000; i++) {
    map.set('k' + (i * 7919 + seed) % 10007, { i, text: 'x'.repeat(i % 50) });
    if (i % 10 === 0) kept.push(Buffer.alloc(i % 5000, seed));
    if (i % 3000 === 0) kept = [];
  }
  const hash = crypto.createHash('sha256');
  for (const b of kept) hash.update(b);
  const packed = zlib.gzipSync(JSON.stringify([...map]));
  return [map.size, zlib.gunzipSync(packed).length, hash.digest('hex')];
}
if (process.argv[2] === 'child') {
  process.on('message', n => { process.send(churn(n)); process.disconnect(); });
} else if (!isMainThread) {
  const shared = new Int32Array(workerData.shared);
  Atomics.add(shared, 0, workerData.seed);
  parentPort.postMessage(churn(workerData.seed));
} else {
  main();
}
async function main() {
  const shared = new SharedArrayBuffer(1 << 16);
  for (let round = 0; round < 3; round++) {
    const said = await Promise.all([1, 2, 3, 4].map(seed => new Promise((resolve, reject) => {
      const worker = new Worker(__filename, { workerData: { seed, shared } });
      worker.on('message', resolve); worker.on('error', reject);
    })));
    console.log(JSON.stringify(said));
  }
  console.log(new Int32Array(shared)[0]);
  // Ended in the middle.
  const cut = new Worker(`require('worker_threads').parentPort.postMessage('busy'); for (;;) Buffer.alloc(1000)`, { eval: true });
  console.log(await new Promise(resolve => cut.on('message', resolve)));
  await cut.terminate();
  const deep = [...Array(20)].map((_, i) => new Promise(resolve => zlib.deflate(Buffer.alloc(100000, i), (e, b) => resolve(b.length))));
  console.log((await Promise.all(deep)).join(' '));
  console.log((await Promise.all([1, 2, 3].map(i => new Promise(resolve =>
    crypto.scrypt('secret' + i, 'salt', 64, (e, key) => resolve(key.toString('hex'))))))).join('\n'));
  console.log(execFileSync('echo', ['from a child']).toString().trim());
  const child = fork(__filename, ['child']);
  child.send(7);
  console.log(await new Promise(resolve => child.on('message', resolve)));
  await new Promise(resolve => child.on('exit', resolve));
  const server = http.createServer((q, r) => { let n = 0; q.on('data', d => n += d.length); q.on('end', () => r.end('y'.repeat(n % 70000))); });
  await new Promise(resolve => server.listen('./node.socket', resolve));
  const get = n => new Promise((resolve, reject) => {
    const q = http.request({ socketPath: './node.socket', method: 'POST' }, r => { let m = 0; r.on('data', d => m += d.length); r.on('end', () => resolve(m)); });
    q.on('error', reject); q.end(Buffer.alloc(n, 1));
  });
  let sum = 0;
  for (let i = 0; i < 10; i++) sum += (await Promise.all([...Array(20)].map((_, k) => get(i * 5000 + k * 97)))).reduce((a, b) => a + b);
  console.log(sum);
  server.close();
  const wasm = new WebAssembly.Memory({ initial: 10, maximum: 100 }); wasm.grow(50);
  console.log(wasm.buffer.byteLength, (await fs.promises.readFile(__filename)).length);
}
END
for where in without with; do
  $where node node work.js
  rm -f node.socket
done
same node
finish
