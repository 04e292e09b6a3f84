// SPDX-License-Identifier: MIT
// feed.js - asks the server for what is new, once a second, less while nobody looks. When it does
// not answer it is asked again, at longer and longer times up to five seconds, for ever.

const patience = 10000; // milliseconds for an answer
const whileHidden = 15000;
const retryMost = 5000;

export class Feed {
  // query(): what is asked for, "?since=...". taken(data): an answer. changed(): `state` has.
  constructor({ url, query, taken, changed }) {
    Object.assign(this, { url, query, taken, changed });
    this.state = 'connecting'; // live, lost, paused
    this.reason = '';
    this.since = null;  // Date.now() when the connection was lost
    this.interval = 1000;
    this.failures = 0;
    this.timer = 0;
    this.asking = false;
    document.addEventListener('visibilitychange', () => this.#soon());
    window.addEventListener('online', () => this.#soon());
  }

  start() { this.#ask(); }

  pause() {
    clearTimeout(this.timer);
    this.#become('paused', '');
  }

  resume() {
    this.#become('connecting', '');
    this.#ask();
  }

  #soon() {
    if (this.state === 'paused' || document.hidden)
      return;
    clearTimeout(this.timer);
    this.#ask();
  }

  #become(state, reason) {
    if (state !== 'lost')
      this.since = null;
    else if (this.since === null)
      this.since = Date.now();
    this.state = state;
    this.reason = reason;
    this.changed();
  }

  async #ask() {
    if (this.asking)
      return;
    this.asking = true;
    let data = null;
    try {
      data = await this.#fetch();
    } catch (error) {
      this.failures++;
      if (this.state !== 'paused')
        this.#become('lost', this.#why(error));
    }
    this.asking = false;
    // Paused meanwhile: it is asked for again when that ends.
    if (this.state === 'paused')
      return;
    if (data !== null) {
      this.failures = 0;
      this.interval = Math.max(1000, (data.interval || 1) * 1000);
      this.#become('live', '');
    }
    this.timer = setTimeout(() => this.#ask(), this.#wait());
    if (data !== null)
      this.taken(data);
  }

  async #fetch() {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), patience);
    try {
      const answer = await fetch(this.url + this.query(),
        { cache: 'no-store', signal: stop.signal });
      if (!answer.ok)
        throw new Error(`the server answers ${answer.status} ${answer.statusText}`.trim());
      const data = await answer.json();
      if (!Array.isArray(data.rows) || !Array.isArray(data.columns))
        throw new Error('the server answers something else than was asked for');
      return data;
    } finally {
      clearTimeout(timer);
    }
  }

  #why(error) {
    if (error.name === 'AbortError')
      return `no answer within ${patience / 1000} s`;
    if (error.name === 'TypeError')
      return 'the server can\'t be reached';
    return error.name === 'SyntaxError' ? 'the server\'s answer is no JSON' : error.message;
  }

  #wait() {
    if (this.state === 'lost')
      return Math.min(retryMost, 1000 * 2 ** (this.failures - 1));
    return document.hidden ? Math.max(whileHidden, this.interval) : this.interval;
  }
}
