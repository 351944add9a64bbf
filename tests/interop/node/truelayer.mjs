// npm truelayer-signing: signs requests and verifies webhooks; the calls are the platform's own `fetch`, as in TrueLayer's examples.
import { sign, SignatureError, verify } from 'truelayer-signing';
import { credentials, delivery, equal, match, none, spoilt, step, throws, url } from './trial.mjs';

const token = async () => {
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: credentials.client_id, client_secret: credentials.client_secret, scope: 'payments' });
  const response = await fetch(`${url}/connect/token`, { method: 'POST', body: form });
  equal(response.status, 200);
  return (await response.json()).access_token;
};

let bearer;

/** A signed POST. A signature that the sandbox does not accept is answered with an error. */
async function post(path, idempotencyKey, content, status) {
  const body = JSON.stringify(content);
  const signature = sign({
    kid: credentials.signing_key_id,
    privateKeyPem: credentials.signing_key,
    method: 'POST',
    path,
    headers: { 'Idempotency-Key': idempotencyKey },
    body,
  });
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey, 'tl-signature': signature };
  const response = await fetch(url + path, { method: 'POST', headers, body });
  const answer = await response.json();
  equal(response.status, status, JSON.stringify(answer));
  return answer;
}

async function get(path) {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${bearer}` } });
  const found = await response.json();
  equal(response.status, 200, JSON.stringify(found));
  return found;
}

const payment = await step('create', async () => {
  bearer = await token();
  const created = await post('/v3/payments', 'b1f5a3b6-0a53-4c2e-9d70-7c1f60b6a001', {
    amount_in_minor: 7351,
    currency: 'GBP',
    payment_method: {
      type: 'bank_transfer',
      provider_selection: { type: 'user_selected' },
      beneficiary: { type: 'merchant_account', merchant_account_id: credentials.merchant_account_gbp },
    },
    user: { name: 'Ada Example', email: 'ada@example.com' },
    metadata: { reference: 'interop-node-truelayer' },
  }, 201);
  match(created.id, /^[0-9a-f-]{36}$/);
  equal(created.status, 'authorization_required');
  return created;
});

none('capture', 'a bank transfer is not captured');

const jwks = await (await fetch(`${url}/.well-known/jwks`)).text();

/** What TrueLayer's library says of a delivery: it throws where the signature is not good for it. */
function check({ path, headers, body }, signature = headers['tl-signature']) {
  verify({ jwks, signature, method: 'POST', path, body, headers, requiredHeaders: ['X-Tl-Webhook-Timestamp'] });
}

const sent = await step('webhook', async () => {
  const taken = await delivery(({ body }) => JSON.parse(body).payment_id === payment.id && JSON.parse(body).type === 'payment_settled');
  check(taken);
  equal(JSON.parse(taken.body).metadata.reference, 'interop-node-truelayer');
  return taken;
});

await step('forged', () => {
  const [head, , mark] = sent.headers['tl-signature'].split('.');
  throws(() => check(sent, `${head}..${spoilt(mark)}`), SignatureError);
  throws(() => check({ ...sent, body: sent.body.replace('payment_settled', 'payment_failed') }), SignatureError);
});

const refund = await step('refund', async () => {
  const made = await post(`/v3/payments/${payment.id}/refunds`, 'b1f5a3b6-0a53-4c2e-9d70-7c1f60b6a002', { amount_in_minor: 1203, reference: 'interop-refund' }, 202);
  match(made.id, /^[0-9a-f-]{36}$/);
  return made;
});

await step('retrieve', async () => {
  const found = await get(`/v3/payments/${payment.id}`);
  equal(found.id, payment.id);
  equal(found.amount_in_minor, 7351);
  equal(found.status, 'settled');
  equal(found.metadata.reference, 'interop-node-truelayer');
  const returned = await get(`/v3/payments/${payment.id}/refunds/${refund.id}`);
  equal(returned.id, refund.id);
  equal(returned.amount_in_minor, 1203);
});
