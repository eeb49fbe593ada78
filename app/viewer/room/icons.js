// @ts-check
// Small pictures for buttons, 16 units wide and high. What a button does is said by its label, never by these alone.

const SVG = "http://www.w3.org/2000/svg";

/** Lines, and beside them what is filled. @type {Record<string, { lines?: string, filled?: string }>} */
const ICONS = {
  crosshair: { lines: "M8 1v5M8 10v5M1 8h5M10 8h5" },
  window: { lines: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12", filled: "M8 2a6 6 0 0 1 0 12z" },
  pan: { lines: "M8 1v14M1 8h14M6 3l2-2l2 2M6 13l2 2l2-2M3 6l-2 2l2 2M13 6l2 2l-2 2" },
  zoom: { lines: "M7 2a5 5 0 1 0 0 10a5 5 0 1 0 0-10M10.7 10.7l4 4M5 7h4M7 5v4" },
  length: { lines: "M3 13L13 3M1 11l4 4M11 1l4 4" },
  angle: { lines: "M14 13H2L11 3M9 13a7 7 0 0 0-2.3-5.2" },
  ellipse: { lines: "M8 4c4 0 6.5 1.8 6.5 4s-2.5 4-6.5 4s-6.5-1.8-6.5-4s2.5-4 6.5-4" },
  inverted: { lines: "M2 2h12v12H2z", filled: "M2 14L14 2v12z" },
  picture: { lines: "M1.5 5h3L6 3h4l1.5 2h3v8.5h-13zM8 6.7a2.3 2.3 0 1 0 0 4.6a2.3 2.3 0 1 0 0-4.6" },
  fold: { lines: "M1.5 2.5h13v11h-13zM6 2.5v11M11.5 6l-2 2l2 2" },
  full: { lines: "M6 2H2v4M10 2h4v4M6 14H2v-4M10 14h4v-4" },
  whole: { lines: "M9 2h5v5M14 2L9 7M7 14H2V9M2 14l5-5" },
  remove: { lines: "M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4" },
  list: { lines: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01" },
  display: { lines: "M2 4.5h5M11 4.5h3M9 2.5v4M2 11.5h2M8 11.5h6M6 9.5v4" },
  follow: { lines: "M8 2v8M4.5 6.5L8 10l3.5-3.5M3 13.5h10" },
  reset: { lines: "M3 3v4h4M3.3 6.8a5.2 5.2 0 1 1-.3 3" },
  keys: { lines: "M5.5 6a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2.9-1.2 1.8M8 13h.01" },
  play: { filled: "M4 2.5v11l9-5.5z" },
};

/** @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "ctv-icon", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const { lines, filled } = ICONS[name];
  if (filled) svg.append(path(filled, "currentColor", "none"));
  if (lines) svg.append(path(lines, "none", "currentColor"));
  return svg;
}

/**
 * @param {string} shape
 * @param {string} fill
 * @param {string} stroke
 */
function path(shape, fill, stroke) {
  const made = document.createElementNS(SVG, "path");
  const look = { d: shape, fill, stroke, "stroke-width": "1.4", "stroke-linecap": "round", "stroke-linejoin": "round" };
  for (const [key, value] of Object.entries(look)) made.setAttribute(key, value);
  return made;
}
