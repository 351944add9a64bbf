"""What every script shares: the sandbox it speaks to, its steps, and the deliveries that came in."""

import json
import os
import socket
import sys
import time
import urllib.request
from urllib.parse import urlsplit

SANDBOX = json.loads(os.environ["QUITTANCE_SANDBOX"])
DELIVERY_SECONDS = 20

url = SANDBOX["url"]
host, port = urlsplit(url).hostname, urlsplit(url).port
credentials = SANDBOX["credentials"]
webhooks = SANDBOX["webhooks"]


def _report(name, verdict, detail=None):
    print(json.dumps({"step": name, "verdict": verdict, "detail": detail}, separators=(",", ":")), flush=True)


def step(name):
    """Does a step at once and says how it went. The first that fails ends the script. The name keeps the step's result."""

    def run(act):
        try:
            result = act()
        except Exception as error:  # whatever an SDK raises is the step's failure
            said = getattr(error, "body", None) or getattr(error, "raw_response", None) or ""
            _report(name, "fail", f"{type(error).__name__}: {error} {said}".strip())
            sys.exit(1)
        _report(name, "pass")
        return result

    return run


def none(name, why):
    """Says that there is no such step: the provider has no such operation, or the SDK no such helper."""
    _report(name, "none", why)


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")


def true(found, what):
    if not found:
        raise AssertionError(what)


def raises(kinds, act):
    try:
        act()
    except kinds:
        return
    raise AssertionError("nothing was raised")


def delivery(wanted):
    """Waits for a delivery; `wanted` may raise for those of other events."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    while True:
        with urllib.request.urlopen(SANDBOX["deliveries"]) as answer:
            deliveries = json.load(answer)
        for one in deliveries:
            try:
                if wanted(one):
                    return one
            except (KeyError, IndexError, TypeError, ValueError):
                continue
        if time.monotonic() > deadline:
            others = " | ".join(one["body"][:200] for one in deliveries)
            raise AssertionError(f"no such delivery in {DELIVERY_SECONDS} s; {len(deliveries)} others: {others}")
        time.sleep(0.1)


def spoilt(text):
    """A text with its first letter or digit changed: a signature that is wrong, in the right form."""
    return ("b" if text[0] == "a" else "a") + text[1:]


def reach():
    """For an SDK that knows its provider's host by heart: that host's name leads to the sandbox, as in a hosts file. The TLS
    handshake stays: the sandbox's certificate, trusted through REQUESTS_CA_BUNDLE, has to be good for the provider's name."""
    resolve = socket.getaddrinfo

    def lookup(name, service, *args, **kwargs):
        if name in SANDBOX["hosts"] and service == 443:
            return resolve("127.0.0.1", port, *args, **kwargs)
        return resolve(name, service, *args, **kwargs)

    socket.getaddrinfo = lookup
