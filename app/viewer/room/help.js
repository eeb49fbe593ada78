// @ts-check
// The table of keys.

import { make, makeButton } from "./elements.js";

/**
 * @param {import("../tools/tool.js").Shortcut[]} shortcuts
 * @returns {HTMLDialogElement}
 */
export function makeHelp(shortcuts) {
  const rows = shortcuts.map(({ keys, meaning }) =>
    make("tr", "", {}, [make("th", "", { text: keys, scope: "row" }), make("td", "", { text: meaning })]),
  );
  const help = make("dialog", "ctv-help", { "aria-label": "Keys and mouse" }, [make("table", "", {}, rows)]);
  help.append(makeButton("Close", "", () => help.close()));
  return help;
}
