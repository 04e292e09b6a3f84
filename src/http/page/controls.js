// SPDX-License-Identifier: MIT
// controls.js - keys and buttons that every page with curves has: they move the view, change units
// and theme, and open the help. A page adds its own.

import * as format from './format.js';

const $ = id => document.getElementById(id);

function toggleHelp() {
  if ($('help').open)
    $('help').close();
  else
    $('help').showModal();
}

function nextUnit(unit) {
  return format.unitNames[(format.unitNames.indexOf(unit) + 1) % format.unitNames.length];
}

// Keys by their names, an object of functions.
function bindKeys(keys) {
  document.addEventListener('keydown', event => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping
      || !Object.hasOwn(keys, event.key))
      return;
    if ($('help').open && event.key !== '?')
      return;
    event.preventDefault();
    keys[event.key]();
  });
}

// page: its view and unit. step: to the sample before (-1) or after (1). keys and buttons are the
// page's own, functions by the key's name or the button's id.
export function bindControls(page, { setUnit, nextTheme, toPeak, step, keys, buttons }) {
  const { view } = page;
  bindKeys({
    ArrowLeft: () => view.pan(-0.25), ArrowRight: () => view.pan(0.25),
    '+': () => view.zoom(1.5), '=': () => view.zoom(1.5), '-': () => view.zoom(1 / 1.5),
    0: () => view.reset(),
    k: toPeak,
    ',': () => step(-1), '.': () => step(1),
    u: () => setUnit(nextUnit(page.unit)),
    t: nextTheme,
    '?': toggleHelp,
    ...keys,
  });
  const all = {
    back: () => view.pan(-0.5), forth: () => view.pan(0.5),
    in: () => view.zoom(2), out: () => view.zoom(0.5), reset: () => view.reset(),
    peak: toPeak, theme: nextTheme, 'help-open': toggleHelp,
    ...buttons,
  };
  for (const [id, act] of Object.entries(all))
    $(id).addEventListener('click', act);
  $('units').addEventListener('change', event => setUnit(event.target.value));
  $('help').addEventListener('click', event => event.target === $('help') && toggleHelp());
}
