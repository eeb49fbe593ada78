// @ts-check
// Where the planes lie in the window.

const IN_SIGHT = 0.7; // of the window's height: planes that begin lower are out of sight

/**
 * On a narrow page the planes lie below the report: whoever pressed Generate wants to see them.
 * @param {Element} viewer
 */
export function comeIntoSight(viewer) {
  const { top } = viewer.getBoundingClientRect();
  if (top > IN_SIGHT * window.innerHeight) goToPlanes(viewer);
}

/**
 * To the first plane, with what stands above it if there is room for both.
 * @param {Element} viewer
 */
export function goToPlanes(viewer) {
  viewer.scrollIntoView({ block: "start" });
  viewer.querySelector(".ctv-plane")?.scrollIntoView({ block: "nearest" });
}

/**
 * Panel and planes take what is left of the window's height under the header, however long the notice is.
 * @param {Element} viewer
 */
export function fitHeight(viewer) {
  const page = /** @type {Element} */ (viewer.closest(".ct-page"));
  const top = page.getBoundingClientRect().top + window.scrollY;
  document.documentElement.style.setProperty("--ct-top", `${Math.ceil(top)}px`);
}
