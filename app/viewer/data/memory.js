// @ts-check
// What a tab or a browser remembers, and the ids that the page makes up.

/** Values as JSON in one of the browser's stores. */
export class Memory {
  /** @param {() => Storage} store  asked for at each use, because even looking at it may be forbidden */
  constructor(store) {
    this.store = store;
  }

  /**
   * The value, or null where there is none.
   * @param {string} key
   * @returns {any}
   */
  recall(key) {
    try {
      return JSON.parse(this.store().getItem(key) ?? "null");
    } catch (error) {
      return null;
    }
  }

  /**
   * A browser may forbid a page in a frame to store anything: then the page works, and forgets.
   * @param {string} key
   * @param {any} value  null forgets it
   */
  remember(key, value) {
    try {
      if (value === null) this.store().removeItem(key);
      else this.store().setItem(key, JSON.stringify(value));
    } catch (error) {
      // see above
    }
  }
}

/** 128 bits, in the letters of app/runs.py `RUN_ID`. Not crypto.randomUUID, which is missing without https. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Who this is, for taking turns: the same for all tabs of a browser.
 * @param {Memory} memory
 */
export function visitor(memory) {
  const known = memory.recall("ctflow-visitor") || newId();
  memory.remember("ctflow-visitor", known);
  return known;
}
