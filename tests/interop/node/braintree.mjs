// npm braintree: the hosts are fixed (`api.sandbox.braintreegateway.com`, `payments.sandbox.braintree-api.com`), so this runs behind
// `reach.mjs` and TLS. Payments go by the SDK's GraphQL client, look-ups by its gateway (XML), as Braintree documents them.
import braintree from 'braintree';
import { credentials, delivery, equal, match, rejects, spoilt, step } from './trial.mjs';
import * as documents from './braintree_documents.mjs';

const gateway = new braintree.BraintreeGateway({
  environment: braintree.Environment.Sandbox,
  merchantId: credentials.merchant_id,
  publicKey: credentials.public_key,
  privateKey: credentials.private_key,
});

/** Sends a document; Braintree tells errors in a 200. */
async function mutate(document, input) {
  const { data, errors } = await gateway.graphQLClient.query(document, { input });
  equal(errors, undefined, JSON.stringify(errors));
  return data.done.it;
}

const payment = await step('create', async () => {
  const card = await mutate(documents.TOKENIZE, {
    creditCard: { number: '4111111111111111', expirationMonth: '12', expirationYear: '2030', cvv: '123', cardholderName: 'Ada Example' },
  });
  match(card.id, /^tokencc_/);
  const transaction = await mutate(documents.AUTHORIZE, {
    paymentMethodId: card.id,
    transaction: { amount: '73.51', orderId: 'interop-node-braintree', merchantAccountId: credentials['merchant_accounts.USD'] },
  });
  equal(transaction.status, 'AUTHORIZED');
  equal(transaction.amount.value, '73.51');
  equal(transaction.orderId, 'interop-node-braintree');
  return transaction;
});

await step('capture', async () => {
  const transaction = await mutate(documents.CAPTURE, { transactionId: payment.id, transaction: { amount: '73.51' } });
  equal(transaction.id, payment.id);
  equal(transaction.status, 'SUBMITTED_FOR_SETTLEMENT');
  equal(transaction.amount.value, '73.51');
});

await step('refund', async () => {
  const refund = await mutate(documents.REFUND, { transactionId: payment.id, refund: { amount: '12.03', orderId: 'interop-node-braintree-refund' } });
  equal(refund.refundedTransaction.id, payment.id);
  equal(refund.amount.value, '12.03');
  const found = await gateway.transaction.find(refund.legacyId);
  equal(found.type, 'credit');
  equal(found.amount, '12.03');
  equal(found.refundedTransactionId, payment.legacyId);
});

await step('retrieve', async () => {
  const found = await gateway.transaction.find(payment.legacyId);
  equal(found.id, payment.legacyId);
  equal(found.globalId, payment.id);
  equal(found.amount, '73.51');
  equal(found.orderId, 'interop-node-braintree');
  match(found.status, /^(submitted_for_settlement|settling|settled)$/);
});

const sent = await step('webhook', async () => {
  const taken = await delivery(({ body }) => new URLSearchParams(body).has('bt_payload'));
  const form = Object.fromEntries(new URLSearchParams(taken.body));
  const notification = await gateway.webhookNotification.parse(form.bt_signature, form.bt_payload);
  match(notification.kind, /^transaction_/);
  equal(notification.transaction.id, payment.legacyId);
  return form;
});

await step('forged', async () => {
  const [key, signature] = sent.bt_signature.split('|');
  await rejects(gateway.webhookNotification.parse(`${key}|${spoilt(signature)}`, sent.bt_payload), { type: 'invalidSignatureError' });
  await rejects(gateway.webhookNotification.parse(sent.bt_signature, spoilt(sent.bt_payload)), { type: 'invalidSignatureError' });
});
