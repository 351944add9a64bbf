// What every script shares: the sandbox it speaks to, its steps, and the deliveries that came in.
import { strict as assert } from 'node:assert';

/** What `quittance serve` said when it started, and where its deliveries are collected. */
const SANDBOX = JSON.parse(process.env.QUITTANCE_SANDBOX);
const DELIVERY_SECONDS = 20;

export const { url, credentials, webhooks } = SANDBOX;

function report(step, verdict, detail) {
  process.stdout.write(`${JSON.stringify({ step, verdict, detail })}\n`);
}

/** Does a step and says how it went. The first that fails ends the script. */
export async function step(name, act) {
  try {
    const result = await act();
    report(name, 'pass');
    return result;
  } catch (error) {
    report(name, 'fail', describe(error));
    process.exit(1);
  }
}

/** Says that there is no such step: the provider has no such operation, or the SDK no such helper. */
export function none(name, why) {
  report(name, 'none', why);
}

/** SDKs put what the server said into members of their own. */
function describe(error) {
  const said = error?.response?.data ?? error?.error ?? error?.errors ?? error?.result ?? error?.body ?? error?.responseBody;
  const text = error instanceof Error ? error.message : JSON.stringify(error);
  return said === undefined ? text : `${text} ${JSON.stringify(said)}`;
}

/** Waits for a delivery; `wanted` may throw or be false for those of other events. */
export async function delivery(wanted) {
  const deadline = Date.now() + DELIVERY_SECONDS * 1000;
  for (;;) {
    const deliveries = await (await fetch(SANDBOX.deliveries)).json();
    const found = deliveries.find((one) => {
      try { return wanted(one); } catch { return false; }
    });
    if (found) return found;
    if (Date.now() > deadline) {
      throw new Error(`no such delivery in ${DELIVERY_SECONDS} s; ${deliveries.length} others: ${deliveries.map((one) => one.body.slice(0, 200)).join(' | ')}`);
    }
    await new Promise((later) => setTimeout(later, 100));
  }
}

/** A text with its first letter or digit changed: a signature that is wrong, in the right form. */
export function spoilt(text) {
  return (text[0] === 'a' ? 'b' : 'a') + text.slice(1);
}

export const { equal, deepEqual, match, ok, throws, rejects } = assert;
