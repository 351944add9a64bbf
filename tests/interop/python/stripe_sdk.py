"""PyPI stripe: `base_addresses` is an option of the client."""

import stripe
from trial import credentials, delivery, equal, raises, spoilt, step, true, url

import json

client = stripe.StripeClient(credentials["api_key"], base_addresses={"api": url}, max_network_retries=0)


@step("create")
def payment():
    intent = client.v1.payment_intents.create(
        params={
            "amount": 8642,
            "currency": "usd",
            "capture_method": "manual",
            "confirm": True,
            "payment_method_types": ["card"],
            "payment_method_data": {
                "type": "card",
                "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"},
            },
            "metadata": {"reference": "interop-python-stripe"},
            "expand": ["latest_charge"],
        }
    )
    true(intent.id.startswith("pi_"), intent.id)
    equal(intent.status, "requires_capture")
    equal(intent.amount, 8642)
    equal(intent.amount_capturable, 8642)
    equal(intent.metadata["reference"], "interop-python-stripe")
    return intent


@step("capture")
def captured():
    intent = client.v1.payment_intents.capture(payment.id, params={"amount_to_capture": 8000})
    equal(intent.id, payment.id)
    equal(intent.status, "succeeded")
    equal(intent.amount_received, 8000)


@step("refund")
def refund():
    made = client.v1.refunds.create(params={"payment_intent": payment.id, "amount": 1357})
    true(made.id.startswith("re_"), made.id)
    equal(made.payment_intent, payment.id)
    equal(made.amount, 1357)
    equal(made.status, "succeeded")
    return made


@step("retrieve")
def found():
    intent = client.v1.payment_intents.retrieve(payment.id, params={"expand": ["latest_charge"]})
    equal(intent.id, payment.id)
    equal(intent.amount, 8642)
    equal(intent.amount_received, 8000)
    equal(intent.latest_charge.amount_captured, 8000)
    again = client.v1.refunds.retrieve(refund.id)
    equal(again.payment_intent, payment.id)
    equal(again.amount, 1357)


@step("webhook")
def sent():
    taken = delivery(lambda one: json.loads(one["body"])["data"]["object"]["id"] == payment.id)
    event = client.construct_event(taken["body"], taken["headers"]["stripe-signature"], credentials["webhook_secret"])
    equal(event.type, "payment_intent.succeeded")
    equal(event.data.object["amount_received"], 8000)
    return taken


@step("forged")
def forged():
    signature = sent["headers"]["stripe-signature"]
    head, mark = signature.split("v1=")
    secret = credentials["webhook_secret"]
    refused = stripe.SignatureVerificationError
    raises(refused, lambda: client.construct_event(sent["body"], f"{head}v1={spoilt(mark)}", secret))
    raises(refused, lambda: client.construct_event(sent["body"].replace("8000", "8001"), signature, secret))
