"use strict";
const API = "/_quittance/api/";
const KEPT = 200;
const $ = (id) => document.getElementById(id);

// An element with text and children; text never becomes markup.
function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") node.className = value;
    else if (value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

let fades;
function tell(text, bad = false) {
  const told = $("told");
  told.textContent = text;
  told.classList.toggle("bad", bad);
  told.hidden = false;
  clearTimeout(fades);
  if (!bad) fades = setTimeout(() => { told.hidden = true; }, 6000);
}

async function ask(path, body) {
  const post = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(API + path, { cache: "no-store", ...post });
  const read = await answer.json();
  if (!answer.ok) throw new Error(read.error || `status ${answer.status}`);
  return read;
}

function act(doing, done) {
  doing.then((result) => { tell(done(result)); return poll(true); }).catch((error) => tell(error.message, true));
}

const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false }) + "." + String(ms % 1000).padStart(3, "0");
const times = (number, one, many) => `${number} ${number === 1 ? one : many}`;
const money = (minor, currency) => minor === undefined || minor === null ? "" : `${minor} minor units ${currency ?? ""}`;

function differences(seen) {
  const list = make("ul", { class: "misses" });
  for (const miss of seen.misses) {
    const inner = make("ul", { class: "misses" });
    miss.differences.forEach((difference) => inner.append(make("li", {}, difference)));
    list.append(make("li", {}, make("code", {}, `${miss.case}, line ${miss.line}`), inner));
  }
  return list;
}

function headerText(headers) {
  return headers.map(({ name, value }) => `${name}: ${value}`).join("\n");
}

async function detail(entry, into) {
  try {
    const whole = await ask(`traffic/${entry.number}`);
    const block = (title, headers, body, bytes) => [
      make("h3", {}, `${title} (${bytes} bytes of body)`),
      make("pre", { tabindex: "0", "aria-label": title }, headerText(headers) + (body ? "\n\n" + body : "")),
    ];
    into.replaceChildren(
      ...block("Request", whole.request_headers, whole.request_body, whole.request_body_bytes),
      ...block("Answer", whole.answer_headers, whole.answer_body, whole.answer_body_bytes),
    );
  } catch (error) {
    into.replaceChildren(make("p", { class: "fail" }, error.message));
  }
}

function trafficRow(entry) {
  const seen = entry.seen;
  const unanswered = !entry.fault && (!seen || !seen.matched);
  const good = entry.status && entry.status < 400;
  const what = [entry.provider, seen?.operation, seen?.case].filter(Boolean).join(" · ");
  const summary = make("summary", {},
    make("span", { class: "row" },
      make("span", { class: "time" }, clock(entry.at_unix_ms)),
      make("span", { class: `status ${good ? "pass" : "fail"}` }, String(entry.status ?? "no answer")),
      make("span", { class: "main mono" }, `${entry.method} ${entry.url}`),
      make("span", { class: "soft small" }, what),
      entry.fault ? make("span", { class: "tag warn" }, entry.fault) : undefined,
      seen?.replayed ? make("span", { class: "tag" }, "replayed") : undefined,
      unanswered ? make("span", { class: "tag fail" }, "no tape answers this") : undefined,
      make("span", { class: "time" }, `${(entry.duration_micros / 1000).toFixed(1)} ms`)));
  const whole = make("div", {}, make("p", { class: "soft" }, "reading"));
  const details = make("details", {}, summary);
  if (seen?.misses.length) {
    details.append(make("h3", {}, seen.matched ? "Differs from the tape in" : "Nearest exchanges, and what differs"), differences(seen));
  }
  details.append(whole);
  details.addEventListener("toggle", () => { if (details.open) detail(entry, whole); }, { once: true });
  const row = make("li", {}, details);
  row.dataset.text = `${entry.method} ${entry.url} ${what} ${entry.status ?? ""} ${entry.fault ?? ""} ${seen?.payment ?? ""}`.toLowerCase();
  row.dataset.unmatched = unanswered ? "yes" : "no";
  return row;
}

function filter() {
  const words = $("search").value.toLowerCase().trim();
  let shown = 0;
  for (const row of $("traffic").children) {
    row.hidden = !(row.dataset.text.includes(words) && (!$("unmatched").checked || row.dataset.unmatched === "yes"));
    shown += row.hidden ? 0 : 1;
  }
  const all = $("traffic").children.length;
  $("traffic-count").textContent = all === 0 ? "" : shown === all ? times(all, "request", "requests") : `${shown} of ${all} requests`;
  $("no-traffic").hidden = all > 0;
}

// Brings a list up to date and leaves rows alone that are as they were, so that focus and open menus stay.
function sync(list, items, key, row) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const name = key(item);
    const print = JSON.stringify(item);
    const known = old.get(name);
    if (known && (known.dataset.print === print || known.contains(document.activeElement))) return known;
    const made = row(item);
    made.dataset.key = name;
    made.dataset.print = print;
    return made;
  });
  const same = nodes.length === list.children.length && nodes.every((node, index) => node === list.children[index]);
  if (!same) list.replaceChildren(...nodes);
}

function paymentRow({ provider, payment }) {
  const menu = make("select", { "aria-label": `Event of ${payment.id}` }, make("option", { value: "" }, "choose a webhook"));
  const button = make("button", { type: "button" }, "Send webhook");
  menu.addEventListener("focus", async () => {
    try {
      const events = await ask(`events?${new URLSearchParams({ provider, payment: payment.id })}`);
      menu.replaceChildren(...(events.length ? events : [""]).map((event) => make("option", { value: event }, event || "none can be sent now")));
    } catch (error) { tell(error.message, true); }
  }, { once: true });
  button.addEventListener("click", async () => {
    if (!menu.value) {
      menu.focus();
      tell("Choose which webhook to send.");
      return;
    }
    const event = menu.value;
    act(ask("webhooks", { provider, payment: payment.id, event }), (sent) => sent.state === "not_sent"
      ? `${event} was made, but there is no receiver: start with --webhooks URL.` : `${event} is on its way.`);
  });
  const totals = [
    money(payment.amount_minor, payment.currency),
    payment.captured_minor ? `captured ${payment.captured_minor}` : "",
    payment.refunded_minor ? `refunded ${payment.refunded_minor}` : "",
    payment.method ?? "",
    times(payment.requests, "request", "requests"),
  ].filter(Boolean).join(" · ");
  return make("li", {}, make("div", { class: "row" },
    make("span", { class: "main" }, make("code", {}, payment.id), make("br"), make("span", { class: "soft small" }, `${provider} · ${payment.kind} · ${totals}`)),
    make("span", { class: "tag" }, payment.state),
    make("span", { class: "end" }, menu, button)));
}

async function sent(hook, into) {
  try {
    const whole = await ask(`webhooks/${hook.number}`);
    const title = `Sent${whole.masked ? ", secrets masked" : ""} (${hook.body_bytes} bytes of body)`;
    into.replaceChildren(make("h3", {}, title),
      make("pre", { tabindex: "0", "aria-label": title }, headerText(whole.headers) + (whole.body ? "\n\n" + whole.body : "")));
  } catch (error) {
    into.replaceChildren(make("p", { class: "fail" }, error.message));
  }
}

const DONE = { delivered: "pass", failed: "fail", dropped: "fail", retrying: "warn" };
function webhookRow(hook) {
  const last = hook.error ?? (hook.status ? `status ${hook.status}` : "");
  const next = hook.next_try_unix_ms ? `again at ${clock(hook.next_try_unix_ms)}` : "";
  const told = [hook.provider, hook.payment, hook.tries ? times(hook.tries, "try", "tries") : "", last, next].filter(Boolean).join(" · ");
  const whole = make("div", {});
  const details = make("details", {}, make("summary", {}, make("span", { class: "row" },
    make("span", { class: "time" }, clock(hook.at_unix_ms)),
    make("span", { class: "main" }, make("code", {}, hook.event), make("br"), make("span", { class: "soft small" }, told)),
    make("span", { class: `tag ${DONE[hook.state] ?? ""}` }, hook.state.replace("_", " ")))), whole);
  details.addEventListener("toggle", () => { if (details.open) sent(hook, whole); }, { once: true });
  return make("li", {}, details);
}

function table(provider, outcomes) {
  const head = make("tr", {}, ...["Name", "Send", "Outcome"].map((title) => make("th", { scope: "col" }, title)));
  const rows = outcomes.map((one) => make("tr", {},
    make("td", {}, one.name), make("td", {}, make("code", {}, one.value), make("br"), make("span", { class: "soft small" }, one.kind)), make("td", {}, one.outcome)));
  return make("div", { class: "box", tabindex: "0", role: "region", "aria-label": `Test cards of ${provider}` },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

async function providers() {
  const all = await ask("providers");
  $("providers").replaceChildren(...all.flatMap((one) => [
    make("dt", {}, one.name), make("dd", {}, make("code", {}, one.base_url), " ", make("span", { class: "soft small" }, `or Host: ${one.hosts.join(", ")}`)),
  ]));
  const parts = all.map((one) => {
    const inner = make("div", {});
    const read = async () => {
      const [found] = await ask(`outcomes?${new URLSearchParams({ provider: one.id })}`);
      inner.replaceChildren(found?.outcomes.length ? table(one.name, found.outcomes) : make("p", { class: "soft" }, "Nothing chooses the outcome."));
    };
    if (all.length === 1) {
      read();
      return inner;
    }
    const part = make("details", {}, make("summary", {}, make("span", { class: "main" }, one.name)), inner);
    part.addEventListener("toggle", () => read().catch((error) => tell(error.message, true)), { once: true });
    return part;
  });
  $("outcomes").replaceChildren(...parts);
}

let newest = 0;
let paused = false;
let chaosShown;
async function poll(now = false) {
  if ((paused || document.hidden) && !now) return;
  const [health, traffic, payments, webhooks, faults, chaos] = await Promise.all(
    ["health", `traffic?after=${newest}&newest=${KEPT}`, "payments?newest=50", "webhooks?newest=50", "faults", "chaos"].map((path) => ask(path)));
  // A newer server counts from the beginning again.
  if (traffic.newest < newest) { newest = 0; $("traffic").replaceChildren(); return; }
  newest = traffic.newest;
  $("health").textContent = `${health.requests} requests · ${health.connections} connections · up ${Math.floor(health.uptime_ms / 1000)} s · seed ${health.seed}`;
  for (const entry of traffic.entries) $("traffic").prepend(trafficRow(entry));
  while ($("traffic").children.length > KEPT) $("traffic").lastElementChild.remove();
  filter();
  const flat = payments.flatMap(({ provider, payments: list }) => list.map((payment) => ({ provider, payment })));
  sync($("payments"), flat, (one) => `${one.provider}/${one.payment.id}`, paymentRow);
  $("no-payments").hidden = flat.length > 0;
  $("receiver").textContent = health.webhooks ? `Sent to ${health.webhooks}` : "No receiver: start with --webhooks URL.";
  sync($("webhooks"), webhooks.reverse(), (one) => String(one.number), webhookRow);
  $("planned").textContent = faults.length ? `planned: ${faults.map((one) => one.fault).join(", ")}` : "";
  if (chaosShown !== (chaos.chaos ?? "")) {
    chaosShown = chaos.chaos ?? "";
    $("chaos").elements.chaos.value = chaosShown;
  }
}

$("search").addEventListener("input", filter);
$("unmatched").addEventListener("change", filter);
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
});
$("reset").addEventListener("click", () => {
  if (!confirm("Forget all payments, traffic and webhooks?")) return;
  $("traffic").replaceChildren();
  act(ask("reset", {}), () => "Everything is forgotten.");
});
$("fault").addEventListener("submit", (event) => {
  event.preventDefault();
  const fault = new FormData(event.target).get("fault");
  act(ask("faults", { fault }), () => `The next request meets ${fault}.`);
});
$("chaos").addEventListener("submit", (event) => {
  event.preventDefault();
  act(ask("chaos", { chaos: new FormData(event.target).get("chaos") }), (set) => set.chaos ? `Chaos is ${set.chaos}.` : "Chaos is off.");
});
$("calm").addEventListener("click", () => act(ask("chaos", { chaos: null }), () => "Chaos is off."));

let lost = false;
async function go() {
  try {
    await poll();
    if (lost) { lost = false; $("told").hidden = true; await providers(); }
  } catch (error) {
    lost = true;
    tell(`The server does not answer: ${error.message}`, true);
  }
  setTimeout(go, 1000);
}
providers().catch((error) => tell(error.message, true)).then(go);
