// SPDX-License-Identifier: MIT
// classes.js - the size classes as bars, and as a table.
/* global uPlot */

import { fillTable } from './table.js';
import { element } from './curves.js';
import * as format from './format.js';
import { color } from './theme.js';

const $ = id => document.getElementById(id);
const font = '12px system-ui, sans-serif';

export class Classes {
  constructor(page) {
    this.page = page;
    this.what = 'bytes';
    this.bars = []; // {label, objects, bytes, mallocs, frees} of each class that was ever used
    this.section = $('classes');
    this.said = element('p', { className: 'note' });
    this.plot = element('div', { className: 'plot', tabIndex: 0 });
    this.plot.setAttribute('role', 'img');
    $('classes-what').after(this.plot, this.said);
    $('classes-what').addEventListener('click', event => this.#choose(event.target.dataset.what));
    $('classes-table').addEventListener('toggle', () => this.#table());
    this.#make();
    new ResizeObserver(() => this.#resize()).observe(this.plot);
  }

  update() {
    const { classes = [], large } = this.page.data;
    this.bars = classes.filter(([, mallocs]) => mallocs > 0).map(([size, mallocs, frees]) => ({
      label: format.bytes(size), mallocs, frees,
      objects: mallocs - frees, bytes: (mallocs - frees) * size,
    }));
    if (large && large.mallocs > 0) {
      this.bars.push({
        label: 'large', mallocs: large.mallocs, frees: large.frees,
        objects: large.mallocs - large.frees, bytes: large.malloc_bytes - large.free_bytes,
      });
    }
    this.#draw();
    this.#table();
  }

  redraw() {
    this.plotter.redraw(true, true);
    this.#say();
    this.#table();
  }

  #format(value, highest) {
    const { unit } = this.page;
    if (this.what !== 'bytes')
      return format.count(value);
    return format.bytes(value, highest === undefined ? unit : format.unitFor(highest, unit));
  }

  #choose(what) {
    if (what === undefined)
      return;
    this.what = what;
    for (const button of $('classes-what').children)
      button.setAttribute('aria-pressed', String(button.dataset.what === what));
    this.#draw();
  }

  #steps() { return this.what === 'bytes' ? format.byteSteps : format.tenSteps(1); }

  #draw() {
    const places = this.bars.map((_, index) => index);
    this.plotter.setData([places, this.bars.map(bar => bar[this.what])]);
    this.#say();
  }

  // The class under the cursor, or the greatest one.
  #say() {
    const values = this.bars.map(bar => bar[this.what]);
    const highest = values.indexOf(Math.max(...values));
    const index = this.plotter.cursor.idx ?? highest, bar = this.bars[index];
    const { unit } = this.page;
    this.said.textContent = bar === undefined ? 'Nothing was allocated yet.'
      : `${bar.label}${index === highest ? ' (the most)' : ''}: `
        + `${format.whole(bar.objects)} live objects, ${format.bytes(bar.bytes, unit)}; `
        + `${format.count(bar.mallocs)} allocated, ${format.count(bar.frees)} freed so far`;
    this.plot.dataset.bars = this.bars.length;
    this.plot.setAttribute('aria-label', `Size classes, bars. ${this.said.textContent}. `
      + 'All of them are in the table below.');
  }

  #table() {
    if ($('classes-table').open) {
      fillTable($('classes-table').querySelector('tbody'), this.bars.map(bar => [
        bar.label, format.whole(bar.objects), format.bytes(bar.bytes, this.page.unit),
        format.whole(bar.mallocs), format.whole(bar.frees)]));
    }
  }

  #make() {
    const grid = { stroke: () => color('grid'), width: 1 };
    const common = { stroke: () => color('quiet'), font, grid, ticks: { ...grid, size: 4 } };
    this.plotter = new uPlot({
      width: Math.max(200, this.plot.clientWidth), height: 220,
      legend: { show: false },
      padding: [12, 12, 0, 0],
      scales: {
        x: { time: false, range: () => [-0.7, Math.max(this.bars.length, 1) - 0.3] },
        y: { range: (u, _, highest) => [0, (highest || 1) * 1.05] },
      },
      axes: [
        { ...common, grid: { show: false }, space: 52, size: 44, incrs: [1, 2, 3, 4, 5, 10, 20],
          values: (u, splits) => splits.map(at => this.bars[at]?.label ?? '') },
        { ...common, size: 64, space: 30, incrs: () => this.#steps(),
          values: (u, splits) => splits.map(at => this.#format(at, Math.max(...splits))) },
      ],
      series: [{}, {
        stroke: () => color('bar'), fill: () => color('bar'), width: 0,
        paths: uPlot.paths.bars({ size: [0.75, 40, 2], radius: 0.15 }), points: { show: false },
      }],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      hooks: { setCursor: [() => this.plotter !== undefined && this.#say()] },
    }, [[], []], this.plot);
  }

  #resize() {
    const width = this.plot.clientWidth;
    if (width > 0 && width !== this.plotter.width)
      this.plotter.setSize({ width, height: 220 });
  }
}
