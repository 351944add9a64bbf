// Documents of Braintree's GraphQL API, with the answers' fields that a shop reads. An operation's input has its name.
const TRANSACTION = `it: transaction { id legacyId status orderId amount { value currencyCode } paymentMethod { id } paymentMethodSnapshot { ... on CreditCardTransactionDetails { networkTransactionId } } statusHistory { status ... on AuthorizedEvent { processorResponse { legacyCode message authorizationId cvvResponse avsPostalCodeResponse } networkResponse { code } } ... on ProcessorDeclinedEvent { processorResponse { legacyCode message cvvResponse avsPostalCodeResponse } networkResponse { code } merchantAdviceCodeResponse { code } } ... on FailedEvent { processorResponse { legacyCode message } networkResponse { code } } ... on GatewayRejectedEvent { gatewayRejectionReason processorResponse { legacyCode message } } ... on SettlementDeclinedEvent { processorResponse { legacyCode message } } } }`;
const REFUND_FIELDS = `it: refund { id legacyId status orderId amount { value currencyCode } refundedTransaction { id legacyId } statusHistory { status ... on ProcessorDeclinedEvent { processorResponse { legacyCode message } networkResponse { code } } ... on SettlementDeclinedEvent { processorResponse { legacyCode message } } } }`;

function mutation(name, fields) {
  return `mutation ($input: ${name[0].toUpperCase()}${name.slice(1)}Input!) { done: ${name}(input: $input) { ${fields} } }`;
}

export const TOKENIZE = mutation('tokenizeCreditCard', 'it: paymentMethod { id }');
export const AUTHORIZE = mutation('authorizePaymentMethod', TRANSACTION);
export const CAPTURE = mutation('captureTransaction', TRANSACTION);
export const REFUND = mutation('refundTransaction', REFUND_FIELDS);
