"""PyPI Adyen: the host is fixed (`checkout-test.adyen.com`), so its name is led to the sandbox, with TLS."""

import copy
import json

import Adyen
from Adyen.util import is_valid_hmac_notification
from trial import credentials, delivery, equal, none, reach, spoilt, step

reach()
adyen = Adyen.Adyen(xapikey=credentials["api_key"], platform="test")
merchant = credentials["merchant_account"]


@step("create")
def payment():
    made = adyen.checkout.payments_api.payments(
        {
            "merchantAccount": merchant,
            "reference": "interop-python-adyen",
            "amount": {"currency": "EUR", "value": 8642},
            "paymentMethod": {
                "type": "scheme",
                "number": "4111111111111111",
                "expiryMonth": "03",
                "expiryYear": "2030",
                "cvc": "737",
                "holderName": "Ada Example",
            },
            "returnUrl": "https://merchant.example/return",
            "additionalData": {"manualCapture": "true"},
        },
        idempotency_key="interop-python-adyen-1",
    ).message
    equal(made["resultCode"], "Authorised")
    equal(made["amount"]["value"], 8642)
    equal(made["merchantReference"], "interop-python-adyen")
    return made


@step("capture")
def captured():
    request = {"merchantAccount": merchant, "amount": {"currency": "EUR", "value": 8642}, "reference": "interop-capture"}
    made = adyen.checkout.modifications_api.capture_authorised_payment(request, payment["pspReference"]).message
    equal(made["paymentPspReference"], payment["pspReference"])
    equal(made["status"], "received")
    equal(made["amount"]["value"], 8642)


@step("refund")
def refund():
    request = {"merchantAccount": merchant, "amount": {"currency": "EUR", "value": 1357}, "reference": "interop-refund"}
    made = adyen.checkout.modifications_api.refund_captured_payment(request, payment["pspReference"]).message
    equal(made["paymentPspReference"], payment["pspReference"])
    equal(made["status"], "received")
    equal(made["amount"]["value"], 1357)
    return made


none("retrieve", "Checkout has no look-up of a payment")


def item(notification):
    return notification["notificationItems"][0]["NotificationRequestItem"]


@step("webhook")
def sent():
    taken = delivery(lambda one: item(json.loads(one["body"]))["pspReference"] == refund["pspReference"])
    notification = json.loads(taken["body"])
    equal(is_valid_hmac_notification(notification, credentials["hmac_key"]), True)
    equal(item(notification)["eventCode"], "REFUND")
    equal(item(notification)["originalReference"], payment["pspReference"])
    equal(item(notification)["amount"]["value"], 1357)
    return notification


@step("forged")
def forged():
    other = copy.deepcopy(sent)
    item(other)["additionalData"]["hmacSignature"] = spoilt(item(sent)["additionalData"]["hmacSignature"])
    equal(is_valid_hmac_notification(other, credentials["hmac_key"]), False)
    other = copy.deepcopy(sent)
    item(other)["amount"]["value"] = 1358
    equal(is_valid_hmac_notification(other, credentials["hmac_key"]), False)
