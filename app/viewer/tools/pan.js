// @ts-check
// Moves a picture on its canvas.

/** @type {import("./tool.js").Tool} */
export const pan = {
  name: "pan",
  key: "p",
  icon: "pan",
  label: "Pan",
  title: "Drag moves the picture, as the middle button does with every tool",
  cursor: "grab",
  button: 1,
  shortcuts: [{ keys: "middle drag", meaning: "move the picture" }],

  drag({ view, plane, dx, dy }) {
    plane.pan[0] += dx;
    plane.pan[1] += dy;
    view.changed();
  },
};
