// Mouse, pen and finger on one plane.

const WHEEL_NOTCH = 40;

function listenToPointer(view, plane) {
  const { canvas } = plane;
  const at = (event) => [event.offsetX, event.offsetY];
  let drag = null;

  canvas.addEventListener("pointerdown", (event) => {
    view.activate(plane);
    if (!view.volume) return;
    canvas.setPointerCapture(event.pointerId);
    drag = { action: actionOf(event, view.tool), last: at(event) };
    if (drag.action === "crosshair") view.moveTo(plane.pointAt(view.volume, view.point, ...at(event)));
  });

  canvas.addEventListener("pointermove", (event) => {
    view.hover(plane, ...at(event));
    if (!drag || !view.volume) return;
    const [x, y] = at(event);
    apply(view, plane, drag, x, y);
    drag.last = [x, y];
  });

  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (drag = null));
  canvas.addEventListener("pointerleave", () => view.hover(null));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => view.maximise(plane));
  listenToWheel(view, plane);
}

function actionOf(event, tool) {
  if (event.button === 2) return "window";
  return event.button === 1 ? "pan" : tool;
}

function apply(view, plane, drag, x, y) {
  const [dx, dy] = [x - drag.last[0], y - drag.last[1]];
  if (drag.action === "crosshair") view.moveTo(plane.pointAt(view.volume, view.point, x, y));
  if (drag.action === "window") view.dragWindow(dx, dy);
  if (drag.action === "zoom") plane.zoomAt(view.volume, plane.width / 2, plane.height / 2, Math.exp(-dy / 150));
  if (drag.action === "pan") {
    plane.pan[0] += dx;
    plane.pan[1] += dy;
  }
  view.redraw();
}

// A mouse sends notches of about 100, a touch pad a stream of small ones: collect those.
function listenToWheel(view, plane) {
  let collected = 0;
  plane.canvas.addEventListener("wheel", (event) => {
    if (!view.volume) return;
    event.preventDefault();
    const amount = event.deltaMode ? event.deltaY * WHEEL_NOTCH : event.deltaY;
    if (event.ctrlKey) {
      plane.zoomAt(view.volume, event.offsetX, event.offsetY, Math.exp(-amount / 400));
      view.redraw();
      return;
    }
    collected = Math.sign(collected) === -Math.sign(amount) ? amount : collected + amount;
    if (Math.abs(collected) < WHEEL_NOTCH) return;
    const slices = Math.abs(amount) >= WHEEL_NOTCH ? Math.sign(collected) : Math.trunc(collected / WHEEL_NOTCH);
    collected = 0;
    view.scroll(plane, slices);
    view.hover(plane, event.offsetX, event.offsetY);
  }, { passive: false });
}
