// The official SDKs that are tried: published by the vendor, pinned in `node/package-lock.json` and `python/requirements.txt`.
import { readFileSync } from 'node:fs';

/** What is asked of each. A provider without such an operation, or an SDK without such a helper, says so. */
export const STEPS = ['create', 'capture', 'refund', 'retrieve', 'webhook', 'forged'];

const OPTION = 'an option of the client';
const OPTION_TLS = 'an option of the client, with TLS';
/** The SDK knows its host by heart: the name leads to the sandbox, which speaks TLS with a certificate for it. */
const NAME = 'the host name, with TLS';

const node = (name, packaged, connector, reached) => ({ name: `node-${name}`, package: packaged, language: 'node', script: `${name}.mjs`, connector, reached });
const python = (name, packaged, connector, reached) => ({ name: `python-${name}`, package: packaged, language: 'python', script: `${name}_sdk.py`, connector, reached });

/** `package==version` of each line that pins one. */
function pins(text) {
  return Object.fromEntries(Array.from(text.matchAll(/^([\w-]+)==(\S+)$/gm), ([, name, version]) => [name, version]));
}

const text = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const PINNED = { node: JSON.parse(text('node/package.json')).dependencies, python: pins(text('python/requirements.in')) };
const REGISTRY = { node: 'npm', python: 'PyPI' };

export const SDKS = [
  node('adyen', '@adyen/api-library', 'adyen', NAME),
  node('authorizenet', 'authorizenet', 'authorize-net', OPTION),
  node('braintree', 'braintree', 'braintree', NAME),
  node('cybersource', 'cybersource-rest-client', 'cybersource', NAME),
  node('gocardless', 'gocardless-nodejs', 'gocardless', NAME),
  node('mollie', '@mollie/api-client', 'mollie', OPTION_TLS),
  node('paypal', '@paypal/paypal-server-sdk', 'paypal', NAME),
  node('razorpay', 'razorpay', 'razorpay', NAME),
  node('square', 'square', 'square', OPTION),
  node('stripe', 'stripe', 'stripe', OPTION),
  node('truelayer', 'truelayer-signing', 'truelayer', OPTION),
  python('adyen', 'adyen', 'adyen', NAME),
  python('braintree', 'braintree', 'braintree', OPTION),
  python('gocardless', 'gocardless-pro', 'gocardless', OPTION),
  python('razorpay', 'razorpay', 'razorpay', OPTION),
  python('square', 'squareup', 'square', OPTION),
  python('stripe', 'stripe', 'stripe', OPTION),
  python('truelayer', 'truelayer-signing', 'truelayer', OPTION),
].map((sdk) => ({ ...sdk, registry: REGISTRY[sdk.language], version: PINNED[sdk.language][sdk.package], tls: sdk.reached !== OPTION }));
