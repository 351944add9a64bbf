"""PyPI braintree: an `Environment` of its own names host and port of both APIs. Payments go by the SDK's GraphQL client, look-ups
by its gateway (XML), as Braintree documents them."""

from urllib.parse import parse_qs

import braintree
from braintree.exceptions.invalid_signature_error import InvalidSignatureError
from trial import credentials, delivery, equal, host, port, raises, spoilt, step, true

gateway = braintree.BraintreeGateway(
    braintree.Configuration(
        environment=braintree.Environment("sandbox", host, str(port), "", False, None, host, str(port)),
        merchant_id=credentials["merchant_id"],
        public_key=credentials["public_key"],
        private_key=credentials["private_key"],
    )
)

TRANSACTION = (
    "it: transaction { id legacyId status orderId amount { value currencyCode } paymentMethod { id } "
    "paymentMethodSnapshot { ... on CreditCardTransactionDetails { networkTransactionId } } statusHistory { status "
    "... on AuthorizedEvent { processorResponse { legacyCode message authorizationId cvvResponse avsPostalCodeResponse } "
    "networkResponse { code } } ... on ProcessorDeclinedEvent { processorResponse { legacyCode message cvvResponse "
    "avsPostalCodeResponse } networkResponse { code } merchantAdviceCodeResponse { code } } ... on FailedEvent { "
    "processorResponse { legacyCode message } networkResponse { code } } ... on GatewayRejectedEvent { "
    "gatewayRejectionReason processorResponse { legacyCode message } } ... on SettlementDeclinedEvent { "
    "processorResponse { legacyCode message } } } }"
)
REFUND = (
    "it: refund { id legacyId status orderId amount { value currencyCode } refundedTransaction { id legacyId } "
    "statusHistory { status ... on ProcessorDeclinedEvent { processorResponse { legacyCode message } "
    "networkResponse { code } } ... on SettlementDeclinedEvent { processorResponse { legacyCode message } } } }"
)


def mutate(name, fields, variables):
    """Sends a mutation by Braintree's naming: the type of its input is named after it."""
    kind = f"{name[0].upper()}{name[1:]}Input"
    document = f"mutation ($input: {kind}!) {{ done: {name}(input: $input) {{ {fields} }} }}"
    answer = gateway.graphql_client.query(document, {"input": variables})
    true("errors" not in answer, answer)
    return answer["data"]["done"]["it"]


@step("create")
def payment():
    card = mutate(
        "tokenizeCreditCard",
        "it: paymentMethod { id }",
        {
            "creditCard": {
                "number": "4111111111111111",
                "expirationMonth": "12",
                "expirationYear": "2030",
                "cvv": "123",
                "cardholderName": "Ada Example",
            }
        },
    )
    transaction = {
        "amount": "86.42",
        "orderId": "interop-python-braintree",
        "merchantAccountId": credentials["merchant_accounts.USD"],
    }
    made = mutate("authorizePaymentMethod", TRANSACTION, {"paymentMethodId": card["id"], "transaction": transaction})
    equal(made["status"], "AUTHORIZED")
    equal(made["amount"]["value"], "86.42")
    equal(made["orderId"], "interop-python-braintree")
    return made


@step("capture")
def captured():
    made = mutate("captureTransaction", TRANSACTION, {"transactionId": payment["id"], "transaction": {"amount": "86.42"}})
    equal(made["id"], payment["id"])
    equal(made["status"], "SUBMITTED_FOR_SETTLEMENT")
    equal(made["amount"]["value"], "86.42")


@step("refund")
def refund():
    of = {"transactionId": payment["id"], "refund": {"amount": "13.57", "orderId": "interop-python-braintree-refund"}}
    made = mutate("refundTransaction", REFUND, of)
    equal(made["refundedTransaction"]["id"], payment["id"])
    equal(made["amount"]["value"], "13.57")
    found = gateway.transaction.find(made["legacyId"])
    equal(found.type, braintree.Transaction.Type.Credit)
    equal(str(found.amount), "13.57")
    equal(found.refunded_transaction_id, payment["legacyId"])


@step("retrieve")
def retrieved():
    found = gateway.transaction.find(payment["legacyId"])
    equal(found.id, payment["legacyId"])
    equal(found.global_id, payment["id"])
    equal(str(found.amount), "86.42")
    equal(found.order_id, "interop-python-braintree")
    true(found.status in ("submitted_for_settlement", "settling", "settled"), found.status)


def form(one):
    return {name: values[0] for name, values in parse_qs(one["body"]).items()}


@step("webhook")
def sent():
    taken = form(delivery(lambda one: form(one)["bt_payload"]))
    notification = gateway.webhook_notification.parse(taken["bt_signature"], taken["bt_payload"])
    true(notification.kind.startswith("transaction_"), notification.kind)
    equal(notification.transaction.id, payment["legacyId"])
    return taken


@step("forged")
def forged():
    key, signature = sent["bt_signature"].split("|")
    parse = gateway.webhook_notification.parse
    raises(InvalidSignatureError, lambda: parse(f"{key}|{spoilt(signature)}", sent["bt_payload"]))
    raises(InvalidSignatureError, lambda: parse(sent["bt_signature"], spoilt(sent["bt_payload"])))
