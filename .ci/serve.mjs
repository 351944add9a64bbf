// Looks at the control page of `quittance serve` in headless Chromium: node .ci/serve.mjs BINARY [FOLDER FOR PICTURES]
// Exit codes: 0 all holds, 1 something does not, 3 there is no browser here. Needs no package: it speaks to the browser over a pipe.
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [binary, pictures] = process.argv.slice(2);
if (!binary) {
  console.error("usage: node .ci/serve.mjs BINARY [FOLDER FOR PICTURES]");
  process.exit(2);
}
const names = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].filter(Boolean);
const browser = names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
if (!browser) {
  console.log("no browser: install chromium, or name one in CHROMIUM");
  process.exit(3);
}

const complaints = [];
function expect(holds, what) {
  if (!holds) complaints.push(what);
}
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// A receiver of webhooks.
const received = [];
const receiver = createServer((request, answer) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => { received.push({ headers: request.headers, body }); answer.end(); });
});
await new Promise((done) => receiver.listen(0, "127.0.0.1", done));

const served = spawn(binary, ["serve", "stripe", "--port", "0", "--json", "--webhooks", `http://127.0.0.1:${receiver.address().port}/hooks`], {
  stdio: ["ignore", "pipe", "inherit"],
});
const started = JSON.parse(await new Promise((done, failed) => {
  let text = "";
  served.once("exit", (code) => failed(new Error(`the server ended with ${code}`)));
  served.stdout.on("data", (chunk) => { text += chunk; if (text.includes("\n")) done(text); });
}));

const profile = mkdtempSync(join(tmpdir(), "quittance-serve-"));
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe"];
const child = spawn(browser, [...flags, `--user-data-dir=${profile}`, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
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
async function evaluate(expression) {
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
async function until(expression, what) {
  for (const begun = Date.now(); Date.now() - begun < 8000; await wait(100)) if (await evaluate(expression)) return true;
  expect(false, what);
  return false;
}
async function open() {
  const loaded = new Promise((done) => {
    const listener = (message) => {
      if (message.method !== "Page.loadEventFired" || message.sessionId !== session) return;
      listeners.splice(listeners.indexOf(listener), 1);
      done();
    };
    listeners.push(listener);
  });
  await send("Page.navigate", { url: started.control_url });
  await loaded;
}
async function key(name, code, text) {
  for (const type of ["keyDown", "keyUp"]) {
    await send("Input.dispatchKeyEvent", { type, key: name, code: name, windowsVirtualKeyCode: code, ...(text && type === "keyDown" ? { text } : {}) });
  }
}

const STATIC = `(() => {
  const told = [];
  const describe = (node) => node.tagName.toLowerCase() + (node.id ? "#" + node.id : "") + " " + (node.textContent || "").trim().slice(0, 40);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  if (new Set(ids).size !== ids.length) told.push("an id stands twice");
  for (const head of document.querySelectorAll("th")) if (!head.scope) told.push("no scope: " + describe(head));
  for (const field of document.querySelectorAll("input, select")) if (!field.labels.length && !field.getAttribute("aria-label")) told.push("no label: " + describe(field));
  for (const box of document.querySelectorAll(".box, pre")) if (box.tabIndex !== 0 || !box.getAttribute("aria-label")) told.push("a box that the keyboard cannot scroll");
  for (const button of document.querySelectorAll("button")) if (!button.textContent.trim()) told.push("a button without a name");
  if (document.querySelectorAll("h1").length !== 1) told.push("expected one h1");
  if (!document.documentElement.lang) told.push("no language");
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
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest("script, style, .skip, [hidden], noscript") || !node.getClientRects().length) continue;
    const [one, other] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < lowest[0]) lowest = [ratio, text.data.trim().slice(0, 40)];
  }
  return lowest;
})()`;

const SCREENS = [
  ["desktop", { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false }],
  ["phone", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true }],
];

async function look() {
  for (const [screen, metrics] of SCREENS) {
    await send("Emulation.setDeviceMetricsOverride", metrics);
    const backs = [];
    for (const scheme of ["light", "dark"]) {
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      await open();
      const place = `${screen}, ${scheme}`;
      await until(`document.querySelectorAll("#traffic > li").length >= 3 && document.querySelectorAll("#outcomes td").length > 0`, `${place}: traffic or test cards are not shown`);
      await evaluate(`document.querySelector("#traffic > li details").open = true`);
      await until(`document.querySelectorAll("#traffic pre").length === 2`, `${place}: the request is not shown whole`);
      for (const told of await evaluate(STATIC)) expect(false, `${place}: ${told}`);
      const [ratio, text] = await evaluate(CONTRAST);
      expect(ratio >= 4.5, `${place}: contrast of ${ratio.toFixed(2)} at "${text}"`);
      backs.push(await evaluate("getComputedStyle(document.body).backgroundColor"));
      if (pictures) {
        const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
        writeFileSync(join(pictures, `serve-${screen}-${scheme}.png`), Buffer.from(data, "base64"));
      }
    }
    expect(backs[0] !== backs[1], `${screen}: light and dark look alike`);
  }
}

const BODY = "amount=1050&currency=usd&confirm=true&payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242"
  + "&payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2030&payment_method_data[card][cvc]=737";
const AUTHORIZED = { authorization: "Bearer sk_test_quittance", "content-type": "application/x-www-form-urlencoded" };
const pay = (more = "") => fetch(`${started.url}/v1/payment_intents`, { method: "POST", headers: AUTHORIZED, body: BODY + more });

async function use() {
  await send("Emulation.setDeviceMetricsOverride", SCREENS[0][1]);
  await open();
  await until(`document.querySelectorAll("#payments > li").length > 0`, "no payment is shown");
  const text = await evaluate("document.body.textContent");
  expect(!text.includes("sk_test_quittance") && !text.includes("737\\n") && !text.includes("whsec_"), "a secret is shown");
  expect(!(await evaluate("window.broken")), "a text of a request ran as a script");

  await key("Tab", 9);
  const skip = await evaluate(`(() => { const at = document.activeElement.getBoundingClientRect(); return [document.activeElement.className, at.left >= 0, getComputedStyle(document.activeElement).outlineStyle]; })()`);
  expect(skip[0] === "skip" && skip[1] && skip[2] !== "none", `the first Tab does not show the skip link: ${skip}`);

  // The differences of what no tape answers.
  await evaluate(`document.getElementById("unmatched").click()`);
  await until(`[...document.querySelectorAll("#traffic > li:not([hidden])")].every((row) => row.dataset.unmatched === "yes") && document.querySelectorAll("#traffic > li:not([hidden])").length > 0`, "the filter of unanswered requests");
  expect(await evaluate(`document.querySelectorAll("#traffic > li:not([hidden]) .misses li").length > 0`), "no near misses are shown");
  await evaluate(`document.getElementById("unmatched").click()`);
  await evaluate(`(() => { const field = document.getElementById("search"); field.value = "no such request"; field.dispatchEvent(new Event("input")); })()`);
  expect((await evaluate(`document.querySelectorAll("#traffic > li:not([hidden])").length`)) === 0, "a search for nothing shows something");
  await evaluate(`(() => { const field = document.getElementById("search"); field.value = ""; field.dispatchEvent(new Event("input")); })()`);

  // A webhook, by keyboard alone.
  await evaluate(`document.querySelector("#payments select").focus()`);
  await until(`document.querySelector("#payments select").value !== ""`, "no event can be chosen");
  const before = received.length;
  await key("Tab", 9);
  expect(await evaluate(`document.activeElement.textContent === "Send webhook"`), "Tab does not come to the button");
  await key("Enter", 13, "\r");
  for (const begun = Date.now(); received.length === before && Date.now() - begun < 8000; ) await wait(50);
  expect(received.length > before && received.at(-1).headers["stripe-signature"], "the button sends no signed webhook");
  await until(`[...document.querySelectorAll("#webhooks .tag")].some((tag) => tag.textContent === "delivered")`, "the delivery is not shown");

  // New traffic comes by itself and leaves what is open as it is.
  await evaluate(`document.querySelector("#traffic > li details").open = true`);
  const rows = await evaluate(`document.querySelectorAll("#traffic > li").length`);
  await pay();
  await until(`document.querySelectorAll("#traffic > li").length === ${rows + 1}`, "a new request is not shown");
  expect(await evaluate(`document.querySelectorAll("#traffic > li")[1].querySelector("details").open`), "what was open is closed by new traffic");

  // Faults and chaos.
  await evaluate(`document.querySelector("#fault button").click()`);
  await until(`document.getElementById("planned").textContent.includes("503")`, "the planned fault is not shown");
  expect((await pay()).status === 503, "the planned fault does not come");
  await evaluate(`(() => { const form = document.getElementById("chaos"); form.elements.chaos.value = "429=100%"; form.querySelector("button").click(); })()`);
  await until(`document.getElementById("told").textContent.includes("429=100%")`, "chaos is not set");
  expect((await pay()).status === 429, "chaos does not come");
  await evaluate(`(() => { const form = document.getElementById("chaos"); form.elements.chaos.value = "nonsense"; form.querySelector("button").click(); })()`);
  await until(`document.getElementById("told").classList.contains("bad")`, "bad chaos is not told");
  await evaluate(`document.getElementById("calm").click()`);
  await until(`document.getElementById("told").textContent.includes("off")`, "chaos is not off");
  expect((await pay()).status === 200, "chaos goes on");

  await evaluate(`window.confirm = () => true; document.getElementById("reset").click()`);
  await until(`document.querySelectorAll("#traffic > li").length === 0 && document.querySelectorAll("#payments > li").length === 0`, "reset leaves something");
  await send("Emulation.setDeviceMetricsOverride", SCREENS[1][1]);
  expect((await evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")) <= 0, "scrolls sideways on a phone");
}

async function main() {
  if (pictures) mkdirSync(pictures, { recursive: true });
  const { targetId } = (await send("Target.getTargets")).targetInfos.find((target) => target.type === "page");
  session = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  listeners.push(({ method, params }) => {
    if (method === "Runtime.exceptionThrown") complaints.push(`script: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
    // What the page itself provokes with bad input is told to the user.
    if (method === "Log.entryAdded" && params.entry.level === "error" && !/status of 4\d\d/.test(params.entry.text)) complaints.push(`console: ${params.entry.text}`);
    if (method === "Network.requestWillBeSent" && !params.request.url.startsWith(started.url) && !/^(data|about):/.test(params.request.url)) complaints.push(`asks for ${params.request.url}`);
  });
  expect((await pay()).status === 200, "a payment is not answered");
  await fetch(`${started.url}/v1/nothing/like/${encodeURIComponent("<img src=x onerror=window.broken=1>")}?q=<script>window.broken=1</script>`, { headers: AUTHORIZED });
  await pay(`&description=${encodeURIComponent("<script>window.broken=1</script>")}`);
  await fetch(`${started.url}/v1/payment_intents/unknown`, { headers: AUTHORIZED });
  await look();
  await use();
}

let code = 1;
try {
  await main();
  [...new Set(complaints)].forEach((complaint) => console.log(complaint));
  console.log(`control page, ${SCREENS.length} screens, light and dark: ${complaints.length === 0 ? "all holds" : "something does not hold"}`);
  code = complaints.length === 0 ? 0 : 1;
} catch (error) {
  [...new Set(complaints)].forEach((complaint) => console.log(complaint));
  console.log(`the check broke off: ${error.message}`);
}
receiver.close();
receiver.closeAllConnections();
served.removeAllListeners("exit");
served.once("exit", (ended) => {
  if (ended !== 0) {
    console.log(`the server ended with ${ended}`);
    code = 1;
  }
  child.once("exit", () => {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    process.exit(code);
  });
  child.kill();
});
served.kill("SIGINT");
