"""PyPI truelayer-signing: signs requests and verifies webhooks; the calls are made with `requests`, as in TrueLayer's examples."""

import json

import requests
from truelayer_signing import HttpMethod, extract_jws_header, sign_with_pem, verify_with_jwks
from truelayer_signing.errors import TlSigningException
from trial import credentials, delivery, equal, none, raises, spoilt, step, url

KEYS = requests.get(f"{url}/.well-known/jwks", timeout=20).json()


def token():
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
        "scope": "payments",
    }
    answer = requests.post(f"{url}/connect/token", data=form, timeout=20)
    equal(answer.status_code, 200)
    return answer.json()["access_token"]


def post(path, key, content, status):
    """A signed POST. A signature that the sandbox does not accept is answered with an error."""
    body = json.dumps(content)
    signer = sign_with_pem(credentials["signing_key_id"], credentials["signing_key"])
    signature = (
        signer.set_method(HttpMethod.POST).set_path(path).add_header("Idempotency-Key", key).set_body(body).sign()
    )
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "Tl-Signature": signature,
    }
    answer = requests.post(url + path, headers=headers, data=body, timeout=20)
    equal((answer.status_code, answer.text if answer.status_code != status else ""), (status, ""))
    return answer.json()


def get(path):
    answer = requests.get(url + path, headers={"Authorization": f"Bearer {bearer}"}, timeout=20)
    equal(answer.status_code, 200)
    return answer.json()


bearer = token()


@step("create")
def payment():
    made = post(
        "/v3/payments",
        "0c2f8a0e-5b0c-4b57-8a3e-1f6f9d2c7b01",
        {
            "amount_in_minor": 8642,
            "currency": "GBP",
            "payment_method": {
                "type": "bank_transfer",
                "provider_selection": {"type": "user_selected"},
                "beneficiary": {
                    "type": "merchant_account",
                    "merchant_account_id": credentials["merchant_account_gbp"],
                },
            },
            "user": {"name": "Ada Example", "email": "ada@example.com"},
            "metadata": {"reference": "interop-python-truelayer"},
        },
        201,
    )
    equal(made["status"], "authorization_required")
    return made


none("capture", "a bank transfer is not captured")


def check(taken, signature):
    verifier = verify_with_jwks(KEYS, extract_jws_header(signature))
    verifier = verifier.set_method(HttpMethod.POST).set_path(taken["path"]).set_body(taken["body"])
    for name, value in taken["headers"].items():
        verifier.add_header(name, value)
    verifier.add_required_header("X-Tl-Webhook-Timestamp").verify(signature)


def settled(one):
    event = json.loads(one["body"])
    return event["payment_id"] == payment["id"] and event["type"] == "payment_settled"


@step("webhook")
def sent():
    taken = delivery(settled)
    check(taken, taken["headers"]["tl-signature"])
    equal(json.loads(taken["body"])["metadata"]["reference"], "interop-python-truelayer")
    return taken


@step("forged")
def forged():
    signature = sent["headers"]["tl-signature"]
    head, _, mark = signature.split(".")
    other = {**sent, "body": sent["body"].replace("payment_settled", "payment_failed")}
    raises(TlSigningException, lambda: check(sent, f"{head}..{spoilt(mark)}"))
    raises(TlSigningException, lambda: check(other, signature))


@step("refund")
def refund():
    content = {"amount_in_minor": 1357, "reference": "interop-refund"}
    made = post(f"/v3/payments/{payment['id']}/refunds", "0c2f8a0e-5b0c-4b57-8a3e-1f6f9d2c7b02", content, 202)
    equal(len(made["id"]), 36)
    return made


@step("retrieve")
def found():
    again = get(f"/v3/payments/{payment['id']}")
    equal(again["id"], payment["id"])
    equal(again["amount_in_minor"], 8642)
    equal(again["status"], "settled")
    equal(again["metadata"]["reference"], "interop-python-truelayer")
    returned = get(f"/v3/payments/{payment['id']}/refunds/{refund['id']}")
    equal(returned["id"], refund["id"])
    equal(returned["amount_in_minor"], 1357)
