"""PyPI squareup: `base_url` is an option of the client."""

import json

from square import Square
from square.utils.webhooks_helper import verify_signature
from trial import credentials, delivery, equal, spoilt, step, true, url, webhooks

square = Square(token=credentials["access_token"], base_url=url)


@step("create")
def payment():
    made = square.payments.create(
        source_id="cnon:card-nonce-ok",
        idempotency_key="interop-python-square-1",
        amount_money={"amount": 8642, "currency": "USD"},
        autocomplete=False,
        location_id=credentials["location_id"],
        reference_id="interop-python-square",
    ).payment
    equal(made.status, "APPROVED")
    equal(made.amount_money.amount, 8642)
    equal(made.reference_id, "interop-python-square")
    return made


@step("capture")
def captured():
    completed = square.payments.complete(payment.id).payment
    equal(completed.id, payment.id)
    equal(completed.status, "COMPLETED")
    equal(completed.total_money.amount, 8642)


@step("refund")
def refund():
    made = square.refunds.refund_payment(
        idempotency_key="interop-python-square-2",
        payment_id=payment.id,
        amount_money={"amount": 1357, "currency": "USD"},
    ).refund
    true(made.id.startswith(payment.id), made.id)
    equal(made.payment_id, payment.id)
    equal(made.amount_money.amount, 1357)
    true(made.status in ("PENDING", "COMPLETED"), made.status)


@step("retrieve")
def found():
    again = square.payments.get(payment.id).payment
    equal(again.id, payment.id)
    equal(again.status, "COMPLETED")
    equal(again.total_money.amount, 8642)
    equal(again.refunded_money.amount, 1357)


def verified(body, signature):
    """What Square's own helper says of a delivery."""
    return verify_signature(
        request_body=body,
        signature_header=signature,
        signature_key=credentials["webhook_signature_key"],
        notification_url=webhooks,
    )


@step("webhook")
def sent():
    taken = delivery(lambda one: json.loads(one["body"])["data"]["object"]["refund"]["payment_id"] == payment.id)
    equal(verified(taken["body"], taken["headers"]["x-square-hmacsha256-signature"]), True)
    equal(json.loads(taken["body"])["data"]["object"]["refund"]["amount_money"]["amount"], 1357)
    return taken


@step("forged")
def forged():
    signature = sent["headers"]["x-square-hmacsha256-signature"]
    equal(verified(sent["body"], spoilt(signature)), False)
    equal(verified(sent["body"].replace("1357", "1358"), signature), False)
