"""PyPI gocardless_pro: `base_url` is an option of the client."""

import json

import gocardless_pro
from gocardless_pro import webhooks
from gocardless_pro.errors import InvalidSignatureError
from trial import credentials, delivery, equal, none, raises, spoilt, step, true, url

client = gocardless_pro.Client(access_token=credentials["access_token"], base_url=url)


@step("create")
def payment():
    customer = client.customers.create(
        params={
            "given_name": "Ada",
            "family_name": "Example",
            "email": "ada@example.com",
            "address_line1": "1 Example Street",
            "city": "London",
            "postal_code": "NW1 6XE",
            "country_code": "GB",
        }
    )
    account = client.customer_bank_accounts.create(
        params={
            "account_holder_name": "Ada Example",
            "account_number": "55779911",
            "branch_code": "200000",
            "country_code": "GB",
            "links": {"customer": customer.id},
        }
    )
    equal(account.links.customer, customer.id)
    mandate = client.mandates.create(params={"scheme": "bacs", "links": {"customer_bank_account": account.id}})
    made = client.payments.create(
        params={
            "amount": 8642,
            "currency": "GBP",
            "links": {"mandate": mandate.id},
            "metadata": {"reference": "interop-python-gocardless"},
        },
        headers={"Idempotency-Key": "interop-python-gocardless-1"},
    )
    true(made.id.startswith("PM"), made.id)
    equal(made.amount, 8642)
    equal(made.status, "pending_submission")
    equal(made.links.mandate, mandate.id)
    equal(made.metadata["reference"], "interop-python-gocardless")
    return made


none("capture", "a direct debit is collected at once")


def of_payment(one):
    return any(event["links"].get("payment") == payment.id for event in json.loads(one["body"])["events"])


@step("webhook")
def sent():
    taken = delivery(of_payment)
    events = webhooks.parse(taken["body"], credentials["webhook_secret"], taken["headers"]["webhook-signature"])
    true(any(event.action == "confirmed" and event.links.payment == payment.id for event in events), taken["body"])
    return taken


@step("forged")
def forged():
    signature, secret = sent["headers"]["webhook-signature"], credentials["webhook_secret"]
    raises(InvalidSignatureError, lambda: webhooks.parse(sent["body"], secret, spoilt(signature)))
    raises(InvalidSignatureError, lambda: webhooks.parse(sent["body"].replace("confirmed", "cancelled"), secret, signature))


@step("refund")
def refund():
    made = client.refunds.create(
        params={"amount": 1357, "total_amount_confirmation": 1357, "links": {"payment": payment.id}}
    )
    true(made.id.startswith("RF"), made.id)
    equal(made.amount, 1357)
    equal(made.links.payment, payment.id)


@step("retrieve")
def found():
    again = client.payments.get(payment.id)
    equal(again.id, payment.id)
    true(again.status in ("confirmed", "paid_out"), again.status)
    equal(again.amount, 8642)
    equal(again.amount_refunded, 1357)
