// @ts-check
// Plotly, which draws the charts. Its script is larger than all of the page, so it comes when it is wanted.

/** @type {Promise<any> | null} */
let loading = null;

/**
 * Throws where it does not arrive; it may be asked for again.
 * @param {string} address
 * @returns {Promise<any>} Plotly
 */
export function loadPlotly(address) {
  loading ??= fetchScript(address).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** @param {string} src */
function fetchScript(src) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => reject(new Error("Plotly did not arrive"));
    script.src = src;
    document.head.append(script);
  });
}
