// SPDX-License-Identifier: MIT
// live.mjs - the live page in a real browser, of a real program that memlog runs.
//
//   node live.mjs FOLDER MEMLOG PROGRAM ARGUMENT...

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { startBrowser } from './webdriver.mjs';

const [folder, memlog, ...program] = process.argv.slice(2);
let failures = 0;

function check(isTrue, what) {
  if (isTrue)
    return;
  failures++;
  console.log(`FAIL: ${what}`);
}

// ---- the program ----------------------------------------------------------------------

// A port that was free a moment ago: the program is to be found there again when it is restarted.
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const port = await freePort();
const origin = `http://127.0.0.1:${port}`;

async function startProgram(...words) {
  const run = spawn(memlog, ['run', '--quiet', `--output=${folder}/memory.log`,
    `--http=127.0.0.1:${port}`, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.on('exit', () => run.kill());
  const ended = once(run, 'exit');
  for (let tries = 0; tries < 300; tries++) {
    try {
      const data = await (await fetch(`${origin}/debug/memlog/data`)).json();
      return { data, end: () => { run.kill(); return ended; } };
    } catch {
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
  throw new Error('the program has no pages');
}

async function rowsThere(least) {
  for (;;) {
    const { rows } = await (await fetch(`${origin}/debug/memlog/data`)).json();
    if (rows.length >= least)
      return;
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

// ---- the page -------------------------------------------------------------------------

// Keys as the standard numbers them.
const LEFT = '\uE012', RIGHT = '\uE014', ESCAPE = '\uE00C', TAB = '\uE004', SHIFT = '\uE008';

let served = await startProgram(...program);
const browser = await startBrowser({ folder });
const memory = 'document.querySelector("#memory .plot")';
const range = () => browser.eval(
  `[Number(${memory}.dataset.xMin), Number(${memory}.dataset.xMax)]`);
const points = () => browser.eval(`Number(${memory}.dataset.points)`);
const text = id => browser.eval(`document.getElementById("${id}").textContent`);
const state = () => browser.eval('document.getElementById("connection").dataset.state');
const width = ([from, to]) => to - from;
const near = (a, b) => Math.abs(a - b) < 0.01;

// The place of a part of the memory's curves, in the window.
async function at(part) {
  const box = await browser.eval(`(box => [box.left, box.top, box.width, box.height])(
    document.querySelector("#memory .u-over").getBoundingClientRect())`);
  return [Math.round(box[0] + part * box[2]), Math.round(box[1] + box[3] / 2)];
}

// Errors that a person would see in the browser's console.
async function noErrors(when, allowed = /^$/) {
  const errors = (await browser.log('browser'))
    .filter(({ level, message }) => /SEVERE|WARNING/.test(level) && !allowed.test(message));
  check(errors.length === 0, `in the console, ${when}: ${JSON.stringify(errors)}`);
}

async function history() {
  await rowsThere(5);
  await browser.open(`${origin}/debug/memlog`);
  check(await browser.wait(`${memory}?.dataset.points > 0`), 'no curves');
  check(await points() >= 5, `what was before is not there: ${await points()} points`);
  check(await state() === 'live', `the connection is ${await state()}`);
  const name = program[0].replace(/.*\//, '');
  check((await text('program')).includes(name), `the program is ${await text('program')}`);
  check((await text('facts')).includes(`pid ${served.data.pid}`), `facts: ${await text('facts')}`);
  check(Number(await browser.eval(`${memory}.dataset.lastAlloc`)) > 0, 'Alloc is not known');
  check(Number(await browser.eval(`${memory}.dataset.lastRss`)) > 0, 'RSS is not known');
  const alloc = await text('now-Alloc');
  check(/^[\d.,]+\s[KMG]?i?B$/.test(alloc), `Alloc is ${alloc}`);
  check(await browser.eval('Number(document.querySelector("#classes .plot").dataset.bars) > 0'),
    'there are no size classes');
  check(await browser.eval('Number(document.querySelector("#pauses .plot").dataset.points) > 0'),
    'there are no collections');
  // Curves are drawn: something else than the ground is on each canvas.
  const blank = await browser.eval(`[...document.querySelectorAll("canvas")].filter(canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return !data.some(byte => byte !== 0);
  }).length`);
  check(blank === 0, `${blank} drawings are blank`);
  await noErrors('after loading');
}

async function moves() {
  const [before, [, end]] = [await points(), await range()];
  check(await browser.wait(`${memory}.dataset.points > ${before + 1}`), 'no new points');
  check((await range())[1] > end, 'the curves do not move');
}

async function zoom() {
  const whole = await range();
  await browser.drag(await at(0.25), await at(0.5));
  const zoomed = await range();
  check(Math.abs(width(zoomed) / width(whole) - 0.25) < 0.05,
    `a drag zooms from ${whole} to ${zoomed}`);
  check(zoomed[0] > whole[0] && zoomed[1] < whole[1], `it zooms to ${zoomed} of ${whole}`);
  check(/not following/.test(await text('shown')), `shown: ${await text('shown')}`);
  const others = await browser.eval(`[...document.querySelectorAll("[data-x-min]")].map(
    plot => Number(plot.dataset.xMin))`);
  check(others.length === 4 && others.every(min => near(min, zoomed[0])),
    `the others are at ${others}`);

  await browser.drag(await at(0.2), await at(0.5), SHIFT);
  const moved = await range();
  check(near(width(moved), width(zoomed)) && moved[0] < zoomed[0] - 0.1,
    `a drag with shift moves from ${zoomed} to ${moved}`);
  await browser.doubleClick(await at(0.5));
  const back = await range();
  check(width(back) > width(zoomed) && /^[^,]*$/.test(await text('shown')),
    `a double click leads to ${back}`);
}

async function keyboard() {
  await browser.key('0');
  const whole = await range();
  await browser.key('+', '+');
  const zoomed = await range();
  check(width(zoomed) < 0.6 * width(whole), `+ + zooms from ${whole} to ${zoomed}`);
  await browser.key(LEFT);
  const moved = await range();
  check(near(width(moved), width(zoomed)) && moved[1] < zoomed[1],
    `left moves from ${zoomed} to ${moved}`);
  await browser.key(RIGHT, RIGHT, RIGHT);
  check((await range())[1] >= zoomed[1], `right moves to ${await range()}`);
  await browser.key('-');
  check(width(await range()) > width(zoomed), `- zooms to ${await range()}`);
  await browser.key('0');
  check(width(await range()) >= width(whole), `0 leads to ${await range()}`);

  const pressed = () => browser.eval(
    'document.querySelector("#ranges [aria-pressed=true]")?.textContent');
  await browser.key('1');
  check(await pressed() === '1 min', `1 is ${await pressed()}`);
  await browser.key('5');
  check(await pressed() === 'all', `5 is ${await pressed()}`);
  await browser.key('2');
  await browser.click('#ranges button:nth-child(3)');
  check(await pressed() === '15 min', `the third button is ${await pressed()}`);

  await browser.key('u', 'u', 'u');
  check(/\sMiB$/.test(await text('now-Alloc')), `in MiB it is ${await text('now-Alloc')}`);
  await browser.key('u', 'u');
  check(await browser.eval('document.getElementById("units").value') === 'auto', 'u goes nowhere');

  await browser.key(',', ',');
  check(/^\d\d:\d\d:\d\d/.test(await browser.eval(
    'document.querySelector("#memory .when").textContent')), 'no sample is chosen by ,');

  await browser.key('?');
  check(await browser.eval('document.getElementById("help").open'), '? shows no help');
  await browser.key(ESCAPE);
  check(!await browser.eval('document.getElementById("help").open'), 'the help does not go away');

  await browser.key('k');
  check(/not following/.test(await text('shown')) || width(await range()) < width(whole),
    `k shows ${await range()}`);
  await browser.key('0');

  // Where the focus is can be seen, and every button has a name.
  await browser.key(TAB);
  const outline = await browser.eval('getComputedStyle(document.activeElement).outlineStyle');
  check(outline !== 'none', 'the focus can\'t be seen');
  const nameless = await browser.eval(`[
    ...document.querySelectorAll("button, select, a, [role=img]"),
  ].filter(one => !(one.getAttribute("aria-label") || one.textContent.trim())).length`);
  check(nameless === 0, `${nameless} parts have no names`);
}

async function switches() {
  const isOn = () => browser.eval(
    'document.querySelector("#memory .legend button").getAttribute("aria-pressed")');
  await browser.click('#memory .legend button');
  check(await isOn() === 'false', 'a curve can\'t be switched off');
  await browser.click('#memory .legend button');
  check(await isOn() === 'true', 'a curve can\'t be switched on');
  await browser.click('#classes-what button:nth-child(2)');
  await browser.click('#cycles summary');
  await browser.click('#classes-table summary');
  const rows = await browser.wait(`[...document.querySelectorAll("details tbody")].every(
    body => body.children.length > 0)`);
  check(rows, 'a table is empty');
}

async function touch() {
  await browser.key('0');
  await browser.eval('document.getElementById("memory").scrollIntoView()');
  const whole = await range();
  await browser.touch([await at(0.4), await at(0.3)], [await at(0.6), await at(0.9)]);
  const zoomed = await range();
  check(width(zoomed) < 0.6 * width(whole), `two fingers zoom from ${whole} to ${zoomed}`);
  await browser.touch([await at(0.3), await at(0.7)]);
  const moved = await range();
  check(near(width(moved), width(zoomed)) && moved[0] < zoomed[0],
    `a finger moves from ${zoomed} to ${moved}`);
  await browser.key('0');
}

// The lightness of what is behind the page and of its words, from 0 to 255.
const lightness = property => browser.eval(`(color => {
  const [r, g, b] = color.match(/\\d+/g).map(Number);
  return 0.3 * r + 0.6 * g + 0.1 * b;
})(getComputedStyle(document.body).${property})`);

async function themes() {
  const prefer = value => browser.devtools('Emulation.setEmulatedMedia',
    { features: [{ name: 'prefers-color-scheme', value }] });
  const is = async (dark, when) => {
    const [back, words] = [await lightness('backgroundColor'), await lightness('color')];
    check(dark ? back < 60 && words > 180 : back > 200 && words < 80,
      `${when}: the ground is ${back} light, words are ${words}`);
  };
  await prefer('light');
  await is(false, 'a light system');
  await prefer('dark');
  await is(true, 'a dark system');
  await browser.key('t');
  await is(false, 'light was chosen');
  await prefer('light');
  await browser.key('t');
  await is(true, 'dark was chosen');
  await browser.key('t');
  await is(false, 'as the system');
}

async function narrow() {
  await browser.devtools('Emulation.setDeviceMetricsOverride',
    { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
  check(await browser.wait(`${memory}.clientWidth < 390`), 'the curves stay wide');
  const overhang = await browser.eval('document.documentElement.scrollWidth - innerWidth');
  check(overhang <= 0, `on a phone the page is ${overhang} pixels too wide`);
  await browser.devtools('Emulation.clearDeviceMetricsOverride', {});
}

async function pause() {
  await browser.key('p');
  check(await state() === 'paused', `p makes it ${await state()}`);
  await rowsThere(await points() + 4);
  const [before, shown] = [await points(), await range()];
  await rowsThere(before + 8);
  check(await points() === before, 'the curves move in the pause');
  check((await range())[1] === shown[1], 'the range moves in the pause');
  await browser.click('#pause');
  check(await browser.wait(`${memory}.dataset.points >= ${before + 7}`),
    'after the pause it does not catch up');
  check(await state() === 'live', `after the pause it is ${await state()}`);
}

// The new one is one that does not collect.
async function restart() {
  await noErrors('before the restart');
  const before = await points();
  await served.end();
  check(await browser.wait('document.getElementById("connection").dataset.state === "lost"'),
    'the page does not say that the connection is lost');
  check(/^lost since \d\d:\d\d:\d\d$/.test(await text('connection')), await text('connection'));
  check(/No connection since/.test(await text('notices')), `notices: ${await text('notices')}`);
  await browser.wait('false', 3); // it goes on trying
  served = await startProgram('sleep', '600');
  check(await browser.wait('document.getElementById("connection").dataset.state === "live"', 30),
    'it does not find the program again');
  check(/was restarted/.test(await text('notices')), `notices: ${await text('notices')}`);
  check(!/No connection/.test(await text('notices')), 'it still says that there is no connection');
  check((await text('facts')).includes(`pid ${served.data.pid}`), `facts: ${await text('facts')}`);
  check(await points() < before, 'the curves do not begin anew');
  check(/nothing is collected/.test(await text('no-cycles')), `cycles: ${await text('no-cycles')}`);
  check(await browser.eval('document.querySelector("#pauses .plot").hidden'),
    'there is a drawing of no collections');
  check(await browser.wait(`${memory}.dataset.points > 2`), 'the new curves do not move');
  await browser.click('#earlier');
  check(await points() > before, 'the earlier run can\'t be shown');
  await noErrors('after the restart', /memlog\/data.*ERR_CONNECTION_REFUSED/);
}

async function othersAreLeftAlone() {
  const seen = (await browser.log('performance'))
    .map(entry => JSON.parse(entry.message).message)
    .filter(({ method }) => /^Network\.(requestWillBeSent|webSocketCreated)$/.test(method))
    .map(({ params }) => params.request?.url ?? params.url);
  check(seen.filter(url => url.startsWith(`${origin}/debug/memlog`)).length > 20,
    `few requests were seen: ${seen}`);
  // The browser's own first page, before ours, is made of chrome: addresses.
  const elsewhere = seen.filter(
    url => !url.startsWith(`${origin}/`) && !/^(data|chrome):/.test(url));
  check(elsewhere.length === 0, `asked for: ${elsewhere}`);
  const policy = (await fetch(`${origin}/debug/memlog`)).headers.get('content-security-policy');
  check(/default-src 'none'/.test(policy), `the policy is ${policy}`);
}

try {
  for (const part of [history, moves, zoom, keyboard, switches, touch, themes, narrow, pause,
    restart, othersAreLeftAlone])
    await part();
} catch (error) {
  check(false, error.stack);
} finally {
  await browser.end();
  await served.end();
}
process.exit(failures === 0 ? 0 : 1);
