// SPDX-License-Identifier: MIT
// rows.js - the samples of logs, out of the form in which a page holds them.
//
// A log's times are differences, in parts of a second, from `start` on; those of its columns that
// are whole numbers are differences, too, each from the known one before. null: not known. `breaks`:
// the rows that no line leads to.

const add = deltas => {
  let sum = 0;
  return deltas.map(delta => delta === null ? null : (sum += delta));
};

// The order of the times; null: they are in it.
function orderOf(times) {
  if (times.every((time, i) => i === 0 || time >= times[i - 1]))
    return null;
  return times.map((_, i) => i).sort((a, b) => times[a] - times[b] || a - b);
}

// { times, columns, isSorted }: seconds since 1970, ascending; a row of nulls at each break.
export function unpack({ start, scale, times, columns, breaks }) {
  const parts = add(times);
  const values = columns.map(({ isWhole, data }) => isWhole ? add(data) : data);
  const made = { times: [], columns: columns.map(() => []), isSorted: true };
  const begins = new Set(breaks);
  parts.forEach((part, row) => {
    const time = start + part / scale;
    if (begins.has(row) && row > 0) {
      made.times.push(time);
      made.columns.forEach(column => column.push(null));
    }
    made.times.push(time);
    made.columns.forEach((column, i) => column.push(values[i][row]));
  });
  const order = orderOf(made.times);
  if (order !== null) {
    made.times = order.map(row => made.times[row]);
    made.columns = made.columns.map(column => order.map(row => column[row]));
    made.isSorted = false;
  }
  return made;
}

// Logs { times, columns, shift: seconds that are taken off } as one: { times, values: of each log, of
// each column }. undefined is another log's row. Before its first row and behind its last one a log
// is not known.
export function merge(logs) {
  const all = logs.map(log => ({ ...log, at: -1, end: log.times.length,
    made: log.columns.map(() => []) }));
  const times = [];
  const timeOf = ({ times: own, at, end, shift }) =>
    own[Math.min(Math.max(at, 0), end - 1)] - shift;
  for (;;) {
    let next = null;
    for (const log of all) {
      if (log.at <= log.end && log.end > 0 && (next === null || timeOf(log) < timeOf(next)))
        next = log;
    }
    if (next === null)
      return { times, values: all.map(({ made }) => made) };
    times.push(timeOf(next));
    for (const log of all)
      log.made.forEach((made, i) => made.push(log === next ? log.columns[i][log.at] ?? null
        : undefined));
    next.at++;
  }
}
