// npm cybersource-rest-client: the scheme is fixed and the signature covers the host, so this runs behind `reach.mjs` and TLS. The
// package has no helper for webhooks.
import cybersource from 'cybersource-rest-client';
import { credentials, equal, match, none, step } from './trial.mjs';

const config = {
  authenticationType: 'http_signature',
  runEnvironment: 'apitest.cybersource.com',
  merchantID: credentials.merchant_id,
  merchantKeyId: credentials.key_id,
  merchantsecretKey: credentials.shared_secret,
  logConfiguration: { enableLog: false },
};

/** Calls one method of the SDK, which tells its answers by a callback. */
function call(Api, method, ...args) {
  const api = new Api(config, new cybersource.ApiClient());
  return new Promise((done, refuse) => {
    api[method](...args, (error, data) => (error ? refuse(error) : done(data)));
  });
}

/** Fills one of the SDK's models. */
const model = (name, members) => Object.assign(new cybersource[name](), members);

/** Made beside the payment: a session for its fields on a page, and a payout. */
async function besides() {
  const context = await call(cybersource.MicroformIntegrationApi, 'generateCaptureContext', model('GenerateCaptureContextRequest', {
    clientVersion: 'v2',
    targetOrigins: ['https://interop.example'],
    allowedCardNetworks: ['VISA', 'MASTERCARD', 'AMEX', 'DISCOVER', 'DINERSCLUB', 'JCB'],
    allowedPaymentTypes: ['CARD'],
  }));
  match(context, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  const made = await call(cybersource.PayoutsApi, 'octCreatePayment', model('OctCreatePaymentRequest', {
    clientReferenceInformation: { code: 'interop-cybersource-payout' },
    processingInformation: { businessApplicationId: 'FD', commerceIndicator: 'internet' },
    paymentInformation: { card: { number: '4111111111111111', expirationMonth: '12', expirationYear: '2031', type: '001' } },
    orderInformation: { amountDetails: { totalAmount: '41.07', currency: 'USD' } },
    recipientInformation: { firstName: 'Ada', lastName: 'Example', phoneNumber: '+14155550100' },
    senderInformation: { name: 'Quittance Example Inc', address1: '3 Example Street', locality: 'Foster City', administrativeArea: 'CA', postalCode: '94404', countryCode: 'US', account: { fundsSource: '05' } },
  }));
  match(made.id, /^\d{22}$/);
  equal(made.status, 'ACCEPTED');
  equal(made.orderInformation.amountDetails.totalAmount, '41.07');
  equal(made.clientReferenceInformation.code, 'interop-cybersource-payout');
}

const payment = await step('create', async () => {
  const made = await call(cybersource.PaymentsApi, 'createPayment', model('CreatePaymentRequest', {
    clientReferenceInformation: { code: 'interop-cybersource' },
    processingInformation: { capture: false },
    paymentInformation: { card: { number: '4111111111111111', expirationMonth: '12', expirationYear: '2031', securityCode: '123' } },
    orderInformation: {
      amountDetails: { totalAmount: '73.51', currency: 'USD' },
      billTo: { firstName: 'Ada', lastName: 'Example', address1: '1 Example Street', locality: 'San Francisco', administrativeArea: 'CA', postalCode: '94105', country: 'US', email: 'ada@example.com' },
    },
  }));
  match(made.id, /^\d{22}$/);
  equal(made.status, 'AUTHORIZED');
  equal(made.orderInformation.amountDetails.authorizedAmount, '73.51');
  equal(made.clientReferenceInformation.code, 'interop-cybersource');
  await besides();
  return made;
});

const amount = (totalAmount, code) => ({ clientReferenceInformation: { code }, orderInformation: { amountDetails: { totalAmount, currency: 'USD' } } });

await step('capture', async () => {
  const made = await call(cybersource.CaptureApi, 'capturePayment', model('CapturePaymentRequest', amount('73.51', 'interop-cybersource-capture')), payment.id);
  match(made.id, /^\d{22}$/);
  equal(made.status, 'PENDING');
  equal(made.orderInformation.amountDetails.totalAmount, '73.51');
});

const refund = await step('refund', async () => {
  const made = await call(cybersource.RefundApi, 'refundPayment', model('RefundPaymentRequest', amount('12.03', 'interop-cybersource-refund')), payment.id);
  match(made.id, /^\d{22}$/);
  equal(made.status, 'PENDING');
  equal(made.refundAmountDetails.refundAmount, '12.03');
  return made;
});

await step('retrieve', async () => {
  const found = await call(cybersource.TransactionDetailsApi, 'getTransaction', payment.id);
  equal(found.id, payment.id);
  equal(Number(found.orderInformation.amountDetails.totalAmount), 73.51);
  const returned = await call(cybersource.TransactionDetailsApi, 'getTransaction', refund.id);
  equal(returned.rootId, payment.id);
  equal(Number(returned.orderInformation.amountDetails.totalAmount), 12.03);
});

none('webhook', 'the SDK has no helper for webhooks');
none('forged', 'the SDK has no helper for webhooks');
