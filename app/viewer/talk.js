// How the page asks: the server's handlers (app/handlers.py, by way of app/web.py), called until they answer, and what
// a tab remembers.

const ANSWER_MS = 20000;
const PAUSES_MS = [300, 700, 1500, 3000];
const REFUSALS = [401, 413]; // no login, too long

// Waits, but not longer than until the laptop wakes or the network is there again.
function pause(ms) {
  return new Promise((wake) => {
    const timer = setTimeout(done, ms);
    const seen = () => document.visibilityState === "visible" && done();
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      document.removeEventListener("visibilitychange", seen);
      wake();
    }
    window.addEventListener("online", done);
    document.addEventListener("visibilitychange", seen);
  });
}

// Under a URL prefix too, and on a Space.
function serverUrl(path) {
  const { root = "" } = window.gradio_config || {};
  return root.replace(/\/$/, "") + path;
}

// The answer, or null where there is none. Asking again does not help against a refusal: its words are the answer.
async function ask(name, asked) {
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(ANSWER_MS);
  try {
    const response = await fetch(serverUrl(`/ask/${name}`), { method: "POST", headers, body: JSON.stringify(asked), signal });
    if (REFUSALS.includes(response.status)) return { problem: await response.text() };
    return response.ok ? await response.json() : null;
  } catch (error) {
    return null;
  }
}

// Asks again while `wanted`, and calls `lost` at each failure.
async function askPatiently(name, asked, wanted, lost) {
  for (let attempt = 0; wanted(); attempt++) {
    const answer = await ask(name, asked);
    if (answer) return answer;
    if (wanted()) lost();
    await pause(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]);
  }
  return null;
}

// 128 bits, in the letters of app/runs.py `ID`. Not crypto.randomUUID: that is missing without https.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// A browser may forbid a page in a frame to store anything: then it works, and forgets.
function recall(store, key) {
  try {
    return JSON.parse(window[store].getItem(key));
  } catch (error) {
    return null;
  }
}

function remember(store, key, value) {
  try {
    if (value === null) window[store].removeItem(key);
    else window[store].setItem(key, JSON.stringify(value));
  } catch (error) {
    // see above
  }
}

// Who this is, for taking turns: one for all tabs of a browser.
function visitor() {
  const known = recall("localStorage", "ctflow-visitor") || newId();
  remember("localStorage", "ctflow-visitor", known);
  return known;
}
