// Looks at a site of `quittance report --html` in headless Chromium: node .ci/pages.mjs SITE [FOLDER FOR PICTURES]
// Exit codes: 0 all holds, 1 something does not, 3 there is no browser here. Needs no package: it speaks to the browser over a pipe.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [site, pictures] = process.argv.slice(2);
if (!site) {
  console.error("usage: node .ci/pages.mjs SITE [FOLDER FOR PICTURES]");
  process.exit(2);
}
const names = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].filter(Boolean);
const browser = names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
if (!browser) {
  console.log("no browser: install chromium, or name one in CHROMIUM");
  process.exit(3);
}

const profile = mkdtempSync(join(tmpdir(), "quittance-pages-"));
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe"];
const child = spawn(browser, [...flags, `--user-data-dir=${profile}`, "about:blank"], {
  stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
});
const waiting = new Map();
const listeners = [];
let last = 0;
let rest = Buffer.alloc(0);
child.stdio[4].on("data", (chunk) => {
  rest = Buffer.concat([rest, chunk]);
  for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
    const message = JSON.parse(rest.subarray(0, end).toString());
    rest = rest.subarray(end + 1);
    if (waiting.has(message.id)) {
      waiting.get(message.id)(message);
      waiting.delete(message.id);
    } else listeners.forEach((listener) => listener(message));
  }
});

let session;
function send(method, params = {}) {
  const id = ++last;
  child.stdio[3].write(JSON.stringify({ id, method, params, sessionId: session }) + "\0");
  return new Promise((done, failed) => {
    const late = setTimeout(() => failed(new Error(`${method}: no answer in 30 s`)), 30_000);
    waiting.set(id, (message) => {
      clearTimeout(late);
      if (message.error) failed(new Error(`${method}: ${message.error.message}`));
      else done(message.result);
    });
  });
}
function event(method) {
  return new Promise((done) => {
    const listener = (message) => {
      if (message.method !== method || message.sessionId !== session) return;
      listeners.splice(listeners.indexOf(listener), 1);
      done(message.params);
    };
    listeners.push(listener);
  });
}

const complaints = [];
function expect(holds, what) {
  if (!holds) complaints.push(what);
}
async function evaluate(expression) {
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
async function open(name, hash = "") {
  // A change of the part after # alone would load nothing.
  let loaded = event("Page.loadEventFired");
  await send("Page.navigate", { url: "about:blank" });
  await loaded;
  loaded = event("Page.loadEventFired");
  await send("Page.navigate", { url: pathToFileURL(resolve(site, name)).href + hash });
  await loaded;
}
async function key(name, code) {
  for (const type of ["keyDown", "keyUp"]) {
    await send("Input.dispatchKeyEvent", { type, key: name, code: name, windowsVirtualKeyCode: code });
  }
}

// What must hold of every page; runs in the page.
const STATIC = `(() => {
  const told = [];
  const describe = (node) => node.tagName.toLowerCase() + (node.id ? "#" + node.id : "") + " " + (node.textContent || "").trim().slice(0, 40);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  if (new Set(ids).size !== ids.length) told.push("an id stands twice");
  for (const head of document.querySelectorAll("th")) if (!head.scope) told.push("no scope: " + describe(head));
  for (const field of document.querySelectorAll("input, select")) if (!field.labels.length) told.push("no label: " + field.name);
  for (const box of document.querySelectorAll(".box")) if (box.tabIndex !== 0 || !box.getAttribute("aria-label")) told.push("a box that the keyboard cannot scroll");
  if (document.querySelectorAll("h1").length !== 1) told.push("expected one h1");
  if (!document.documentElement.lang) told.push("no language");
  const links = [...document.querySelectorAll("link[href], script[src], img[src], iframe")].filter((node) => !(node.href || "").startsWith("data:"));
  if (links.length) told.push("refers to something outside: " + describe(links[0]));
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 0) told.push("scrolls sideways by " + over + " px");
  return told;
})()`;

// The lowest contrast of a text to what lies behind it (WCAG 2.2, 1.4.3); runs in the page.
const CONTRAST = `(() => {
  const parse = (color) => { const found = color.match(/[\\d.]+/g).map(Number); return found.length > 3 ? found : [...found, 1]; };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (node) => { for (; node; node = node.parentElement) { const color = parse(getComputedStyle(node).backgroundColor); if (color[3] > 0) return color; } return [255, 255, 255, 1]; };
  let lowest = [99, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest("script, style, .away, .skip, [hidden], [aria-hidden]") || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const back = behind(node);
    const print = style.color + back;
    if (seen.has(print)) continue;
    seen.add(print);
    const [one, other] = [light(parse(style.color)), light(back)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < lowest[0]) lowest = [ratio, text.data.trim().slice(0, 40)];
  }
  return lowest;
})()`;

const SHOWN = `[...document.querySelectorAll("[data-row]")].filter((row) => !row.hidden).length`;
const ROWS = `document.querySelectorAll("[data-row]").length`;
function set(name, value) {
  return `(() => { const field = document.querySelector("form.filter").elements[${JSON.stringify(name)}]; field.value = ${JSON.stringify(value)};
    field.dispatchEvent(new Event("input", { bubbles: true })); })()`;
}

const SCREENS = [
  ["desktop", { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false }],
  ["phone", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true }],
];

async function look(page) {
  for (const [screen, metrics] of SCREENS) {
    await send("Emulation.setDeviceMetricsOverride", metrics);
    const backs = [];
    for (const scheme of ["light", "dark"]) {
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      await open(page);
      const place = `${page} (${screen}, ${scheme})`;
      for (const told of await evaluate(STATIC)) expect(false, `${place}: ${told}`);
      const [ratio, text] = await evaluate(CONTRAST);
      expect(ratio >= 4.5, `${place}: contrast of ${ratio.toFixed(2)} at "${text}"`);
      backs.push(await evaluate("getComputedStyle(document.body).backgroundColor"));
      if (pictures) {
        const { data } = await send("Page.captureScreenshot", { format: "png" });
        writeFileSync(join(pictures, `${page.replace(".html", "")}-${screen}-${scheme}.png`), Buffer.from(data, "base64"));
      }
    }
    expect(backs[0] !== backs[1], `${page} (${screen}): light and dark look alike`);
  }
}

async function use(pages) {
  await send("Emulation.setDeviceMetricsOverride", SCREENS[0][1]);
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
  await key("Tab", 9);
  const skip = await evaluate(`(() => { const at = document.activeElement.getBoundingClientRect(); return [document.activeElement.className, at.left >= 0 && at.top >= 0, getComputedStyle(document.activeElement).outlineStyle]; })()`);
  expect(skip[0] === "skip" && skip[1] && skip[2] !== "none", `index.html: the first Tab does not show the skip link: ${skip}`);
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
  expect((await evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")) <= 0, `${page}: scrolls sideways when all is open`);
  await send("Emulation.setDeviceMetricsOverride", SCREENS[1][1]);
  expect((await evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")) <= 0, `${page}: scrolls sideways on a phone when all is open`);

  await send("Emulation.setScriptExecutionDisabled", { value: true });
  await open("index.html");
  const { root } = await send("DOM.getDocument", { depth: 0 });
  const { nodeIds } = await send("DOM.querySelectorAll", { nodeId: root.nodeId, selector: "[data-row]:not([hidden])" });
  expect(nodeIds.length === rows, "index.html: without a script not everything is there");
  await send("Emulation.setScriptExecutionDisabled", { value: false });
}

async function main() {
  if (pictures) mkdirSync(pictures, { recursive: true });
  const { targetId } = (await send("Target.getTargets")).targetInfos.find((target) => target.type === "page");
  const attached = await send("Target.attachToTarget", { targetId, flatten: true });
  session = attached.sessionId;
  for (const domain of ["Page", "Runtime", "Log", "Network", "DOM"]) await send(`${domain}.enable`);
  listeners.push(({ method, params }) => {
    if (method === "Runtime.exceptionThrown") complaints.push(`script: ${params.exceptionDetails.text}`);
    if (method === "Log.entryAdded" && params.entry.level === "error") complaints.push(`console: ${params.entry.text}`);
    if (method === "Network.requestWillBeSent" && !/^(file|data|about):/.test(params.request.url)) complaints.push(`asks for ${params.request.url}`);
  });
  const pages = readdirSync(site).filter((name) => name.endsWith(".html")).sort();
  expect(pages.includes("index.html"), `${site}: no index.html`);
  for (const page of pages) await look(page);
  await use(pages);
  return pages.length;
}

let code = 1;
try {
  const count = await main();
  [...new Set(complaints)].forEach((complaint) => console.log(complaint));
  console.log(`${count} pages, ${SCREENS.length} screens, light and dark: ${complaints.length === 0 ? "all holds" : "something does not hold"}`);
  code = complaints.length === 0 ? 0 : 1;
} catch (error) {
  console.log(`the check broke off: ${error.message}`);
}
child.once("exit", () => {
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
});
child.kill();
