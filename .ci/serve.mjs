// Looks at the control page of `quittance serve` in headless Chromium: node .ci/serve.mjs BINARY [FOLDER FOR PICTURES]
// Exit codes: 0 all holds, 1 something does not, 3 there is no browser here.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import * as browser from "./browser.mjs";
import { SCREENS, evaluate, expect, key, sideways, until, wait } from "./browser.mjs";

const [binary, pictures] = process.argv.slice(2);
if (!binary) {
  console.error("usage: node .ci/serve.mjs BINARY [FOLDER FOR PICTURES]");
  process.exit(2);
}
browser.start();

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

const BODY = "amount=1050&currency=usd&confirm=true&payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242"
  + "&payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2030&payment_method_data[card][cvc]=737";
const AUTHORIZED = { authorization: "Bearer sk_test_quittance", "content-type": "application/x-www-form-urlencoded" };
const pay = (more = "") => fetch(`${started.url}/v1/payment_intents`, { method: "POST", headers: AUTHORIZED, body: BODY + more });

async function show(place) {
  await browser.open(started.control_url);
  await until(`document.querySelectorAll("#traffic > li").length >= 3 && document.querySelectorAll("#outcomes td").length > 0`, `${place}: traffic or test cards are not shown`);
  await evaluate(`document.querySelector("#traffic > li details").open = true`);
  await until(`document.querySelectorAll("#traffic pre").length === 2`, `${place}: the request is not shown whole`);
}

async function use() {
  await browser.screen(SCREENS[0]);
  await browser.open(started.control_url);
  await until(`document.querySelectorAll("#payments > li").length > 0`, "no payment is shown");
  const text = await evaluate("document.body.textContent");
  expect(!text.includes("sk_test_quittance") && !text.includes("737\\n") && !text.includes("whsec_"), "a secret is shown");
  expect(!(await evaluate("window.broken")), "a text of a request ran as a script");

  await browser.skips("control page");

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
  await browser.screen(SCREENS[1]);
  expect((await sideways()) <= 0, "scrolls sideways on a phone");
}

let code = await browser.conclude(async () => {
  // What the page itself provokes with bad input is told to the user.
  await browser.attach((url) => url.startsWith(started.url), (error) => /status of 4\d\d/.test(error));
  expect((await pay()).status === 200, "a payment is not answered");
  await fetch(`${started.url}/v1/nothing/like/${encodeURIComponent("<img src=x onerror=window.broken=1>")}?q=<script>window.broken=1</script>`, { headers: AUTHORIZED });
  await pay(`&description=${encodeURIComponent("<script>window.broken=1</script>")}`);
  await fetch(`${started.url}/v1/payment_intents/unknown`, { headers: AUTHORIZED });
  await browser.look("serve", show, pictures);
  await use();
  return "control page";
});
receiver.close();
receiver.closeAllConnections();
served.removeAllListeners("exit");
served.once("exit", (ended) => {
  if (ended !== 0) {
    console.log(`the server ended with ${ended}`);
    code = 1;
  }
  process.exit(code);
});
served.kill("SIGINT");
