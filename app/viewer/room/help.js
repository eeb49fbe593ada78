// @ts-check
// The table of keys.

import { make, makeDialog } from "./elements.js";

/** @param {import("../tools/tool.js").Shortcut[]} shortcuts */
export function makeHelp(shortcuts) {
  const rows = shortcuts.map(({ keys, meaning }) =>
    make("tr", "", {}, [make("th", "", { text: keys, scope: "row" }), make("td", "", { text: meaning })]),
  );
  const half = Math.ceil(rows.length / 2);
  const tables = [rows.slice(0, half), rows.slice(half)].map((some) => make("table", "", {}, some));
  return makeDialog("Keys and mouse", [make("div", "ctv-keys", {}, tables)]);
}
