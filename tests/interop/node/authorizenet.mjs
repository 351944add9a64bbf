// npm authorizenet: each controller takes its endpoint by `setEnvironment`. The package has no helper for webhooks.
import authorizenet from 'authorizenet';
import { credentials, equal, match, none, ok, step, url } from './trial.mjs';

const { APIContracts: contracts, APIControllers: controllers } = authorizenet;

/** Runs one controller; the SDK tells answers by a callback, and errors of the network by nothing but a log. */
function run(Controller, request, Response) {
  const controller = new Controller(request.getJSON());
  controller.setEnvironment(`${url}/xml/v1/request.api`);
  return new Promise((done, refuse) => {
    const late = setTimeout(() => refuse(controller.getError?.() ?? new Error('no answer')), 20_000);
    controller.execute(() => {
      clearTimeout(late);
      done(new Response(controller.getResponse()));
    });
  });
}

function authentication() {
  const merchant = new contracts.MerchantAuthenticationType();
  merchant.setName(credentials.api_login_id);
  merchant.setTransactionKey(credentials.transaction_key);
  return merchant;
}

/** Sends a transaction and gives the provider's answer to it, which is to be an approval. */
async function transact(fill) {
  const transaction = new contracts.TransactionRequestType();
  fill(transaction);
  const request = new contracts.CreateTransactionRequest();
  request.setMerchantAuthentication(authentication());
  request.setTransactionRequest(transaction);
  const answer = await run(controllers.CreateTransactionController, request, contracts.CreateTransactionResponse);
  equal(answer.getMessages().getResultCode(), contracts.MessageTypeEnum.OK, JSON.stringify(answer));
  equal(answer.getTransactionResponse().getResponseCode(), '1');
  return answer.getTransactionResponse();
}

function card(number, expiry, code) {
  const details = new contracts.CreditCardType();
  details.setCardNumber(number);
  details.setExpirationDate(expiry);
  if (code) details.setCardCode(code);
  const payment = new contracts.PaymentType();
  payment.setCreditCard(details);
  return payment;
}

async function details(id) {
  const request = new contracts.GetTransactionDetailsRequest();
  request.setMerchantAuthentication(authentication());
  request.setTransId(id);
  const answer = await run(controllers.GetTransactionDetailsController, request, contracts.GetTransactionDetailsResponse);
  equal(answer.getMessages().getResultCode(), contracts.MessageTypeEnum.OK, JSON.stringify(answer));
  return answer.getTransaction();
}

const payment = await step('create', async () => {
  const answer = await transact((transaction) => {
    const order = new contracts.OrderType();
    order.setInvoiceNumber('interop-anet');
    transaction.setTransactionType(contracts.TransactionTypeEnum.AUTHONLYTRANSACTION);
    transaction.setAmount('73.51');
    transaction.setPayment(card('4111111111111111', '2030-12', '123'));
    transaction.setOrder(order);
  });
  match(answer.getTransId(), /^\d+$/);
  match(answer.getAccountNumber(), /^XXXX\d{4}$/);
  const found = await details(answer.getTransId());
  equal(found.getTransactionStatus(), 'authorizedPendingCapture');
  equal(Number(found.getAuthAmount()), 73.51);
  equal(found.getOrder().getInvoiceNumber(), 'interop-anet');
  return answer.getTransId();
});

await step('capture', async () => {
  const answer = await transact((transaction) => {
    transaction.setTransactionType(contracts.TransactionTypeEnum.PRIORAUTHCAPTURETRANSACTION);
    transaction.setAmount('73.51');
    transaction.setRefTransId(payment);
  });
  ok(answer.getTransId());
});

const refund = await step('refund', async () => {
  const answer = await transact((transaction) => {
    transaction.setTransactionType(contracts.TransactionTypeEnum.REFUNDTRANSACTION);
    transaction.setAmount('12.03');
    transaction.setPayment(card('XXXX1111', 'XXXX'));
    transaction.setRefTransId(payment);
  });
  match(answer.getTransId(), /^\d+$/);
  equal(answer.getRefTransID(), payment);
  return answer.getTransId();
});

await step('retrieve', async () => {
  const found = await details(payment);
  equal(found.getTransId(), payment);
  match(found.getTransactionStatus(), /^(capturedPendingSettlement|settledSuccessfully)$/);
  equal(Number(found.getSettleAmount()), 73.51);
  const returned = await details(refund);
  match(returned.getTransactionStatus(), /^refund/);
  equal(Number(returned.getSettleAmount()), 12.03);
});

none('webhook', 'the SDK has no helper for webhooks');
none('forged', 'the SDK has no helper for webhooks');
