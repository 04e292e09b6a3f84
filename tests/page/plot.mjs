// SPDX-License-Identifier: MIT
// plot.mjs - memlog plot's pages in a real browser, from the file.
//
//   node plot.mjs FOLDER     FOLDER has the pages of test_cli_plothtml.sh

import { startBrowser } from './webdriver.mjs';

const folder = process.argv[2];
let failures = 0;

function check(isTrue, what) {
  if (isTrue)
    return;
  failures++;
  console.log(`FAIL: ${what}`);
}

const RIGHT = '\uE014', SHIFT = '\uE008';
const browser = await startBrowser({ folder });
const plot = 'document.querySelector("#curves .plot")';
const range = () => browser.eval(`[Number(${plot}.dataset.xMin), Number(${plot}.dataset.xMax)]`);
const text = selector => browser.eval(`document.querySelector("${selector}").textContent`);
const rows = id => browser.eval(`document.querySelectorAll("#${id} tbody tr").length`);
const width = ([from, to]) => to - from;
const near = (a, b) => Math.abs(a - b) < 0.01;
const same = (a, b) => near(a[0], b[0]) && near(a[1], b[1]);

async function at(part) {
  const box = await browser.eval(`(box => [box.left, box.top, box.width, box.height])(
    document.querySelector("#curves .u-over").getBoundingClientRect())`);
  return [Math.round(box[0] + part * box[2]), Math.round(box[1] + box[3] / 2)];
}

// Pixels of the first drawing, or of the one with that index, in about the colour of --NAME.
const pixels = (name, index = 0) => browser.eval(`(() => {
  const canvas = document.querySelectorAll("#curves canvas")[${index}];
  const wanted = getComputedStyle(document.documentElement).getPropertyValue("--${name}")
    .match(/[0-9a-f]{2}/gi).slice(0, 3).map(part => parseInt(part, 16));
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4)
    count += data[i + 3] > 200 && wanted.every((part, j) => Math.abs(data[i + j] - part) < 12);
  return count;
})()`);

async function open(name) {
  await browser.open(`file://${folder}/${name}.html`);
  check(await browser.wait(`${plot}?.dataset.points > 0`), `${name}: no curves`);
  // What is drawn is drawn a moment later.
  await browser.wait('false', 0.3);
  const errors = await browser.log('browser');
  check(errors.length === 0, `${name}: in the console: ${JSON.stringify(errors)}`);
}

async function threeRuns() {
  await open('three');
  check(/^.?\/?leak <\/script><img src=x/.test(await text('h1')), `h1: ${await text('h1')}`);
  check(await browser.eval('document.title.includes("</script><img")'), 'the title');
  check(await browser.eval('document.images.length') === 0, 'a name became an image');
  const facts = await text('#facts');
  check(/8 samples/.test(facts) && /3 runs/.test(facts) &&
    /2011-01-13 13:46:00/.test(facts) && /ended by SIGKILL \(out of memory\)/.test(facts), facts);
  check(same(await range(), [1294926360, 1294926421]), `range ${await range()}`);
  check(await pixels('c0') > 200, `Alloc: ${await pixels('c0')} pixels`);
  check(await pixels('c1') > 200, `Sys: ${await pixels('c1')} pixels`);
  check(await pixels('limit') > 20, `the limit: ${await pixels('limit')} pixels`);
  check(await pixels('alert') > 20, `the alert: ${await pixels('alert')} pixels`);
  check(await rows('runs') === 3, `${await rows('runs')} runs`);
  check(await rows('events') === 5, `${await rows('events')} events`);
  check(await rows('summary') === 2, `${await rows('summary')} curves`);
  check(/19\.4.MiB/.test(await text('#summary tbody')), 'no peak in the table');
  check(/Alert: Alloc/.test(await text('#events tbody')), 'no alert in the table');
  check(/SIGKILL \(out of memory\)/.test(await text('#runs tbody')), 'no end in the table');
  check(/UTC/.test(await text('#zone')), `zone: ${await text('#zone')}`);
  check(/Limit/.test(await text('.legend')), 'the limit is not in the legend');
}

async function limitGoes() {
  const before = await pixels('limit');
  await browser.click('#curves .legend li:nth-child(3) button');
  await browser.wait('false', 0.2);
  const after = await pixels('limit');
  check(after < before - 20, `without the limit: ${after} of ${before} pixels`);
  await browser.click('#curves .legend li:nth-child(3) button');
}

async function zoom() {
  const whole = await range();
  await browser.drag(await at(0.25), await at(0.5));
  const zoomed = await range();
  check(Math.abs(width(zoomed) / width(whole) - 0.25) < 0.03, `a drag: ${whole} to ${zoomed}`);
  await browser.drag(await at(0.2), await at(0.5), SHIFT);
  const moved = await range();
  check(near(width(moved), width(zoomed)) && moved[0] < zoomed[0] - 0.1, `shift: ${moved}`);
  await browser.doubleClick(await at(0.5));
  check(same(await range(), whole), `a double click leads to ${await range()}`);

  await browser.wheel(await at(0.5), -120);
  const closer = await range();
  check(width(closer) < 0.9 * width(whole), `the wheel leads to ${closer}`);
  check(near((closer[0] + closer[1]) / 2, (whole[0] + whole[1]) / 2), 'not around the pointer');
  await browser.click('#reset');
  check(same(await range(), whole), `reset leads to ${await range()}`);

  await browser.key('+', '+');
  check(width(await range()) < 0.6 * width(whole), `+ + leads to ${await range()}`);
  const before = await range();
  await browser.key(RIGHT);
  check((await range())[0] > before[0] || before[1] === whole[1], 'right goes nowhere');
  await browser.key('-', '-', '-');
  check(same(await range(), whole), `- leads to ${await range()}`);
  await browser.key('1');
  check(near(width(await range()), 10), `1 leads to ${await range()}`);
  check((await text('#ranges [aria-pressed=true]')) === '10 s', 'no range is on');
  await browser.key('0', '.', '.');
  check(/2011-01-13 13:46:01/.test(await text('.when')), `. . tells ${await text('.when')}`);
  await browser.key('k');
  check((await range())[0] < 1294926363 && (await range())[1] > 1294926363 &&
    width(await range()) < 5, `k leads to ${await range()}`);
  await browser.click('#runs tbody tr:nth-child(3) button');
  check((await range())[0] > 1294926400, `a run leads to ${await range()}`);
  await browser.key('0', 'u', 'u');
  check(/KiB/.test(await text('#summary tbody')), 'u u is no KiB');
  await browser.key('?');
  check(await browser.eval('document.getElementById("help").open'), '? shows no help');
  await browser.key('?', 'u', 'u', 'u');
}

async function two() {
  await open('both');
  check(await rows('summary') === 4, `${await rows('summary')} curves of two logs`);
  check(await browser.eval('document.querySelectorAll(".legend button").length') >= 4, 'the legend');
  check(/three\.log Alloc/.test(await text('.legend')) && /other\.log Sys/.test(await text('.legend')),
    await text('.legend'));
  const aligned = await range();
  check(same(aligned, [0, 61]), `from their start: ${aligned}`);
  check(await pixels('c0') > 50 && await pixels('c1') > 5, 'a log is not drawn');
  await browser.key('a');
  check(same(await range(), [1294926360, 1295012761]), `by the clock: ${await range()}`);
  check(await text('#align [aria-pressed=true]') === 'by the clock', 'no button tells so');
}

async function single() {
  await open('single');
  const points = await browser.eval(`${plot}.dataset.points`);
  check(points === '1', `${points} points`);
  check(await pixels('c1') > 8, `a sample is a dot of ${await pixels('c1')} pixels`);
  check((await text('#facts')).includes('1 sample'), await text('#facts'));
}

async function others() {
  await open('columns');
  check(await browser.eval('document.querySelectorAll("#curves section").length') === 2,
    'not a drawing for each kind of numbers');
  check(await pixels('c1', 1) > 50, 'counts are not drawn');
  await open('zone');
  check(/2011-01-13 19:16:00.*\(IST\)/.test(await text('#facts')), await text('#facts'));
  check(/IST, UTC\+5:30/.test(await text('#zone')), await text('#zone'));
  await open('damaged');
  check(/1 line that is none of a log/.test(await text('#notices')), await text('#notices'));
  await open('long');
  const points = await browser.eval(`Number(${plot}.dataset.points)`);
  check(points > 20000, `${points} points of a long log`);
}

// The lightness of what is behind the page, from 0 to 255.
const ground = () => browser.eval(`Math.max(...getComputedStyle(document.body).backgroundColor
  .match(/\\d+/g).map(Number))`);

async function looks() {
  const prefer = value => browser.devtools('Emulation.setEmulatedMedia',
    { features: [{ name: 'prefers-color-scheme', value }] });
  await open('three');
  await prefer('dark');
  check(await ground() < 60, `a dark system: ${await ground()}`);
  await browser.wait('false', 0.2);
  check(await pixels('c0') > 200, 'the curves have no dark colours');
  await browser.key('t');
  check(await ground() > 200, `light was chosen: ${await ground()}`);
  await browser.key('t');
  check(await ground() < 60, `dark was chosen: ${await ground()}`);
  await prefer('light');
  await browser.devtools('Emulation.setDeviceMetricsOverride',
    { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
  check(await browser.wait(`${plot}.clientWidth < 390`), 'the curves stay wide');
  const overhang = await browser.eval('document.documentElement.scrollWidth - innerWidth');
  check(overhang <= 0, `in a narrow window the page is ${overhang} pixels too wide`);
  await browser.devtools('Emulation.clearDeviceMetricsOverride', {});
}

// No requests but for the pages themselves.
async function nobodyIsAsked() {
  const seen = (await browser.log('performance'))
    .map(entry => JSON.parse(entry.message).message)
    .filter(({ method }) => /^Network\.(requestWillBeSent|webSocketCreated)$/.test(method))
    .map(({ params }) => params.request?.url ?? params.url)
    .filter(url => !/^(data|chrome):/.test(url));
  check(seen.length >= 5, `few requests were seen: ${seen}`);
  const elsewhere = seen.filter(url => !(url.startsWith(`file://${folder}/`) && /\.html$/.test(url)));
  check(elsewhere.length === 0, `asked for: ${elsewhere}`);
  const errors = await browser.log('browser');
  check(errors.length === 0, `in the console, at the end: ${JSON.stringify(errors)}`);
}

try {
  for (const part of [threeRuns, limitGoes, zoom, two, single, others, looks, nobodyIsAsked])
    await part();
} catch (error) {
  check(false, error.stack);
} finally {
  await browser.end();
}
process.exit(failures === 0 ? 0 : 1);
