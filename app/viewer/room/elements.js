// @ts-check
// Makes elements of the page. Texts are set as text, never as HTML.

import { icon } from "./icons.js";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {Record<string, string>} attributes  `text` is what it says
 * @param {(Element | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = "", { text = "", ...attributes } = {}, children = []) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * @param {string} text
 * @param {string} title
 * @param {() => void} press
 */
export function makeButton(text, title, press) {
  const button = make("button", "ctv-button", { text, title, type: "button" });
  button.addEventListener("click", press);
  return button;
}

/**
 * A button that shows a small picture.
 * @param {string} name   of the picture, see icons.js
 * @param {string} label
 * @param {string} title
 * @param {() => void} press
 */
export function makeIconButton(name, label, title, press) {
  const button = makeButton("", title, press);
  button.setAttribute("aria-label", label);
  button.append(icon(name));
  return button;
}

/**
 * @param {string} label
 * @param {Element[]} members
 */
export function makeGroup(label, members) {
  return make("div", "ctv-group", { role: "group", "aria-label": label }, members);
}

/**
 * @param {string} label
 * @param {string} title
 * @param {[string, string][]} choices  value and text of each
 * @param {(value: string) => void} choose
 */
export function makeSelect(label, title, choices, choose) {
  const select = make("select", "ctv-select", { "aria-label": label, title }, choices.map(makeOption));
  select.addEventListener("change", () => choose(select.value));
  return select;
}

/** @param {[string, string]} choice  value and text */
export function makeOption([value, text]) {
  return make("option", "", { value, text });
}

/**
 * A whole number, which counts once it is typed to its end.
 * @param {string} label
 * @param {string} title
 * @param {number[]} bounds
 * @param {(value: number) => void} change
 */
export function makeNumber(label, title, [min, max], change) {
  const limits = { min: String(min), max: String(max), step: "1" };
  const input = make("input", "ctv-number", { type: "number", "aria-label": label, title, ...limits });
  input.addEventListener("change", () => {
    if (input.value === "") return;
    const value = Math.round(Math.min(Math.max(Number(input.value), min), max));
    input.value = String(value);
    change(value);
  });
  return input;
}

/**
 * Brings a field up to date, unless somebody is typing in it.
 * @param {HTMLInputElement | HTMLSelectElement} field
 * @param {string} value
 */
export function setValue(field, value) {
  if (field.value !== value && !(field.type === "number" && document.activeElement === field)) field.value = value;
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} pressed
 */
export function setPressed(button, pressed) {
  const value = String(pressed);
  if (button.getAttribute("aria-pressed") !== value) button.setAttribute("aria-pressed", value);
}

/**
 * A dialog that a button, Escape or a press beside it closes.
 * @param {string} label
 * @param {(Element | string)[]} children
 */
export function makeDialog(label, children) {
  const dialog = make("dialog", "ctv-dialog", { "aria-label": label }, children);
  dialog.append(makeButton("Close", "Close (Esc)", () => dialog.close()));
  dialog.addEventListener("pointerdown", (event) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const { clientX: x, clientY: y } = event; // what is beside it counts as its own
    if (x < left || x > right || y < top || y > bottom) dialog.close();
  });
  return dialog;
}
