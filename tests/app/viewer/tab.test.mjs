import assert from "node:assert/strict";
import test from "node:test";

import { tabTitle } from "../../../app/viewer/room/tab.js";

test("the tab's title says how far the run is", () => {
  for (const [state, share, title] of [
    ["idle", 0, "CTFlow"],
    ["waiting", 0, "Waiting · CTFlow"],
    ["running", 0.4269, "42 % · CTFlow"],
    ["running", 1, "100 % · CTFlow"],
    ["finished", 1, "Done · CTFlow"],
    ["stopped", 0.5, "Stopped · CTFlow"],
    ["failed", 0.5, "Failed · CTFlow"],
    ["gone", 0, "CTFlow"],
  ]) {
    assert.equal(tabTitle({ state, share }), title);
  }
});
