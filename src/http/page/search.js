// SPDX-License-Identifier: MIT
// search.js - where a moment is among ascending ones.

// In ascending times: the index of the first one that is not before.
export function firstNotBefore(times, time) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
