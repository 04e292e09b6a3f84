// SPDX-License-Identifier: MIT
// gestures.js - what moves a curve under a pointer: a drag with shift or one finger, two fingers,
// the wheel: with ctrl, or by itself where the page does not scroll. A plain drag of the mouse is
// uPlot's: it selects what to zoom to.

const notch = 1.25; // a wheel's step

export function bindGestures(over, view, { wheel = false } = {}) {
  const pointers = new Map(); // what is down: where, and at which moment it was put down
  let first = null;           // the range then

  const place = event => {
    const box = over.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };
  const momentAt = part => first[0] + part * (first[1] - first[0]);

  // Another number of fingers: each is where it is.
  const begin = () => {
    first = view.range();
    for (const pointer of pointers.values())
      pointer.moment = momentAt(pointer.part);
  };

  over.addEventListener('pointerdown', event => {
    const isMouse = event.pointerType === 'mouse';
    if (isMouse && !(event.shiftKey && event.button === 0))
      return;
    pointers.set(event.pointerId, { part: place(event) });
    // A finger may turn out to scroll the page: the browser tells by pointercancel.
    if (isMouse)
      over.setPointerCapture(event.pointerId);
    begin();
  });

  over.addEventListener('pointermove', event => {
    const pointer = pointers.get(event.pointerId);
    if (pointer === undefined)
      return;
    pointer.part = place(event);
    const [a, b] = [...pointers.values()];
    let span = first[1] - first[0];
    if (b !== undefined && Math.abs(b.part - a.part) > 0.02)
      span = Math.abs((b.moment - a.moment) / (b.part - a.part));
    const start = a.moment - a.part * span;
    if (b !== undefined || Math.abs(start - first[0]) > span / 200)
      view.show(start, start + span);
  });

  const end = event => {
    if (pointers.delete(event.pointerId) && pointers.size > 0)
      begin();
  };
  over.addEventListener('pointerup', end);
  over.addEventListener('pointercancel', end);

  over.addEventListener('wheel', event => {
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.ctrlKey || event.metaKey || (wheel && !isSideways && !event.shiftKey)) {
      const [from, to] = view.range();
      view.zoom(event.deltaY < 0 ? notch : 1 / notch, from + place(event) * (to - from));
    } else if (isSideways || wheel) {
      view.pan((isSideways ? event.deltaX : event.deltaY) / over.clientWidth);
    } else {
      return; // the page scrolls
    }
    event.preventDefault();
  }, { passive: false });
}
