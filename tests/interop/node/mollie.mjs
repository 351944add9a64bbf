// npm @mollie/api-client: `apiEndpoint` is an option of the client, which speaks https only. The package has no helper for the
// signature of a webhook: a classic Mollie webhook carries an id and no signature, and the payment is asked for with that id.
import { createMollieClient } from '@mollie/api-client';
import { credentials, delivery, equal, match, none, step, url, webhooks } from './trial.mjs';

const mollie = createMollieClient({ apiKey: credentials.api_key, apiEndpoint: `${url}/v2/` });

const payment = await step('create', async () => {
  const created = await mollie.payments.create({
    amount: { currency: 'EUR', value: '73.51' },
    description: 'Two books',
    redirectUrl: 'https://merchant.example/return',
    webhookUrl: webhooks,
    method: 'creditcard',
    captureMode: 'manual',
    metadata: { reference: 'interop-node-mollie' },
  });
  match(created.id, /^tr_/);
  equal(created.status, 'open');
  equal(created.amount.value, '73.51');
  equal(created.metadata.reference, 'interop-node-mollie');
  match(created.getCheckoutUrl(), /^https:/);
  return created;
});

await step('webhook', async () => {
  const taken = await delivery(({ body }) => new URLSearchParams(body).get('id') === payment.id);
  const found = await mollie.payments.get(new URLSearchParams(taken.body).get('id'));
  equal(found.status, 'authorized');
  equal(found.amount.value, '73.51');
});

none('forged', 'nothing is signed: what a delivery names is asked for');

await step('capture', async () => {
  const capture = await mollie.paymentCaptures.create({ paymentId: payment.id, amount: { currency: 'EUR', value: '73.51' } });
  match(capture.id, /^cpt_/);
  equal(capture.paymentId, payment.id);
  equal(capture.amount.value, '73.51');
});

await step('refund', async () => {
  const refund = await mollie.paymentRefunds.create({ paymentId: payment.id, amount: { currency: 'EUR', value: '12.03' } });
  match(refund.id, /^re_/);
  equal(refund.paymentId, payment.id);
  equal(refund.amount.value, '12.03');
  match(refund.status, /^(pending|refunded)$/);
});

await step('retrieve', async () => {
  const found = await mollie.payments.get(payment.id);
  equal(found.id, payment.id);
  equal(found.status, 'paid');
  equal(found.amountCaptured.value, '73.51');
  equal(found.amountRefunded.value, '12.03');
  equal(found.amountRemaining.value, '61.48');
});
