// A headless Chromium, spoken to over a pipe, and what every page of the project must hold. Needs no package.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const SCREENS = [
  ["desktop", { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false }],
  ["phone", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true }],
];

const complaints = [];
const listeners = [];
const waiting = new Map();
let child;
let profile;
let session;
let last = 0;

// Starts the browser; where there is none, the process ends with 3.
export function start() {
  const names = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].filter(Boolean);
  const browser = names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
  if (!browser) {
    console.log("no browser: install chromium, or name one in CHROMIUM");
    process.exit(3);
  }
  profile = mkdtempSync(join(tmpdir(), "quittance-browser-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe"];
  child = spawn(browser, [...flags, `--user-data-dir=${profile}`, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
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
}

// Takes the browser's one page. `asks` says which URLs it may ask for, `provoked` which errors on its console are meant.
export async function attach(asks, provoked = () => false) {
  const { targetId } = (await send("Target.getTargets")).targetInfos.find((target) => target.type === "page");
  session = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  for (const domain of ["Page", "Runtime", "Log", "Network", "DOM"]) await send(`${domain}.enable`);
  listeners.push(({ method, params }) => {
    if (method === "Runtime.exceptionThrown") complaints.push(`script: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
    if (method === "Log.entryAdded" && params.entry.level === "error" && !provoked(params.entry.text)) complaints.push(`console: ${params.entry.text}`);
    if (method === "Network.requestWillBeSent" && !/^(data|about):/.test(params.request.url) && !asks(params.request.url)) complaints.push(`asks for ${params.request.url}`);
  });
}

export function expect(holds, what) {
  if (!holds) complaints.push(what);
}
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export function send(method, params = {}) {
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
export async function evaluate(expression) {
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
export async function until(expression, what) {
  for (const begun = Date.now(); Date.now() - begun < 8000; await wait(100)) if (await evaluate(expression)) return;
  expect(false, what);
}
export async function open(url) {
  const loaded = new Promise((done) => {
    const listener = (message) => {
      if (message.method !== "Page.loadEventFired" || message.sessionId !== session) return;
      listeners.splice(listeners.indexOf(listener), 1);
      done();
    };
    listeners.push(listener);
  });
  await send("Page.navigate", { url });
  await loaded;
}
export async function key(name, code, text) {
  for (const type of ["keyDown", "keyUp"]) {
    await send("Input.dispatchKeyEvent", { type, key: name, code: name, windowsVirtualKeyCode: code, ...(text && type === "keyDown" ? { text } : {}) });
  }
}
export const screen = ([, metrics]) => send("Emulation.setDeviceMetricsOverride", metrics);
export const sideways = () => evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
// The first Tab must show the link that skips to the content.
export async function skips(page) {
  await key("Tab", 9);
  const [name, shown, outline] = await evaluate(`(() => { const at = document.activeElement.getBoundingClientRect(); return [document.activeElement.className, at.left >= 0 && at.top >= 0, getComputedStyle(document.activeElement).outlineStyle]; })()`);
  expect(name === "skip" && shown && outline !== "none", `${page}: the first Tab does not show the skip link: ${[name, shown, outline]}`);
}

// What must hold of every page; runs in the page.
const STATIC = `(() => {
  const told = [];
  const describe = (node) => node.tagName.toLowerCase() + (node.id ? "#" + node.id : "") + " " + (node.textContent || "").trim().slice(0, 40);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  if (new Set(ids).size !== ids.length) told.push("an id stands twice");
  for (const head of document.querySelectorAll("th")) if (!head.scope) told.push("no scope: " + describe(head));
  for (const field of document.querySelectorAll("input, select")) if (!field.labels.length && !field.getAttribute("aria-label")) told.push("no label: " + describe(field));
  for (const box of document.querySelectorAll(".box, #traffic pre")) if (box.tabIndex !== 0 || !box.getAttribute("aria-label")) told.push("a box that the keyboard cannot scroll");
  for (const button of document.querySelectorAll("button")) if (!button.textContent.trim()) told.push("a button without a name");
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
    if (!text.data.trim() || node.closest("script, style, .away, .skip, [hidden], [aria-hidden], noscript") || !node.getClientRects().length) continue;
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

// Looks at a page on each screen, light and dark; `show` opens it and waits until everything is there.
export async function look(page, show, pictures) {
  if (pictures) mkdirSync(pictures, { recursive: true });
  for (const [name, metrics] of SCREENS) {
    await screen([name, metrics]);
    const backs = [];
    for (const scheme of ["light", "dark"]) {
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      const place = `${page} (${name}, ${scheme})`;
      await show(place);
      for (const told of await evaluate(STATIC)) expect(false, `${place}: ${told}`);
      const [ratio, text] = await evaluate(CONTRAST);
      expect(ratio >= 4.5, `${place}: contrast of ${ratio.toFixed(2)} at "${text}"`);
      backs.push(await evaluate("getComputedStyle(document.body).backgroundColor"));
      if (pictures) {
        const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
        writeFileSync(join(pictures, `${page.replace(".html", "")}-${name}-${scheme}.png`), Buffer.from(data, "base64"));
      }
    }
    expect(backs[0] !== backs[1], `${page} (${name}): light and dark look alike`);
  }
}

// Runs a check to its end, tells what does not hold and closes the browser; gives the exit code. `check` returns what was looked at.
export async function conclude(check) {
  let looked;
  try {
    looked = await check();
  } catch (error) {
    expect(false, `the check broke off: ${error.message}`);
  }
  [...new Set(complaints)].forEach((complaint) => console.log(complaint));
  console.log(`${looked ?? "not everything"}, ${SCREENS.length} screens, light and dark: ${complaints.length === 0 ? "all holds" : "something does not hold"}`);
  await new Promise((done) => {
    child.once("exit", done);
    child.kill();
  });
  try {
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  } catch (error) {
    // Processes of the browser's own may still write for a moment after it ended: nothing that was looked at hangs on that.
    console.log(`${profile} stays behind: ${error.code}`);
  }
  return complaints.length === 0 ? 0 : 1;
}
