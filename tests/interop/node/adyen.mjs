// npm @adyen/api-library: the host is fixed (`checkout-test.adyen.com`), so this runs behind `reach.mjs` and TLS.
import adyen from '@adyen/api-library';
import { credentials, delivery, equal, match, none, spoilt, step } from './trial.mjs';

const client = new adyen.Client({ apiKey: credentials.api_key, environment: adyen.EnvironmentEnum.TEST });
const checkout = new adyen.CheckoutAPI(client);
const validator = new adyen.hmacValidator();
const merchantAccount = credentials.merchant_account;

const payment = await step('create', async () => {
  const answer = await checkout.PaymentsApi.payments({
    merchantAccount,
    reference: 'interop-node-adyen',
    amount: { currency: 'EUR', value: 7351 },
    paymentMethod: { type: 'scheme', number: '4111111111111111', expiryMonth: '03', expiryYear: '2030', cvc: '737', holderName: 'Ada Example' },
    returnUrl: 'https://merchant.example/return',
    additionalData: { manualCapture: 'true' },
  }, { idempotencyKey: 'interop-node-adyen-1' });
  match(answer.pspReference, /^\w{16}$/);
  equal(answer.resultCode, 'Authorised');
  equal(answer.amount.value, 7351);
  equal(answer.merchantReference, 'interop-node-adyen');
  return answer;
});

await step('capture', async () => {
  const answer = await checkout.ModificationsApi.captureAuthorisedPayment(payment.pspReference, {
    merchantAccount,
    amount: { currency: 'EUR', value: 7351 },
    reference: 'interop-node-adyen-capture',
  });
  equal(answer.paymentPspReference, payment.pspReference);
  equal(answer.status, 'received');
  equal(answer.amount.value, 7351);
});

const refund = await step('refund', async () => {
  const answer = await checkout.ModificationsApi.refundCapturedPayment(payment.pspReference, {
    merchantAccount,
    amount: { currency: 'EUR', value: 1203 },
    reference: 'interop-node-adyen-refund',
  });
  equal(answer.paymentPspReference, payment.pspReference);
  equal(answer.status, 'received');
  equal(answer.amount.value, 1203);
  return answer;
});

none('retrieve', 'Checkout has no look-up of a payment');

const sent = await step('webhook', async () => {
  const item = ({ body }) => JSON.parse(body).notificationItems[0].NotificationRequestItem;
  const taken = await delivery((one) => item(one).pspReference === refund.pspReference);
  const notification = item(taken);
  equal(validator.validateHMAC(notification, credentials.hmac_key), true);
  equal(notification.eventCode, 'REFUND');
  equal(notification.originalReference, payment.pspReference);
  equal(notification.amount.value, 1203);
  return notification;
});

await step('forged', () => {
  const signature = sent.additionalData.hmacSignature;
  equal(validator.validateHMAC({ ...sent, additionalData: { hmacSignature: spoilt(signature) } }, credentials.hmac_key), false);
  equal(validator.validateHMAC({ ...sent, amount: { ...sent.amount, value: 1204 } }, credentials.hmac_key), false);
});
