import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";

const FOLDER = new URL("../../../app/viewer/", import.meta.url);

test("no module touches the page when it is imported", async () => {
  assert.equal(typeof document, "undefined");
  const paths = readdirSync(FOLDER, { recursive: true }).filter((path) => path.endsWith(".js"));
  assert.ok(paths.includes("main.js"));
  for (const path of paths) await import(new URL(path, FOLDER));
});
