// npm square: `baseUrl` is an option of the client.
import { SquareClient, WebhooksHelper } from 'square';
import { credentials, delivery, equal, ok, spoilt, step, url, webhooks } from './trial.mjs';

const square = new SquareClient({ token: credentials.access_token, baseUrl: url, maxRetries: 0 });

const payment = await step('create', async () => {
  const { payment } = await square.payments.create({
    sourceId: 'cnon:card-nonce-ok',
    idempotencyKey: 'interop-node-square-1',
    amountMoney: { amount: 7351n, currency: 'USD' },
    autocomplete: false,
    locationId: credentials.location_id,
    referenceId: 'interop-node-square',
  });
  ok(payment.id);
  equal(payment.status, 'APPROVED');
  equal(payment.amountMoney.amount, 7351n);
  equal(payment.referenceId, 'interop-node-square');
  return payment;
});

await step('capture', async () => {
  const { payment: completed } = await square.payments.complete({ paymentId: payment.id });
  equal(completed.id, payment.id);
  equal(completed.status, 'COMPLETED');
  equal(completed.totalMoney.amount, 7351n);
});

await step('refund', async () => {
  const { refund } = await square.refunds.refundPayment({
    idempotencyKey: 'interop-node-square-2',
    paymentId: payment.id,
    amountMoney: { amount: 1203n, currency: 'USD' },
  });
  ok(refund.id.startsWith(payment.id));
  equal(refund.paymentId, payment.id);
  equal(refund.amountMoney.amount, 1203n);
  ok(['PENDING', 'COMPLETED'].includes(refund.status));
});

await step('retrieve', async () => {
  const { payment: found } = await square.payments.get({ paymentId: payment.id });
  equal(found.id, payment.id);
  equal(found.status, 'COMPLETED');
  equal(found.totalMoney.amount, 7351n);
  equal(found.refundedMoney.amount, 1203n);
});

/** What Square's own helper says of a delivery. */
const verified = (requestBody, signatureHeader) => WebhooksHelper.verifySignature({
  requestBody,
  signatureHeader,
  signatureKey: credentials.webhook_signature_key,
  notificationUrl: webhooks,
});

const sent = await step('webhook', async () => {
  const taken = await delivery(({ body }) => JSON.parse(body).data.object.refund?.payment_id === payment.id);
  equal(await verified(taken.body, taken.headers['x-square-hmacsha256-signature']), true);
  const { refund } = JSON.parse(taken.body).data.object;
  equal(refund.amount_money.amount, 1203);
  equal(refund.status, 'COMPLETED');
  return taken;
});

await step('forged', async () => {
  const signature = sent.headers['x-square-hmacsha256-signature'];
  equal(await verified(sent.body, spoilt(signature)), false);
  equal(await verified(sent.body.replace('1203', '1204'), signature), false);
});
