// Where the viewer meets Gradio: buttons and fields speak through events of the document (app/ui.py).

const root = make("section", "ctv", element.querySelector(".ctv-mount"), { "aria-label": "CT viewer" });
const session = new Session(new View(root, props.windows));
const fields = new Fields(props.draft_key);

// The planes take what is left of the window's height under the header, however long the notice is.
function fitHeight() {
  root.style.setProperty("--ctv-top", `${Math.round(root.getBoundingClientRect().top + window.scrollY)}px`);
}
new ResizeObserver(fitHeight).observe(document.body);

document.addEventListener("ctflow-generate", ({ detail }) => session.generate(detail));
document.addEventListener("ctflow-stop", () => session.stop());
document.addEventListener("ctflow-fields", ({ detail }) => {
  session.explain(""); // what was wrong may be right now
  fields.changed(detail);
});
if (window.ctflowFields) fields.changed(window.ctflowFields); // they may have been first
else fields.read({ findings: "", impression: "" }); // what the model knows is worth seeing before one writes

window.addEventListener("pagehide", () => session.saveView());
document.addEventListener("visibilitychange", () => session.saveView());
session.resume();
