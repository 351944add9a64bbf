// npm stripe: `host`, `port` and `protocol` are options of the client.
import Stripe from 'stripe';
import { credentials, delivery, equal, match, spoilt, step, throws, url } from './trial.mjs';

const { hostname, port } = new URL(url);
const stripe = new Stripe(credentials.api_key, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });

const payment = await step('create', async () => {
  const intent = await stripe.paymentIntents.create({
    amount: 7351,
    currency: 'usd',
    capture_method: 'manual',
    confirm: true,
    payment_method_types: ['card'],
    payment_method_data: { type: 'card', card: { number: '4242424242424242', exp_month: 12, exp_year: 2030, cvc: '123' } },
    metadata: { reference: 'interop-node-stripe' },
    expand: ['latest_charge'],
  });
  match(intent.id, /^pi_/);
  equal(intent.status, 'requires_capture');
  equal(intent.amount, 7351);
  equal(intent.amount_capturable, 7351);
  equal(intent.metadata.reference, 'interop-node-stripe');
  return intent;
});

await step('capture', async () => {
  const intent = await stripe.paymentIntents.capture(payment.id);
  equal(intent.id, payment.id);
  equal(intent.status, 'succeeded');
  equal(intent.amount_received, 7351);
});

await step('refund', async () => {
  const refund = await stripe.refunds.create({ payment_intent: payment.id, amount: 1203 });
  match(refund.id, /^re_/);
  equal(refund.payment_intent, payment.id);
  equal(refund.amount, 1203);
  equal(refund.status, 'succeeded');
});

await step('retrieve', async () => {
  const intent = await stripe.paymentIntents.retrieve(payment.id, { expand: ['latest_charge'] });
  equal(intent.id, payment.id);
  equal(intent.amount_received, 7351);
  equal(intent.latest_charge.amount_refunded, 1203);
  equal(intent.latest_charge.refunded, false);
});

const sent = await step('webhook', async () => {
  const taken = await delivery(({ body }) => JSON.parse(body).data.object.id === payment.id);
  const event = stripe.webhooks.constructEvent(taken.body, taken.headers['stripe-signature'], credentials.webhook_secret);
  equal(event.type, 'payment_intent.succeeded');
  equal(event.data.object.amount_received, 7351);
  return taken;
});

await step('forged', () => {
  const signature = sent.headers['stripe-signature'].replace(/v1=(\w+)/, (_, hex) => `v1=${spoilt(hex)}`);
  const refused = { type: 'StripeSignatureVerificationError' };
  throws(() => stripe.webhooks.constructEvent(sent.body, signature, credentials.webhook_secret), refused);
  throws(() => stripe.webhooks.constructEvent(sent.body.replace('7351', '7352'), sent.headers['stripe-signature'], credentials.webhook_secret), refused);
});
