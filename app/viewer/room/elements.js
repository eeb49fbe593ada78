// @ts-check
// Makes elements of the page. Texts are set as text, never as HTML.

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
 * @param {string} label
 * @param {HTMLButtonElement[]} buttons
 */
export function makeGroup(label, buttons) {
  return make("div", "ctv-group", { role: "group", "aria-label": label }, buttons);
}
