"""What Segment's Python client does when answers are lost or refused, and what the collector then holds."""

import unittest
from datetime import datetime, timedelta, timezone
from uuid import uuid4

from segment.analytics.client import Client

from collector import Collector
from wire import Wire


class Retries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.collector = cls.enterClassContext(Collector())

    def test_a_batch_whose_answer_was_lost_is_sent_again_and_stored_once(self):
        user_id = f"retry-{uuid4()}"
        with Wire(self.collector.url, loses=2) as wire:
            failures = track(wire.url, self.collector.public_key, user_id, 10)
        self.assertEqual(failures, [])
        self.assertEqual([request.answered for request in wire.passed], [None, None, 200])
        self.assertEqual([request.headers.get("X-Retry-Count") for request in wire.passed], [None, "1", "2"])
        self.assertEqual(self.steps_of(user_id), list(range(10)))

    def test_an_unknown_key_is_answered_once_and_the_client_gives_up_rather_than_hammer(self):
        user_id = f"refused-{uuid4()}"
        # The client logs the refusal as well.
        with self.assertLogs("segment", "ERROR") as logs, Wire(self.collector.url) as wire:
            failures = track(wire.url, "pk_unknown", user_id, 3)
        self.assertEqual([request.answered for request in wire.passed], [401])
        self.assertEqual([failure.code for failure in failures], ["unknown_key"], logs.output)
        self.assertEqual(self.collector.events(f"user_id:{user_id}"), [])

    def test_a_batch_with_a_call_that_the_collector_refuses_is_settled_at_once_and_its_neighbours_are_stored(self):
        user_id = f"neighbours-{uuid4()}"
        with Wire(self.collector.url) as wire:
            failures = track(wire.url, self.collector.public_key, user_id, 5, event_of=lambda step: "x" * 201 if step == 2 else "Step")
        self.assertEqual(failures, [])
        self.assertEqual([request.answered for request in wire.passed], [200])
        self.assertEqual(self.steps_of(user_id), [0, 1, 3, 4])

    def steps_of(self, user_id):
        return [event["properties"]["step"] for event in self.collector.events(f"user_id:{user_id}")]


def track(host, write_key, user_id, count, event_of=lambda step: "Step"):
    """The failures of so many calls of a client at its defaults."""
    failures = []
    client = Client(write_key, host=host, on_error=lambda error, batch: failures.append(error))
    begun = datetime.now(timezone.utc) - timedelta(minutes=1)
    for step in range(count):
        client.track(user_id, event_of(step), {"step": step}, timestamp=begun + timedelta(milliseconds=step))
    client.shutdown()
    return failures


if __name__ == "__main__":
    unittest.main()
