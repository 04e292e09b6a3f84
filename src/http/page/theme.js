// SPDX-License-Identifier: MIT
// theme.js - light or dark: as the system, or as somebody has chosen. Colours are the style
// sheet's; canvases ask for them here.

const names = ['auto', 'light', 'dark'];
const root = document.documentElement;
const system = matchMedia('(prefers-color-scheme: dark)');
const colors = new Map();
const listeners = [];

function apply(name) {
  if (name === 'auto')
    delete root.dataset.theme;
  else
    root.dataset.theme = name;
  colors.clear();
  for (const listener of listeners)
    listener();
}

export const theme = {
  name: 'auto',
  set(name) {
    this.name = names.includes(name) ? name : 'auto';
    apply(this.name);
  },
  next() { this.set(names[(names.indexOf(this.name) + 1) % names.length]); },
  onChange(listener) { listeners.push(listener); },
};
system.addEventListener('change', () => apply(theme.name));

// The value of --NAME.
export function color(name) {
  if (!colors.has(name))
    colors.set(name, getComputedStyle(root).getPropertyValue(`--${name}`).trim());
  return colors.get(name);
}
