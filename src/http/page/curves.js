// SPDX-License-Identifier: MIT
// curves.js - one drawing over the time: uPlot, with a legend of switches that tell the values
// under the cursor, or the last ones.
/* global uPlot */

import * as format from './format.js';
import { bindGestures } from './gestures.js';
import { firstNotBefore } from './search.js';
import { color } from './theme.js';

const clockSteps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60,
  120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2419200,
  7257600, 31536000];
const font = '12px system-ui, sans-serif';
const room = 1.1; // above the highest curve

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Room for the longest label of an axis, so that they stand below each other with others'.
const axisSize = (_, labels) => Math.max(64, 18 + 7 * Math.max(0, ...(labels || []).map(
  label => label.length)));

// Where a thin line fills whole pixels.
const crisp = (at, ratio) => Math.round(at - ratio % 2 / 2) + ratio % 2 / 2;

const dotRoom = 12; // pixels from one sample to the next, where each has its dot

// The last value that is known, or null.
function lastOf(values) {
  let i = values.length - 1;
  while (i >= 0 && typeof values[i] !== 'number')
    i--;
  return i < 0 ? null : values[i];
}

// Indices of values that no line leads to or from, of those that are shown.
function aloneIn(values, shown) {
  const alone = [];
  let before = null; // the value before this series' row
  const next = from => {
    let i = from + 1;
    while (i < values.length && values[i] === undefined)
      i++;
    return values[i] ?? null;
  };
  for (let i = shown?.[0] ?? 0; i <= (shown?.[1] ?? -1); i++) {
    if (values[i] === undefined)
      continue;
    if (values[i] !== null && before === null && next(i) === null)
      alone.push(i);
    before = values[i];
  }
  return alone;
}

// The powers of ten around.
const powers = (lowest, highest) => [10 ** Math.floor(Math.log10(lowest || 1e4)),
  10 ** Math.max(Math.ceil(Math.log10(highest || 1e6)), Math.floor(Math.log10(lowest || 1)) + 1)];

export class Curves {
  // section: where it goes. series: name, label, and: color (a variable's name; the series' own,
  // unless it is told), axis ('right'), hidden, dash, fill, bars, dots (at samples that are far from
  // each other, or alone). left, right: format(value, the highest of its axis), steps of the axis.
  // lines(): {name, label, value} of horizontal lines, with pieces [from, to, value] where they
  // change. peak: the name of the series whose highest point is marked. isLogarithmic: values are
  // above 0, of very different sizes. wheel: as gestures.js has it. isFixed: the clock is
  // format.js' own, not the browser's.
  constructor({ section, series, left, right, lines, peak, isLogarithmic, height, view, chosen,
    wheel, isFixed }) {
    Object.assign(this, { section, series, left, right, peak, isLogarithmic, view, chosen, wheel,
      isFixed });
    this.lines = lines || (() => []);
    this.height = height || 220;
    this.marks = { gaps: [], starts: [], events: [] };
    this.isSetUp = false;
    this.legend = element('ul', { className: 'legend' });
    this.plot = element('div', { className: 'plot', tabIndex: 0 });
    this.plot.setAttribute('role', 'img');
    section.querySelector('h2').after(this.legend, this.plot);
    this.#makeLegend();
    this.#makePlot();
    new ResizeObserver(() => this.#resize()).observe(this.plot);
  }

  // ---- data ------------------------------------------------------------------------------

  // times, and the values of each series, in its order: null is not known, undefined is another
  // series' row. marks: gaps and starts of runs in time; events: {time, label, color}, in time.
  set(times, values, marks) {
    this.marks = marks || this.marks;
    this.plotter.setData([times, ...values]);
    this.#said();
  }

  // The view has moved.
  move() {
    const [min, max] = this.view.range();
    this.plotter.setScale('x', { min, max });
    this.#said();
  }

  // Units or colours have changed.
  redraw() {
    this.plotter.redraw(true, true);
    this.#said();
  }

  // The cursor goes to the sample before or after; with it those of the other curves.
  step(by) {
    const u = this.plotter, times = u.data[0];
    if (times.length === 0)
      return;
    const [min, max] = this.view.range();
    const from = u.cursor.idx ?? (by < 0 ? times.length : firstNotBefore(times, min) - 1);
    const index = Math.min(Math.max(from + by, 0), times.length - 1);
    if (times[index] < min || times[index] > max)
      return;
    u.setCursor({ left: u.valToPos(times[index], 'x'), top: u.over.clientHeight / 2 }, true, true);
  }

  // ---- the legend ------------------------------------------------------------------------

  #makeLegend() {
    this.switches = new Map();
    const names = [...this.series, ...this.lines().map(line => ({ ...line, isLine: true }))];
    for (const { name, label, title, hidden, isLine, dash, color: tint } of names) {
      const value = element('span', { className: 'value' }, format.nothing);
      const swatch = element('span', { className: isLine || dash ? 'swatch dashed' : 'swatch' });
      swatch.style.setProperty('--swatch', `var(--${tint || name})`);
      const button = element('button', { type: 'button', title: title || '' }, swatch,
        element('span', { className: 'name' }, label), value);
      const isOn = this.chosen.get(name) ?? (isLine ? null : !hidden);
      button.addEventListener('click', () => this.#toggle(name));
      const item = element('li', {}, button);
      this.legend.append(item);
      this.switches.set(name, { button, value, item, isOn, isLine });
      button.setAttribute('aria-pressed', String(isOn !== false));
    }
    this.when = element('li', { className: 'when' });
    this.legend.append(this.when);
  }

  #toggle(name) {
    const one = this.switches.get(name);
    one.isOn = one.button.getAttribute('aria-pressed') !== 'true';
    this.chosen.set(name, one.isOn);
    one.button.setAttribute('aria-pressed', String(one.isOn));
    const index = this.series.findIndex(series => series.name === name);
    if (index >= 0)
      this.plotter.setSeries(index + 1, { show: one.isOn });
    this.redraw();
  }

  isShown(name) { return this.switches.get(name).button.getAttribute('aria-pressed') === 'true'; }

  // A curve that the program has no values for.
  offer(name, isThere) {
    const one = this.switches.get(name);
    if (one.item.hidden !== isThere)
      return;
    one.item.hidden = !isThere;
    const index = this.series.findIndex(series => series.name === name);
    if (index >= 0)
      this.plotter.setSeries(index + 1, { show: isThere && this.isShown(name) });
  }

  #format({ axis }, value) { return (axis === 'right' ? this.right : this.left).format(value); }

  // Values into the legend, into words for who can't see the curves, and as data.
  #said() {
    const u = this.plotter, times = u.data[0], index = u.cursor.idx;
    const at = index ?? times.length - 1;
    const words = [];
    this.series.forEach((series, i) => {
      const values = u.data[i + 1], last = lastOf(values);
      const value = typeof index !== 'number' ? last : values[u.cursor.idxs?.[i + 1] ?? at];
      this.switches.get(series.name).value.textContent = this.#format(series, value);
      this.plot.setAttribute(`data-last-${series.name.toLowerCase()}`, last ?? '');
      if (!this.switches.get(series.name).item.hidden)
        words.push(`${series.label} ${this.#format(series, last)}`);
    });
    for (const { name, value, pieces } of this.lines()) {
      const piece = typeof index !== 'number' ? undefined
        : pieces?.find(([from, to]) => times[index] >= from && times[index] <= to);
      this.switches.get(name).value.textContent = this.left.format(
        pieces === undefined || typeof index !== 'number' ? value : piece?.[2]);
    }
    const [min, max] = this.view.range(), isClose = max - min < 10;
    const write = this.isFixed && !isClose ? format.date : format.time;
    this.when.textContent = typeof index === 'number' && times.length > 0
      ? write(times[index], isClose) : '';
    Object.assign(this.plot.dataset, { xMin: min, xMax: max, points: times.length });
    this.plot.setAttribute('aria-label', `${this.section.querySelector('h2').textContent}, ` +
      `${format.time(min)} to ${format.time(max)}: ${words.join(', ')}`);
  }

  // ---- the drawing -----------------------------------------------------------------------

  #makePlot() {
    const grid = { stroke: () => color('grid'), width: 1 };
    const common = { stroke: () => color('quiet'), font, grid, ticks: { ...grid, size: 4 } };
    const side = (scale, { format: write, steps }, more) => ({
      ...common, scale, size: axisSize, space: 30, incrs: steps,
      values: (_, splits) => splits.map(
        at => at === null ? '' : write(at, Math.max(...splits))), ...more,
    });
    const axes = [{
      ...common, space: 70, incrs: clockSteps, size: 44,
      values: (_, splits, axis, space, step) => format.ticks(splits, step),
    }, side('y', this.left)];
    if (this.isFixed)
      axes[0].splits = (u, axis, from, to, step) => format.clockSplits(from, to, step);
    if (this.right !== undefined)
      axes.push(side('right', this.right, { side: 1, grid: { show: false } }));
    const y = this.isLogarithmic
      ? { distr: 3, range: (u, lowest, highest) => powers(lowest, highest) }
      : { range: (u, _, highest) => [0, this.#top(u, highest)] };
    this.plotter = new uPlot({
      width: Math.max(200, this.plot.clientWidth), height: this.height, axes,
      legend: { show: false },
      padding: [12, this.right !== undefined ? 0 : this.isFixed ? 44 : 30, 0, 0],
      scales: {
        x: { time: true, range: () => this.view.range() }, y,
        right: { range: (u, _, highest) => [0, (highest || 1) * room] },
      },
      series: [{}, ...this.series.map(series => this.#series(series))],
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false, setScale: false, dist: 4 },
        sync: {
          key: 'memlog', setSeries: false, scales: ['x', null],
          filters: { pub: type => type === 'mousemove' || type === 'mouseleave' },
        },
        bind: {
          mousedown: (u, target, handler) => event => event.shiftKey ? null : handler(event),
          dblclick: () => () => this.view.reset(),
        },
      },
      hooks: {
        setSelect: [u => this.#selected(u)],
        setCursor: [() => this.isSetUp && this.#said()],
        draw: [u => this.#drawOver(u)],
      },
    }, [[], ...this.series.map(() => [])], this.plot);
    bindGestures(this.plotter.over, this.view, { wheel: this.wheel });
    this.isSetUp = true;
  }

  #series({ name, color: tint = name, axis, dash, fill, bars, dots, hidden }) {
    const made = {
      scale: axis === 'right' ? 'right' : 'y',
      show: this.chosen.get(name) ?? !hidden,
      stroke: () => color(tint), width: bars === 'wide' ? 0 : 1.75, dash,
      fill: fill || bars === 'wide' ? () => color(`${tint}-fill`) : undefined,
      points: dots ? {
        size: 5, stroke: () => color(tint), fill: () => color(tint),
        show: (u, _, from, to) => (to - from) * dotRoom < u.over.clientWidth,
        filter: (u, index, isShown) => isShown ? null : aloneIn(u.data[index], u.series[0].idxs),
      } : { show: false },
      gaps: (u, index, from, to, gaps) => this.#gaps(u, from, to, gaps),
    };
    if (bars === 'wide')
      made.paths = uPlot.paths.bars({ size: [0.9, 9, 3] });
    if (bars === 'points')
      Object.assign(made, {
        paths: () => null, points: { show: true, size: 6, fill: () => color(tint) },
      });
    return made;
  }

  // uPlot's own gaps, where values are unknown, and ours, where rows are missing. A pixel wider: a
  // steep line over a narrow gap would show half a line's width of itself.
  #gaps(u, from, to, gaps) {
    const times = u.data[0];
    for (const gap of this.marks.gaps) {
      const index = firstNotBefore(times, gap);
      if (index > from && index <= to && times[index] === gap)
        gaps.push([times[index - 1], gap].map(at => Math.round(u.valToPos(at, 'x', true))));
    }
    const edge = devicePixelRatio || 1;
    return gaps.map(([left, right]) => [left - edge, right + edge]).sort((a, b) => a[0] - b[0]);
  }

  // The highest that is to be seen. A line far above all curves would press them flat: it is only
  // shown where it is near, or where somebody has asked for it.
  #top(u, highest) {
    let top = highest || 1;
    for (const { name, value } of this.lines()) {
      const one = this.switches.get(name);
      if (typeof value !== 'number' || one.isOn === false)
        continue;
      if (one.isOn === true || value < 2.5 * (highest || 1))
        top = Math.max(top, value);
    }
    return top * room;
  }

  #selected(u) {
    const { left, width } = u.select;
    if (width <= 0)
      return;
    const begin = u.posToVal(left, 'x'), end = u.posToVal(left + width, 'x');
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.view.show(begin, end);
  }

  #drawOver(u) {
    const { ctx, bbox } = u, ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = 'left';
    this.#drawEvents(u, ctx, ratio);
    this.#drawLines(u, ctx, ratio);
    ctx.restore();
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = 'left';
    if (this.peak !== undefined && this.isShown(this.peak))
      this.#drawPeak(u, ctx, ratio);
    ctx.restore();
  }

  // Restarts and events: upright lines, with words where there is room for them, in rows.
  #drawEvents(u, ctx, ratio) {
    const [min, max] = this.view.range(), ends = [0, 0, 0];
    const starts = this.marks.starts.map(time => ({ time, label: 'restart', color: 'quiet' }));
    let before = -Infinity;
    for (const { time, label, color: tint } of starts.concat(this.marks.events || [])) {
      const x = crisp(u.valToPos(time, 'x', true), ratio);
      if (time < min || time > max || (x === before && label === ''))
        continue;
      ctx.strokeStyle = ctx.fillStyle = color(tint);
      if (x !== before) {
        ctx.setLineDash([2 * ratio, 3 * ratio]);
        ctx.lineWidth = ratio;
        ctx.globalAlpha = 0.65;
        ctx.beginPath();
        ctx.moveTo(x, u.bbox.top);
        ctx.lineTo(x, u.bbox.top + u.bbox.height);
        ctx.stroke();
        ctx.globalAlpha = 1;
        before = x;
      }
      const width = ctx.measureText(label).width + 4 * ratio;
      const isAtEnd = x + width > u.bbox.left + u.bbox.width;
      const left = isAtEnd ? x - width : x + 4 * ratio;
      const row = ends.findIndex(end => end <= left);
      if (row < 0)
        continue;
      ends[row] = left + width + 6 * ratio;
      this.#write(ctx, ratio, label, left, u.bbox.top + (12 + 14 * row) * ratio);
    }
  }

  #drawLines(u, ctx, ratio) {
    const [min, max] = this.view.range();
    for (const { name, label, value, pieces, color: tint } of this.lines()) {
      if (typeof value !== 'number' || !this.isShown(name))
        continue;
      const seen = (pieces || [[min, max, value]]).filter(([from, to]) => to >= min && from <= max);
      let said = '';
      for (const [from, to, height] of seen) {
        const y = crisp(u.valToPos(height, 'y', true), ratio);
        const [left, right] = [Math.max(from, min), Math.min(to, max)].map(
          at => u.valToPos(at, 'x', true));
        ctx.strokeStyle = ctx.fillStyle = color(tint || name);
        ctx.setLineDash([8 * ratio, 5 * ratio]);
        ctx.lineWidth = ratio;
        ctx.beginPath();
        ctx.moveTo(left, y);
        ctx.lineTo(right, y);
        ctx.stroke();
        const text = `${label} ${this.left.format(height)}`;
        if (text !== said && (seen.length === 1 || ctx.measureText(text).width < right - left)) {
          this.#write(ctx, ratio, text, left + 6 * ratio, y - 5 * ratio);
          said = text; // not again for each run
        }
      }
    }
  }

  #drawPeak(u, ctx, ratio) {
    const [from, to] = u.series[0].idxs || [0, -1];
    const values = u.data[1 + this.series.findIndex(series => series.name === this.peak)];
    const [min, max] = this.view.range();
    let best = -1;
    for (let i = from; i <= to && i < values.length; i++) {
      const isSeen = u.data[0][i] >= min && u.data[0][i] <= max && values[i] !== null;
      if (isSeen && (best < 0 || values[i] > values[best]))
        best = i;
    }
    if (best < 0)
      return;
    const x = u.valToPos(u.data[0][best], 'x', true), y = u.valToPos(values[best], 'y', true);
    const text = `peak ${this.left.format(values[best])}`;
    const width = ctx.measureText(text).width, { left, width: whole } = u.bbox;
    ctx.fillStyle = color('text');
    ctx.beginPath();
    ctx.arc(x, y, 3.5 * ratio, 0, 2 * Math.PI);
    ctx.fill();
    const end = left + whole - width - 4 * ratio;
    this.#write(ctx, ratio, text, Math.min(Math.max(x - width / 2, left + 4 * ratio), end),
      y - 8 * ratio);
  }

  // Words that can be read above curves.
  #write(ctx, ratio, text, x, y) {
    ctx.setLineDash([]);
    ctx.lineWidth = 3 * ratio;
    ctx.lineJoin = 'round';
    ctx.strokeStyle = color('card');
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  }

  #resize() {
    const width = this.plot.clientWidth;
    if (width > 0 && width !== this.plotter.width)
      this.plotter.setSize({ width, height: this.height });
  }
}
