// @ts-check
// Where the page meets Gradio (app/component.py). Gradio mounts its components in any order, and its events may come
// before all of them: whatever comes early waits for the page.

import { Transport } from "./data/transport.js";
import { Page } from "./page.js";

/** @typedef {"generate" | "stop" | "buttons"} PageEvent */
/** @typedef {"restore" | "change" | "newSeed" | "choose" | "chooseReport" | "edited" | "filled"} FormEvent */

/** @type {(page: Page) => void} */
let arrive;
/** @type {Promise<Page>} */
const arrived = new Promise((resolve) => (arrive = resolve));

/** @type {any[] | undefined} what the fields held at the last change before the draft came back */
let written;
let isRestored = false;
/** @type {() => void} */
let restore;
/** @type {Promise<void>} */
const restored = new Promise((resolve) => (restore = resolve));

/**
 * Fills a component's element with its part of the page. The viewer's component brings what the page needs to know.
 * @param {HTMLElement} element
 * @param {Record<string, any>} props
 * @param {(event: string) => void} trigger
 * @param {(name: string, act: () => void) => void} watch
 */
export async function mount(element, props, trigger, watch) {
  const isViewer = props.part === "viewer";
  if (isViewer) arrive(makePage(props, trigger));
  const page = await arrived;
  element.replaceChildren(page.parts[props.part]);
  if (isViewer) page.begin();
  if (props.part === "reading") page.report.editing.askForFields = () => trigger("edited");
  if (props.part === "sex") page.sex.bind(/** @type {any} */ (props), watch);
}

/**
 * What an event of Gradio asks for: a method of the page or of its form, by its name.
 * @param {PageEvent | FormEvent} name
 * @param {any[]} values  of the event's inputs
 * @param {any} given     what the server gave to this event
 */
export async function call(name, values, given) {
  if (name === "change" && !isRestored) {
    written = values; // must not take the draft's place before it was read
    return;
  }
  const page = await arrived;
  if (name === "restore") {
    await new Promise((resolve) => setTimeout(resolve)); // changes that have waited for this script, too, are heard first
    isRestored = true;
    const fields = page.form.restore(values, written);
    restore();
    return fields;
  }
  if (name === "generate" && !isRestored) {
    await restored;
    return page.generate(page.form.withDraft(values));
  }
  if (name === "generate" || name === "stop" || name === "buttons") return page[name](values);
  return page.form[name](values, given);
}

/**
 * @param {Record<string, any>} props
 * @param {(event: string) => void} trigger
 */
function makePage(props, trigger) {
  document.body.classList.add("dark"); // the page has no light colours
  const { root = "", api_prefix: apiPrefix = "/gradio_api" } = /** @type {any} */ (window).gradio_config ?? {};
  const host = {
    updateButtons: () => trigger("busy"),
    generate: () => trigger("wanted"),
    fill: () => trigger("filled"),
    drive(/** @type {string} */ run) {
      props.value = { run };
      trigger("drive");
    },
  };
  return new Page(/** @type {any} */ (props), host, new Transport(root, apiPrefix));
}
