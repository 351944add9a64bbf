// Looks at a site of `quittance report --html` in headless Chromium: node .ci/pages.mjs SITE [FOLDER FOR PICTURES]
// Exit codes: 0 all holds, 1 something does not, 3 there is no browser here.
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as browser from "./browser.mjs";
import { SCREENS, evaluate, expect, key, send, sideways } from "./browser.mjs";

const [site, pictures] = process.argv.slice(2);
if (!site) {
  console.error("usage: node .ci/pages.mjs SITE [FOLDER FOR PICTURES]");
  process.exit(2);
}
browser.start();

async function open(name, hash = "") {
  // A change of the part after # alone would load nothing.
  await browser.open("about:blank");
  await browser.open(pathToFileURL(resolve(site, name)).href + hash);
}

const SHOWN = `[...document.querySelectorAll("[data-row]")].filter((row) => !row.hidden).length`;
const ROWS = `document.querySelectorAll("[data-row]").length`;
function set(name, value) {
  return `(() => { const field = document.querySelector("form.filter").elements[${JSON.stringify(name)}]; field.value = ${JSON.stringify(value)};
    field.dispatchEvent(new Event("input", { bubbles: true })); })()`;
}

async function use(pages) {
  await browser.screen(SCREENS[0]);
  await open("index.html");
  const rows = await evaluate(ROWS);
  expect(rows > 0 && (await evaluate(SHOWN)) === rows, "index.html: not all rows are shown at first");
  expect(!(await evaluate(`document.querySelector("form.filter").hidden`)), "index.html: the filters stay hidden: the script did not run");
  const first = await evaluate(`document.querySelector("[data-row] a").textContent`);
  await evaluate(set("text", first));
  const found = await evaluate(SHOWN);
  expect(found >= 1 && (found < rows || rows === 1), `index.html: the search for ${first} shows ${found} of ${rows}`);
  await evaluate(set("text", "no such connector anywhere"));
  expect((await evaluate(SHOWN)) === 0, "index.html: a search for nothing shows something");
  await evaluate(`document.querySelector("form.filter").reset()`);
  await evaluate("new Promise((done) => setTimeout(done, 20))");
  expect((await evaluate(SHOWN)) === rows, "index.html: Clear does not bring the rows back");
  const failing = await evaluate(`[...document.querySelectorAll("[data-row]")].filter((row) => row.dataset.show.split("|").includes("failing")).length`);
  await evaluate(set("show", "failing"));
  expect((await evaluate(SHOWN)) === failing, "index.html: the filter of failing ones");

  await open("index.html");
  await browser.skips("index.html");
  await key("Tab", 9);
  expect((await evaluate("getComputedStyle(document.activeElement).outlineStyle")) !== "none", "index.html: focus is not seen");

  const page = pages.find((name) => name.startsWith("connector-"));
  await open(page);
  const id = await evaluate(`document.querySelector("details.case:not([open])")?.id ?? ""`);
  if (id) {
    await open(page, `#${id}`);
    expect(await evaluate(`document.getElementById(${JSON.stringify(id)}).open`), `${page}#${id}: the case is not opened`);
  }
  await evaluate(`document.querySelector("[data-open=yes]").click()`);
  expect(await evaluate(`[...document.querySelectorAll("details.case")].every((one) => one.open)`), `${page}: Open all does not`);
  expect((await sideways()) <= 0, `${page}: scrolls sideways when all is open`);
  await browser.screen(SCREENS[1]);
  expect((await sideways()) <= 0, `${page}: scrolls sideways on a phone when all is open`);

  await send("Emulation.setScriptExecutionDisabled", { value: true });
  await open("index.html");
  const { root } = await send("DOM.getDocument", { depth: 0 });
  const { nodeIds } = await send("DOM.querySelectorAll", { nodeId: root.nodeId, selector: "[data-row]:not([hidden])" });
  expect(nodeIds.length === rows, "index.html: without a script not everything is there");
  await send("Emulation.setScriptExecutionDisabled", { value: false });
}

const code = await browser.conclude(async () => {
  await browser.attach((url) => url.startsWith("file:"));
  const pages = readdirSync(site).filter((name) => name.endsWith(".html")).sort();
  expect(pages.includes("index.html"), `${site}: no index.html`);
  for (const page of pages) await browser.look(page, () => open(page), pictures);
  await use(pages);
  return `${pages.length} pages`;
});
process.exit(code);
