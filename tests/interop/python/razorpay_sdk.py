"""PyPI razorpay: `base_url` is an option of the client."""

import json

import razorpay
from trial import credentials, delivery, equal, raises, spoilt, step, true, url

client = razorpay.Client(auth=(credentials["key_id"], credentials["key_secret"]), base_url=url)


@step("create")
def payment():
    order = client.order.create(
        {
            "amount": 8642,
            "currency": "INR",
            "receipt": "interop-python-razorpay",
            "payment": {
                "capture": "manual",
                "capture_options": {"manual_expiry_period": 7200, "refund_speed": "normal"},
            },
            "notes": {"reference": "interop-python-razorpay"},
        }
    )
    equal(order["amount"], 8642)
    equal(order["status"], "created")
    begun = client.payment.createPaymentJson(
        {
            "amount": 8642,
            "currency": "INR",
            "order_id": order["id"],
            "email": "ada@example.com",
            "contact": "+919000090000",
            "callback_url": "https://merchant.example/return",
            "notes": {"reference": "interop-python-razorpay"},
            "method": "card",
            "card": {
                "number": "4100280000001007",
                "name": "Ada Example",
                "expiry_month": "12",
                "expiry_year": "30",
                "cvv": "123",
            },
            "authentication": {"authentication_channel": "browser"},
        }
    )
    authorized = client.payment.fetch(begun["razorpay_payment_id"])
    equal(authorized["status"], "authorized")
    equal(authorized["amount"], 8642)
    equal(authorized["order_id"], order["id"])
    return authorized


@step("capture")
def captured():
    made = client.payment.capture(payment["id"], 8642, {"currency": "INR"})
    equal(made["id"], payment["id"])
    equal(made["status"], "captured")
    equal(made["amount"], 8642)


@step("refund")
def refund():
    made = client.payment.refund(payment["id"], {"amount": 1357, "speed": "normal", "receipt": "interop-refund"})
    true(made["id"].startswith("rfnd_"), made["id"])
    equal(made["payment_id"], payment["id"])
    equal(made["amount"], 1357)
    equal(made["status"], "processed")


@step("retrieve")
def found():
    again = client.payment.fetch(payment["id"])
    equal(again["id"], payment["id"])
    equal(again["status"], "captured")
    equal(again["amount"], 8642)
    equal(again["amount_refunded"], 1357)


def captured_event(one):
    event = json.loads(one["body"])
    return event["event"] == "payment.captured" and event["payload"]["payment"]["entity"]["id"] == payment["id"]


@step("webhook")
def sent():
    taken = delivery(captured_event)
    signature = taken["headers"]["x-razorpay-signature"]
    equal(client.utility.verify_webhook_signature(taken["body"], signature, credentials["webhook_secret"]), True)
    equal(json.loads(taken["body"])["payload"]["payment"]["entity"]["amount"], 8642)
    return taken


@step("forged")
def forged():
    signature, secret = sent["headers"]["x-razorpay-signature"], credentials["webhook_secret"]
    verify = client.utility.verify_webhook_signature
    refused = razorpay.errors.SignatureVerificationError
    raises(refused, lambda: verify(sent["body"], spoilt(signature), secret))
    raises(refused, lambda: verify(sent["body"].replace("8642", "8643"), signature, secret))
