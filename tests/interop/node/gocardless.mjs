// npm gocardless-nodejs: the hosts are fixed (`api-sandbox.gocardless.com`), so this runs behind `reach.mjs` and TLS.
import { GoCardlessClient, Environments, parse, InvalidSignatureError } from 'gocardless-nodejs';
import { credentials, delivery, equal, match, none, ok, spoilt, step, throws } from './trial.mjs';

const gocardless = new GoCardlessClient(credentials.access_token, Environments.Sandbox);

const payment = await step('create', async () => {
  const customer = await gocardless.customers.create({
    given_name: 'Ada', family_name: 'Example', email: 'ada@example.com', address_line1: '1 Example Street', city: 'London', postal_code: 'NW1 6XE', country_code: 'GB',
  });
  match(customer.id, /^CU/);
  const account = await gocardless.customerBankAccounts.create({
    account_holder_name: 'Ada Example', account_number: '55779911', branch_code: '200000', country_code: 'GB', links: { customer: customer.id },
  });
  match(account.id, /^BA/);
  equal(account.links.customer, customer.id);
  const mandate = await gocardless.mandates.create({ scheme: 'bacs', links: { customer_bank_account: account.id } });
  match(mandate.id, /^MD/);
  const created = await gocardless.payments.create({
    amount: '7351', currency: 'GBP', links: { mandate: mandate.id }, metadata: { reference: 'interop-node-gocardless' },
  }, 'interop-node-gocardless-1');
  match(created.id, /^PM/);
  equal(Number(created.amount), 7351);
  equal(created.status, 'pending_submission');
  equal(created.links.mandate, mandate.id);
  equal(created.metadata.reference, 'interop-node-gocardless');
  return created;
});

none('capture', 'a direct debit is collected at once');

const sent = await step('webhook', async () => {
  const taken = await delivery(({ body }) => JSON.parse(body).events.some(({ links }) => links.payment === payment.id));
  const events = parse(taken.body, credentials.webhook_secret, taken.headers['webhook-signature']);
  ok(events.some(({ action, links }) => action === 'confirmed' && links.payment === payment.id));
  return taken;
});

await step('forged', () => {
  const signature = sent.headers['webhook-signature'];
  throws(() => parse(sent.body, credentials.webhook_secret, spoilt(signature)), InvalidSignatureError);
  throws(() => parse(sent.body.replace('confirmed', 'cancelled'), credentials.webhook_secret, signature), InvalidSignatureError);
});

await step('refund', async () => {
  const refund = await gocardless.refunds.create({ amount: '1203', total_amount_confirmation: '1203', links: { payment: payment.id } });
  match(refund.id, /^RF/);
  equal(Number(refund.amount), 1203);
  equal(refund.links.payment, payment.id);
});

await step('retrieve', async () => {
  const found = await gocardless.payments.find(payment.id);
  equal(found.id, payment.id);
  match(found.status, /^(confirmed|paid_out)$/);
  equal(Number(found.amount), 7351);
  equal(Number(found.amount_refunded), 1203);
});
