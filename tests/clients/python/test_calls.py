"""Every call of Segment's Python client arrives, once, as the client was told to send it."""

import json
import unittest
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid4

from segment.analytics.client import Client

from collector import Collector
from wire import Wire


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.collector = cls.enterClassContext(Collector())

    def test_each_kind_of_call_arrives_once_with_all_that_it_was_told(self):
        for gzip in (False, True):
            with self.subTest(gzip=gzip):
                user_id = f"ada-{uuid4()}"
                calls = calls_of(user_id)
                self.send(calls, gzip=gzip)
                events = self.collector.events(f"user_id:{user_id}")
                self.assertEqual([event["type"] for event in events], [kind for kind, _ in calls])
                for event, (_, told) in zip(events, calls):
                    self.assert_holds_all_of(event, told)

    def test_the_stored_message_is_the_sent_one(self):
        user_id = f"bytes-{uuid4()}"
        with Wire(self.collector.url) as wire:
            self.send(calls_of(user_id), host=wire.url)
        sent = [event for request in wire.passed for event in json.loads(request.body)["batch"]]
        stored = [event["raw"] for event in self.collector.events(f"user_id:{user_id}")]
        # As text: 1 and 1.0 are equal in Python, and are not the same message.
        self.assertEqual([json.dumps(event) for event in stored], [json.dumps(event) for event in sent])

    def test_a_call_without_a_time_or_a_message_id_gets_both_and_keeps_the_clients(self):
        anonymous_id = str(uuid4())
        begun = datetime.now(timezone.utc)
        self.send([("track", {"anonymous_id": anonymous_id, "event": "Seen"})])
        [event] = self.collector.events(f"anonymous_id:{anonymous_id}")
        self.assertEqual(event["messageId"], event["raw"]["messageId"])
        self.assertTrue(begun - timedelta(milliseconds=1) <= moment(event["time"]) <= datetime.now(timezone.utc))

    def test_three_hundred_calls_arrive_once_in_the_order_of_the_calls(self):
        user_id = f"many-{uuid4()}"
        begun = datetime.now(timezone.utc) - timedelta(minutes=1)
        self.send(
            ("track", {"user_id": user_id, "event": "Step", "properties": {"step": step}, "timestamp": begun + timedelta(milliseconds=step)})
            for step in range(300)
        )
        events = self.collector.events(f"user_id:{user_id}")
        self.assertEqual([event["properties"]["step"] for event in events], list(range(300)))

    def test_a_call_in_sync_mode_is_stored_when_it_returns(self):
        client = Client(self.collector.public_key, host=self.collector.url, sync_mode=True)
        user_id = f"sync-{uuid4()}"
        for step in range(3):
            client.track(user_id, "Step", {"step": step})
            self.assertEqual(len(self.collector.events(f"user_id:{user_id}")), step + 1)

    def test_a_number_as_user_id_is_its_text(self):
        user_id = uuid4().int
        self.send([("track", {"user_id": user_id, "event": "Seen"})])
        [event] = self.collector.events(f"user_id:{user_id}")
        self.assertEqual(event["userId"], str(user_id))

    def test_a_call_that_is_no_json_costs_itself_only(self):
        user_id = f"nan-{uuid4()}"
        shares = (0.5, float("nan"), float("inf"), 0.25)
        self.send(("track", {"user_id": user_id, "event": "Share", "properties": {"share": share}}) for share in shares)
        events = self.collector.events(f"user_id:{user_id}")
        self.assertEqual(sorted(event["properties"]["share"] for event in events), [0.25, 0.5])

    def test_a_visitor_who_logs_in_and_a_browser_that_an_alias_names_are_one_person(self):
        browser, phone, user_id = str(uuid4()), str(uuid4()), f"login-{uuid4()}"
        email = f"{user_id}@example.com"
        self.send(
            [
                ("track", {"anonymous_id": browser, "event": "Looked"}),
                ("identify", {"anonymous_id": browser, "user_id": user_id, "traits": {"email": email, "plan": None}}),
                ("track", {"anonymous_id": phone, "event": "Looked again"}),
                ("alias", {"previous_id": phone, "user_id": user_id}),
            ]
        )
        profile = self.collector.profile(f"email:{email}")
        names = {f"{name['kind']}:{name['value']}" for name in profile["identifiers"]}
        self.assertEqual(names, {f"anonymous_id:{browser}", f"anonymous_id:{phone}", f"email:{email}", f"user_id:{user_id}"})
        self.assertEqual(profile["event_count"], 4)

    def send(self, calls, host=None, **options):
        """Makes calls on a client at its defaults, until all of them are answered; fails if one was not delivered."""
        failures = []
        client = Client(
            self.collector.public_key,
            host=host or self.collector.url,
            on_error=lambda error, batch: failures.append(error),
            **options,
        )
        for kind, told in calls:
            getattr(client, kind)(**told)
        client.shutdown()
        self.assertEqual(failures, [])

    def assert_holds_all_of(self, event, told):
        raw = event["raw"]
        for name, field in FIELDS.items():
            if name in told:
                self.assertEqual(json.dumps(raw[field]), json.dumps(over_the_wire(told[name])), name)
                if field in event:
                    self.assertEqual(event[field], raw[field], name)
        self.assertEqual(moment(event["time"]), told["timestamp"])
        library = event["context"].pop("library")
        self.assertEqual(library["name"], "analytics-python")
        self.assertEqual(event["context"], {name: value for name, value in told["context"].items() if name != "library"})


def calls_of(user_id):
    """Every call there is, with all that JSON can say."""
    anonymous_id = str(uuid4())
    begun = datetime.now(timezone.utc).replace(microsecond=123_000) - timedelta(days=3)

    def call(kind, place, **told):
        context = {"ip": "203.0.113.7", "locale": "de-DE", "page": {"path": "/kasse", "title": "Ж €"}, "traits": {"plan": "stale"}}
        told |= {"user_id": user_id, "context": context, "timestamp": begun + timedelta(seconds=place), "message_id": str(uuid4())}
        return kind, told if kind == "alias" else told | {"anonymous_id": anonymous_id}

    traits = {"email": f"{user_id}@example.com", "name": "Zoë 🧵", "age": 41, "vip": True, "left": None, "born": date(1985, 2, 28)}
    return [
        call("identify", 1, traits=traits),
        call("track", 2, event="Order Completed 🛒", properties=every_value(), integrations={"All": False, "Mixpanel": True}),
        call("page", 3, category="Docs", name="Größen", properties={"url": "https://shop.example/größen?a=1&b=2", "": "an empty name"}),
        call("screen", 4, category="Shop", name="Cart", properties={"items": []}),
        call("group", 5, group_id="0", traits={"name": "Weavers", "employees": 12, "email": "office@weavers.example"}),
        call("alias", 6, previous_id=anonymous_id),
    ]


def every_value():
    return {
        "nested": {"deeper": {"deepest": [1, [2, [3, {"four": 4}]]]}, "empty": {}, "none": []},
        "numbers": [0, -0.5, 1.0, 1e21, 5e-324, 2**63 - 1, -(2**63), 2**64, 10**40, 0.1 + 0.2],
        "texts": ["", " ", "\0", "\u2028\u2029", 'quote " backslash \\ slash /', "tab\tline\n", "漢字", "👩‍👩‍👧", "e\u0301", "</script>"],
        "truths": [True, False, None],
        "at": datetime(1970, 1, 1, tzinfo=timezone.utc),
        "price": Decimal("19.90"),
        "key.with.dots": 1,
        "ключ": "значение",
        "long": "x" * 8_000,
    }


def over_the_wire(value):
    """What is left of a value on its way through this client: dates are text, decimals are floats."""
    return json.loads(json.dumps(value, default=lambda other: float(other) if isinstance(other, Decimal) else other.isoformat()))


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# The client's words and the wire's.
FIELDS = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "previous_id": "previousId",
    "group_id": "groupId",
    "event": "event",
    "category": "category",
    "name": "name",
    "properties": "properties",
    "traits": "traits",
    "message_id": "messageId",
    "integrations": "integrations",
}

if __name__ == "__main__":
    unittest.main()
