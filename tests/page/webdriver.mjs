// SPDX-License-Identifier: MIT
// webdriver.mjs - a browser for the tests of the live page: Chromium through chromedriver, asked
// over HTTP as the WebDriver standard says. No packages, and nothing of the user's profile.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const patience = 60000;

// Ends with the process that has started it. `folder`: where it keeps what it writes.
export async function startBrowser({ folder, width = 1400, height = 1000 }) {
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: `${folder}/config`,
    XDG_CACHE_HOME: `${folder}/cache`, TMPDIR: folder, TZ: 'UTC' };
  const driver = spawn('chromedriver', ['--port=0'],
    { env, stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => driver.kill());
  const port = await new Promise((resolve, reject) => {
    let said = '';
    driver.stdout.on('data', data => {
      said += data;
      const found = said.match(/started successfully on port (\d+)/);
      if (found)
        resolve(Number(found[1]));
    });
    driver.on('error', reject);
    driver.on('exit', () => reject(new Error(`chromedriver has ended: ${said}`)));
  });

  async function ask(method, path, body) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' }, signal: AbortSignal.timeout(patience),
    });
    const { value } = await answer.json();
    if (value !== null && typeof value === 'object' && value.error !== undefined)
      throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--no-first-run', '--no-default-browser-check', '--force-device-scale-factor=1',
    `--window-size=${width},${height}`, `--user-data-dir=${folder}/profile`];
  const session = await ask('POST', '/session', { capabilities: { alwaysMatch: {
    'goog:chromeOptions': { args },
    'goog:loggingPrefs': { browser: 'ALL', performance: 'ALL' },
  } } });
  const base = `/session/${session.sessionId}`;

  const browser = {
    open: url => ask('POST', `${base}/url`, { url }),
    // The value of an expression in the page.
    eval: (code, ...values) => ask('POST', `${base}/execute/sync`,
      { script: `return (${code});`, args: values }),
    // What the expression comes to be, once it is true in JavaScript's sense; null: it does not.
    async wait(code, seconds = 20) {
      const end = Date.now() + seconds * 1000;
      while (Date.now() < end) {
        const value = await browser.eval(code);
        if (value)
          return value;
        await new Promise(resolve => setTimeout(resolve, 100));
      }
      return null;
    },
    async key(...keys) {
      const strokes = keys.flatMap(value => [
        { type: 'keyDown', value }, { type: 'keyUp', value }]);
      await ask('POST', `${base}/actions`,
        { actions: [{ type: 'key', id: 'keys', actions: strokes }] });
    },
    // With the mouse from here to there, in pixels of the window; `held`: a key that is down.
    async drag([x, y], [toX, toY], held) {
      const mouse = [
        { type: 'pointerMove', duration: 0, x, y }, { type: 'pointerDown', button: 0 },
        { type: 'pointerMove', duration: 100, x: Math.round((x + toX) / 2), y: toY },
        { type: 'pointerMove', duration: 100, x: toX, y: toY }, { type: 'pointerUp', button: 0 },
      ];
      const pauses = mouse.map(() => ({ type: 'pause', duration: 0 }));
      const actions = [{ type: 'pointer', id: 'mouse', parameters: { pointerType: 'mouse' },
        actions: held ? [{ type: 'pause', duration: 0 }, ...mouse, { type: 'pause', duration: 0 }]
          : mouse }];
      if (held) {
        actions.push({ type: 'key', id: 'held', actions: [{ type: 'keyDown', value: held },
          ...pauses, { type: 'keyUp', value: held }] });
      }
      await ask('POST', `${base}/actions`, { actions });
    },
    // With one finger, or, where more ways are given, with as many.
    async touch(...ways) {
      await ask('POST', `${base}/actions`, { actions: ways.map(([[x, y], [toX, toY]], i) => ({
        type: 'pointer', id: `finger${i}`, parameters: { pointerType: 'touch' },
        actions: [
          { type: 'pointerMove', duration: 0, x, y }, { type: 'pointerDown', button: 0 },
          { type: 'pointerMove', duration: 100, x: Math.round((x + toX) / 2), y: toY },
          { type: 'pointerMove', duration: 100, x: toX, y: toY }, { type: 'pointerUp', button: 0 },
        ],
      })) });
    },
    async click(selector) {
      const found = await ask('POST', `${base}/element`,
        { using: 'css selector', value: selector });
      await ask('POST', `${base}/element/${Object.values(found)[0]}/click`, {});
    },
    async doubleClick([x, y]) {
      const press = [{ type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }];
      await ask('POST', `${base}/actions`, { actions: [{ type: 'pointer', id: 'mouse',
        parameters: { pointerType: 'mouse' },
        actions: [{ type: 'pointerMove', duration: 0, x, y }, ...press, ...press] }] });
    },
    async wheel([x, y], deltaY) {
      await ask('POST', `${base}/actions`, { actions: [{ type: 'wheel', id: 'wheel',
        actions: [{ type: 'scroll', x, y, deltaX: 0, deltaY, duration: 0 }] }] });
    },
    // What was logged since the last time: 'browser' or 'performance'.
    log: type => ask('POST', `${base}/se/log`, { type }),
    devtools: (cmd, params) => ask('POST', `${base}/goog/cdp/execute`, { cmd, params }),
    // Nothing of it writes into the folder any more when it returns.
    async end() {
      await ask('DELETE', base);
      driver.kill();
      await once(driver, 'exit');
    },
  };
  return browser;
}
