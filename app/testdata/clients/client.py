"""A client as its users write it, on the package that openapi-python-client makes of the document."""

import importlib
import json
import pkgutil
import sys
import urllib.request

import whatsapp_api
from whatsapp_api.api.messages import list_messages, send_message
from whatsapp_api.api.sessions import create_session, get_qr_code, list_events
from whatsapp_api.api.users import get_me, log_in
from whatsapp_api.client import AuthenticatedClient, Client
from whatsapp_api.models import CreateSessionInBody, CreateSessionProblem, CreateSessionProblemCode, LoginInBody, Message, SendMessageInBody

URL, CONTROL, EMAIL, PASSWORD = sys.argv[1:]


def phone(route, body):
    request = urllib.request.Request(CONTROL + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()


def until(client, session, fits):
    """Reads the event log until an event fits."""
    after = 0
    while True:
        page = list_events.sync(session, client=client, after=after, wait=20)
        for event in page.data:
            if fits(event):
                return event
        after = page.last_seq


modules = [m.name for m in pkgutil.walk_packages(whatsapp_api.__path__, "whatsapp_api.")]
for name in modules:  # each is whole
    importlib.import_module(name)

login = log_in.sync(client=Client(URL), body=LoginInBody(email=EMAIL, password=PASSWORD))
client = AuthenticatedClient(URL, token=login.token, timeout=60)
assert get_me.sync(client=client).email == EMAIL

body = CreateSessionInBody(name="Snake", id="snake")
assert create_session.sync(client=client, body=body).state == "created"
again = create_session.sync(client=client, body=body)
assert isinstance(again, CreateSessionProblem), again
assert again.code is CreateSessionProblemCode.SESSION_EXISTS, again.code

qr = get_qr_code.sync("snake", client=client, wait=30)
phone("/sandbox/phones", {"phone": "34612000001", "name": "Ann"})
phone("/sandbox/phones", {"phone": "34612000002", "name": "Bob"})
phone("/sandbox/phones/34612000001/scan", {"qr": qr.code})
until(client, "snake", lambda e: e.event == "session_connected")

sent = send_message.sync("snake", client=client, body=SendMessageInBody(to="34612000002", text="Hello from Python"), idempotency_key="one")
assert isinstance(sent, Message) and sent.from_me, sent
event = until(client, "snake", lambda e: e.event == "message_sent")
assert event.data.message.text == "Hello from Python", event

listed = list_messages.sync("snake", "34612000002", client=client)
assert [m.id for m in listed.data] == [sent.id], listed
print("ok", len(modules))
