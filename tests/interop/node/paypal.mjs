// npm @paypal/paypal-server-sdk: the hosts are fixed (`api-m.sandbox.paypal.com`), so this runs behind `reach.mjs` and TLS. The
// package has no helper for webhooks; PayPal's own service verifies them.
import { Client, Environment, OrdersController, PaymentsController } from '@paypal/paypal-server-sdk';
import { credentials, equal, none, ok, step } from './trial.mjs';

const client = new Client({
  clientCredentialsAuthCredentials: { oAuthClientId: credentials.client_id, oAuthClientSecret: credentials.client_secret },
  environment: Environment.Sandbox,
});
const orders = new OrdersController(client);
const payments = new PaymentsController(client);
const prefer = 'return=representation';

const made = await step('create', async () => {
  const { result: order } = await orders.createOrder({
    prefer,
    paypalRequestId: 'interop-node-paypal-1',
    body: {
      intent: 'AUTHORIZE',
      purchaseUnits: [{ customId: 'interop-node-paypal', amount: { currencyCode: 'USD', value: '73.51' } }],
      paymentSource: { card: { name: 'Ada Example', number: '4012888888881881', expiry: '2030-12', securityCode: '123' } },
    },
  });
  ok(order.id);
  equal(order.intent, 'AUTHORIZE');
  equal(order.status, 'COMPLETED');
  const [authorization] = order.purchaseUnits[0].payments.authorizations;
  equal(authorization.status, 'CREATED');
  equal(authorization.amount.value, '73.51');
  equal(authorization.customId, 'interop-node-paypal');
  return { order, authorization };
});

const capture = await step('capture', async () => {
  const { result } = await payments.captureAuthorizedPayment({
    authorizationId: made.authorization.id,
    prefer,
    paypalRequestId: 'interop-node-paypal-2',
    body: { amount: { currencyCode: 'USD', value: '73.51' }, finalCapture: true },
  });
  ok(result.id);
  equal(result.status, 'COMPLETED');
  equal(result.amount.value, '73.51');
  return result;
});

await step('refund', async () => {
  const { result } = await payments.refundCapturedPayment({
    captureId: capture.id,
    prefer,
    paypalRequestId: 'interop-node-paypal-3',
    body: { amount: { currencyCode: 'USD', value: '12.03' }, customId: 'interop-node-paypal-refund' },
  });
  ok(result.id);
  equal(result.status, 'COMPLETED');
  equal(result.amount.value, '12.03');
});

await step('retrieve', async () => {
  const { result } = await orders.getOrder({ id: made.order.id });
  equal(result.id, made.order.id);
  const [unit] = result.purchaseUnits;
  equal(unit.amount.value, '73.51');
  equal(unit.payments.captures[0].id, capture.id);
  equal(unit.payments.refunds[0].amount.value, '12.03');
});

none('webhook', 'the SDK has no helper for webhooks');
none('forged', 'the SDK has no helper for webhooks');
