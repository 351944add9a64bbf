// npm razorpay: the host is fixed (`api.razorpay.com`), so this runs behind `reach.mjs` and TLS.
import Razorpay from 'razorpay';
import { credentials, delivery, equal, match, spoilt, step } from './trial.mjs';

const razorpay = new Razorpay({ key_id: credentials.key_id, key_secret: credentials.key_secret });

const payment = await step('create', async () => {
  const order = await razorpay.orders.create({
    amount: 7351,
    currency: 'INR',
    receipt: 'interop-node-razorpay',
    payment: { capture: 'manual', capture_options: { manual_expiry_period: 7200, refund_speed: 'normal' } },
    notes: { reference: 'interop-node-razorpay' },
  });
  match(order.id, /^order_/);
  equal(order.amount, 7351);
  equal(order.status, 'created');
  const begun = await razorpay.payments.createPaymentJson({
    amount: 7351,
    currency: 'INR',
    order_id: order.id,
    email: 'ada@example.com',
    contact: '+919000090000',
    callback_url: 'https://merchant.example/return',
    notes: { reference: 'interop-node-razorpay' },
    method: 'card',
    card: { number: '4100280000001007', name: 'Ada Example', expiry_month: '12', expiry_year: '30', cvv: '123' },
    authentication: { authentication_channel: 'browser' },
  });
  match(begun.razorpay_payment_id, /^pay_/);
  const authorized = await razorpay.payments.fetch(begun.razorpay_payment_id);
  equal(authorized.status, 'authorized');
  equal(authorized.amount, 7351);
  equal(authorized.order_id, order.id);
  return authorized;
});

await step('capture', async () => {
  const captured = await razorpay.payments.capture(payment.id, 7351, 'INR');
  equal(captured.id, payment.id);
  equal(captured.status, 'captured');
  equal(captured.amount, 7351);
});

await step('refund', async () => {
  const refund = await razorpay.payments.refund(payment.id, { amount: 1203, speed: 'normal', receipt: 'interop-node-razorpay-refund' });
  match(refund.id, /^rfnd_/);
  equal(refund.payment_id, payment.id);
  equal(refund.amount, 1203);
  equal(refund.status, 'processed');
});

await step('retrieve', async () => {
  const found = await razorpay.payments.fetch(payment.id);
  equal(found.id, payment.id);
  equal(found.status, 'captured');
  equal(found.amount, 7351);
  equal(found.amount_refunded, 1203);
});

const sent = await step('webhook', async () => {
  const taken = await delivery(({ body }) => {
    const event = JSON.parse(body);
    return event.event === 'payment.captured' && event.payload.payment.entity.id === payment.id;
  });
  equal(Razorpay.validateWebhookSignature(taken.body, taken.headers['x-razorpay-signature'], credentials.webhook_secret), true);
  equal(JSON.parse(taken.body).payload.payment.entity.amount, 7351);
  return taken;
});

await step('forged', () => {
  const signature = sent.headers['x-razorpay-signature'];
  equal(Razorpay.validateWebhookSignature(sent.body, spoilt(signature), credentials.webhook_secret), false);
  equal(Razorpay.validateWebhookSignature(sent.body.replace('7351', '7352'), signature, credentials.webhook_secret), false);
});
