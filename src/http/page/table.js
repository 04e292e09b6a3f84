// SPDX-License-Identifier: MIT
// table.js - the rows of a table.

// Rows of cells, each a text or an element; the first one heads its row.
export function fillTable(body, rows) {
  body.replaceChildren(...rows.map(row => {
    const line = document.createElement('tr');
    line.append(...row.map((what, index) => {
      const cell = document.createElement(index === 0 ? 'th' : 'td');
      if (index === 0)
        cell.scope = 'row';
      cell.append(what);
      return cell;
    }));
    return line;
  }));
}
