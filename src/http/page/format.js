// SPDX-License-Identifier: MIT
// format.js - numbers and times as people read them. Pure functions of what they are given and of
// the clock: the browser's zone, unless setClock names another.

export const unitNames = ['auto', 'B', 'KiB', 'MiB', 'GiB'];
const powers = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
export const nothing = '–'; // of a value that is not known
const gap = '\u00a0';       // a number and its unit stay on one line

const known = value => typeof value === 'number' && Number.isFinite(value);

// Three digits that count, and no zeros after them: 0.0423, 4.23, 42.3, 423, 1,024.
function digits(value) {
  const digit = Math.abs(value) < 999.5 ? { maximumSignificantDigits: 3 }
    : { maximumFractionDigits: 0 };
  return value.toLocaleString('en-US', digit);
}

// The unit that a value of this size is told in.
export function unitFor(size, unit = 'auto') {
  if (unit !== 'auto')
    return unit;
  let power = 0;
  while (power < powers.length - 1 && Math.abs(size) >= 1000 * 1024 ** power)
    power++;
  return powers[power];
}

export function bytes(value, unit = 'auto') {
  if (!known(value))
    return nothing;
  const name = unitFor(value, unit);
  return `${digits(value / 1024 ** powers.indexOf(name))}${gap}${name}`;
}

export function count(value) {
  if (!known(value))
    return nothing;
  const size = Math.abs(value);
  if (size >= 1e9)
    return `${digits(value / 1e9)}${gap}G`;
  if (size >= 1e6)
    return `${digits(value / 1e6)}${gap}M`;
  return value.toLocaleString('en-US', { maximumFractionDigits: size < 10 ? 1 : 0 });
}

export const whole = value => known(value) ? value.toLocaleString('en-US') : nothing;

export function percent(part) {
  const value = 100 * part;
  const digit = value < 10 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
  return known(value) ? `${value.toLocaleString('en-US', digit)}${gap}%` : nothing;
}

// A pause, in nanoseconds.
export function duration(ns) {
  if (!known(ns))
    return nothing;
  if (ns >= 1e9)
    return `${digits(ns / 1e9)}${gap}s`;
  if (ns >= 1e6)
    return `${digits(ns / 1e6)}${gap}ms`;
  return ns === 0 ? '0' : `${digits(ns / 1e3)}${gap}µs`;
}

// A longer time, in seconds, in its two largest units.
export function span(seconds) {
  if (!known(seconds))
    return nothing;
  const left = Math.max(0, Math.round(seconds));
  const d = Math.floor(left / 86400), h = Math.floor(left / 3600) % 24;
  const min = Math.floor(left / 60) % 60, s = left % 60;
  if (d > 0)
    return `${d}${gap}d ${h}${gap}h`;
  if (h > 0)
    return `${h}${gap}h ${min}${gap}min`;
  if (min > 0)
    return s > 0 ? `${min}${gap}min ${s}${gap}s` : `${min}${gap}min`;
  return `${s}${gap}s`;
}

const two = number => String(number).padStart(2, '0');
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// { name, offset }: a zone so many seconds east of Greenwich. { isDistance }: times are seconds
// since some beginning. null: the browser's zone.
let clock = null;
export function setClock(other) { clock = other; }

// A date whose UTC is what the clock shows then.
function shown(seconds) {
  const offset = clock === null ? -60 * new Date(seconds * 1000).getTimezoneOffset()
    : clock.offset || 0;
  return new Date(Math.floor((seconds + offset) * 1000 + 1e-3));
}

// Seconds since 1970 as a time of the day; `fraction`: with milliseconds.
export function time(seconds, fraction = false) {
  if (!known(seconds))
    return nothing;
  const date = shown(seconds);
  const text = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${
    two(date.getUTCSeconds())}`;
  return fraction ? `${text}.${String(date.getUTCMilliseconds()).padStart(3, '0')}` : text;
}

const day = date => clock !== null && clock.isDistance
  ? date.getTime() < 86400000 ? '' : `${Math.floor(date.getTime() / 86400000)}${gap}d`
  : `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;

const sameDay = (a, b) => Math.floor(a.getTime() / 86400000) === Math.floor(b.getTime() / 86400000);

// The same, with the day where that is not the other's.
export function moment(seconds, other) {
  const date = shown(seconds), same = known(other) && sameDay(shown(other), date);
  return same ? time(seconds) : `${day(date)} ${time(seconds)}`.trimStart();
}

// "2026-11-21 10:49:38".
export function date(seconds) {
  if (!known(seconds))
    return nothing;
  return clock !== null && clock.isDistance ? moment(seconds)
    : `${shown(seconds).toISOString().slice(0, 10)} ${time(seconds)}`;
}

// The moments in between that are whole multiples of a step by the clock.
export function clockSplits(from, to, step) {
  const offset = clock === null ? 0 : clock.offset || 0, splits = [];
  for (let i = Math.ceil((from + offset) / step); i * step - offset <= to; i++)
    splits.push(i * step - offset);
  return splits;
}

// Labels of a time axis whose ticks are `step` seconds apart; the day stands below the first
// tick and where it changes.
export function ticks(splits, step) {
  let before = null;
  return splits.map(at => {
    const today = day(shown(at));
    const hour = step < 1 ? time(at, true) : step < 60 ? time(at) : time(at).slice(0, 5);
    const text = step >= 86400 ? today || '0' : today === before ? hour : `${hour}\n${today}`;
    before = today;
    return text;
  });
}

// "Europe/Berlin, UTC+1", as it is at that moment.
export function zone(seconds) {
  const name = clock !== null ? clock.name
    : Intl.DateTimeFormat().resolvedOptions().timeZone || 'local time';
  const minutes = clock !== null ? Math.round(clock.offset / 60)
    : -new Date(seconds * 1000).getTimezoneOffset();
  const sign = minutes < 0 ? '−' : '+', size = Math.abs(minutes);
  const part = size % 60 === 0 ? '' : `:${two(size % 60)}`;
  const offset = minutes === 0 ? 'UTC' : `UTC${sign}${Math.floor(size / 60)}${part}`;
  return name === offset ? name : `${name}, ${offset}`;
}

// Steps between the ticks of an axis: of bytes powers of two, of others 1, 2 or 5 of a power of
// ten, from `least` on.
export const byteSteps = Array.from({ length: 50 }, (_, power) => 2 ** power);
export function tenSteps(least) {
  const steps = [];
  for (let power = 0; power < 16; power++)
    steps.push(least * 10 ** power, 2 * least * 10 ** power, 5 * least * 10 ** power);
  return steps;
}
