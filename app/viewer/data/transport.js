// @ts-check
// How the page asks the server (app/handlers.py, by way of app/web.py), and how voxels arrive.

/** @typedef {import("./volume.js").Grid} Grid */
/** @typedef {import("./volume.js").Chunk} Chunk */

/**
 * What the server says of a run (app/present.py, `manifest`), or only `problem` where it refuses to say anything.
 * @typedef {object} Manifest
 * @property {string} [problem]      why there is no answer, in words for people
 * @property {string | null} run
 * @property {number} version        grows with every change
 * @property {string} title          what it is, in words; empty for an ordinary run
 * @property {boolean} is_scan       whether it was opened rather than made
 * @property {boolean} is_synthetic  false of a real scan alone: a volume that CTFlow has made may be opened, too
 * @property {Series[]} series       of a scan, while one of them has to be chosen
 * @property {number | null} seed    null where there is none
 * @property {string} digest         of report and settings, as in the name of a download
 * @property {"waiting" | "running" | "finished" | "stopped" | "failed" | "gone"} state
 * @property {boolean} stopping
 * @property {Grid | null} grid      null before the model has begun
 * @property {Chunk[]} chunks        those that can be fetched
 * @property {Chunk | null} draft    what the first slices may become, while they are made
 * @property {number} share          from 0 to 1
 * @property {string} status
 * @property {string} detail
 * @property {string} server         changes when the server is restarted
 * @property {boolean} [needs_driver] whether a request of the page has to drive the run (ZeroGPU)
 */

/** @typedef {{ description: string, modality: string, slices: number, spacing: string }} Series  of DICOM, in words */

const ANSWER_MS = 20000;
const VOXELS_MS = 120000; // a chunk over a slow line; a half-open connection never ends by itself
const PAUSES_MS = [300, 700, 1500, 3000];
const REFUSALS = [401, 413]; // no login, too long

export class Transport {
  /**
   * @param {string} root       the page's own address: it may have a prefix, as on a Space
   * @param {string} apiPrefix  where Gradio serves files
   */
  constructor(root, apiPrefix) {
    this.root = root.replace(/\/$/, "");
    this.apiPrefix = apiPrefix;
  }

  /**
   * The answer, or null where there is none. Asking again does not help against a refusal: its words are the answer.
   * @param {string} name
   * @param {object} asked
   * @param {number} patienceMs  how long to wait for it
   * @returns {Promise<any>}
   */
  async ask(name, asked, patienceMs = ANSWER_MS) {
    const headers = { "Content-Type": "application/json" };
    const signal = AbortSignal.timeout(patienceMs);
    try {
      const body = JSON.stringify(asked);
      const response = await fetch(`${this.root}/ask/${name}`, { method: "POST", headers, body, signal });
      if (REFUSALS.includes(response.status)) return { problem: await response.text() };
      return response.ok ? await response.json() : null;
    } catch (error) {
      return null; // the connection is lost, or too slow
    }
  }

  /**
   * Asks until there is an answer, for as long as it is wanted; null once it is not.
   * @param {string} name
   * @param {object} asked
   * @param {() => boolean} wanted
   * @param {() => void} lost  called at each failure
   * @returns {Promise<any>}
   */
  async askPatiently(name, asked, wanted, lost) {
    for (let attempt = 0; wanted(); attempt++) {
      const answer = await this.ask(name, asked);
      if (answer) return answer;
      if (wanted()) lost();
      await this.pause(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]);
    }
    return null;
  }

  /**
   * Says something while the page is being left, when no answer can be heard any more.
   * @param {string} name
   * @param {object} told
   */
  tell(name, told) {
    navigator.sendBeacon(`${this.root}/ask/${name}`, JSON.stringify(told));
  }

  /**
   * Sends some bytes of a scan; the answer says how many are there, and is null where there is none.
   * @param {string} run
   * @param {number} offset  where they begin
   * @param {Blob} bytes
   * @returns {Promise<{ received: number, problem?: string } | null>}
   */
  async sendPiece(run, offset, bytes) {
    const headers = { "Content-Type": "application/octet-stream" };
    const signal = AbortSignal.timeout(VOXELS_MS);
    try {
      const response = await fetch(`${this.root}/sent/${run}/${offset}`, { method: "POST", headers, body: bytes, signal });
      if (REFUSALS.includes(response.status)) return { received: offset, problem: await response.text() };
      return response.ok ? await response.json() : null;
    } catch (error) {
      return null;
    }
  }

  /**
   * Waits, but no longer than until the laptop wakes or the network is back.
   * @param {number} ms
   * @returns {Promise<void>}
   */
  pause(ms) {
    return new Promise((wake) => {
      const done = () => {
        clearTimeout(timer);
        window.removeEventListener("online", done);
        document.removeEventListener("visibilitychange", seen);
        wake();
      };
      const seen = () => document.visibilityState === "visible" && done();
      const timer = setTimeout(done, ms);
      window.addEventListener("online", done);
      document.addEventListener("visibilitychange", seen);
    });
  }

  /**
   * Chunks are files under Gradio's upload folder, so that a login covers them.
   * @param {string} path
   */
  fileUrl(path) {
    return `${this.root}${this.apiPrefix}/file=${path.split("/").map(encodeURIComponent).join("/")}`;
  }

  /**
   * The HU of a chunk. Throws where they do not arrive.
   * @param {string} path  on the server's disk
   */
  fetchChunk(path) {
    return this.inflate(this.fileUrl(path));
  }

  /**
   * HU that are the same for everybody. Throws where they do not arrive.
   * @param {string} path  below the page's own address
   */
  fetchVoxels(path) {
    return this.inflate(`${this.root}/${path}`);
  }

  /** @param {string} url */
  async inflate(url) {
    const signal = AbortSignal.timeout(VOXELS_MS);
    const response = await fetch(url, { credentials: "same-origin", signal });
    if (!response.ok || !response.body) throw new Error(`voxels: HTTP ${response.status}`);
    const inflated = response.body.pipeThrough(new DecompressionStream("deflate"));
    return unshuffle(new Uint8Array(await new Response(inflated).arrayBuffer()));
  }
}

/**
 * The inverse of what app/chunks.py does before it deflates: all low bytes come before all high bytes.
 * @param {Uint8Array} bytes
 */
export function unshuffle(bytes) {
  const count = bytes.length / 2;
  const hu = new Int16Array(count);
  for (let i = 0; i < count; i++) hu[i] = bytes[i] | (bytes[count + i] << 8);
  return hu;
}
