"""The tracker as an app in another language meets it: calls, errors, callbacks over the border."""

import gc
import json
import pathlib
import queue
import tempfile
import threading
import unittest

from collectors import PATIENCE_MS, PATIENCE_S, PlayedCollector
from selvedge_mobile import Listener, Options, Tracker, TrackerError

#: Nothing goes by itself within a test.
NEVER_MS = 3_600_000


class Ear(Listener):
    """Hears everything, then fails."""

    def __init__(self):
        self.heard = queue.Queue()

    def on_verdict(self, notice):
        self.heard.put(("verdict", notice.code))
        raise ValueError("the app's own trouble")

    def on_drop(self, notice):
        self.heard.put(("drop", notice.code))
        raise ValueError("the app's own trouble")


class TrackerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = pathlib.Path(folder.name) / "tracker"

    def open(self, host, listener=None, **settings):
        settings = {"flush_interval_ms": NEVER_MS, **settings}
        options = Options(write_key="pk_test", host=host, directory=str(self.directory), **settings)
        tracker = Tracker(options, listener)
        self.addCleanup(tracker.shut_down, PATIENCE_MS)
        return tracker

    def test_an_event_arrives_once_with_what_it_was_given(self):
        with PlayedCollector() as collector:
            tracker = self.open(collector.host, context='{"device":{"model":"Phone"}}')
            tracker.track("Order Completed", json.dumps({"total": 12.5, "currency": "EUR"}))
            self.assertTrue(tracker.flush(PATIENCE_MS))
            batch = collector.next_batch()
            self.assertEqual(batch["writeKey"], "pk_test")
            self.assertEqual(batch["context"]["device"], {"model": "Phone"})
            [event] = batch["batch"]
            self.assertEqual((event["type"], event["event"]), ("track", "Order Completed"))
            self.assertEqual(event["properties"], {"total": 12.5, "currency": "EUR"})
            self.assertEqual(event["anonymousId"], tracker.ids().anonymous_id)
            self.assertTrue(tracker.flush(PATIENCE_MS))
            self.assertTrue(collector.batches.empty())

    def test_every_call_crosses_the_border_with_and_without_its_options(self):
        with PlayedCollector() as collector:
            tracker = self.open(collector.host)
            tracker.identify("u1", '{"plan":"pro"}')
            tracker.identify(traits='{"plan":"free"}')
            tracker.screen("Cart")
            tracker.screen()
            tracker.page("Home", '{"path":"/"}')
            tracker.group("g1")
            tracker.alias("u2", "u1")
            self.assertTrue(tracker.flush(PATIENCE_MS))
            events = collector.next_batch()["batch"]
            types = [event["type"] for event in events]
            self.assertEqual(types, ["identify", "identify", "screen", "screen", "page", "group", "alias"])
            self.assertEqual({event["userId"] for event in events[:6]}, {"u1"})

    def test_text_of_any_script_arrives_as_it_was(self):
        with PlayedCollector() as collector:
            tracker = self.open(collector.host)
            name = 'Käse "alt" \\ 寿司 🧀\n\0'
            tracker.track(name, json.dumps({name: name}, ensure_ascii=False))
            self.assertTrue(tracker.flush(PATIENCE_MS))
            [event] = collector.next_batch()["batch"]
            self.assertEqual((event["event"], event["properties"]), (name, {name: name}))

    def test_ids_follow_login_and_reset_at_once(self):
        tracker = self.open("http://127.0.0.1:9")
        before = tracker.ids()
        self.assertIsNone(before.user_id)
        tracker.identify("u1")
        self.assertEqual(tracker.ids().user_id, "u1")
        self.assertEqual(tracker.ids().anonymous_id, before.anonymous_id)
        tracker.reset()
        self.assertIsNone(tracker.ids().user_id)
        self.assertNotEqual(tracker.ids().anonymous_id, before.anonymous_id)

    def test_bad_json_throws_nothing_and_a_listener_that_fails_hears_each_drop(self):
        ear = Ear()
        tracker = self.open("http://127.0.0.1:9", ear)
        for properties in ("{", "[]", "nonsense"):
            tracker.track("A", properties)
            self.assertEqual(ear.heard.get(timeout=PATIENCE_S), ("drop", "bad_value"))
        self.assertEqual((tracker.stats().queued, tracker.stats().dropped), (0, 3))

    def test_a_listener_may_call_the_tracker(self):
        class Caller(Listener):
            def __init__(self):
                self.ids = queue.Queue()

            def on_verdict(self, notice):
                pass

            def on_drop(self, notice):
                self.ids.put(self.tracker.ids())

        caller = Caller()
        caller.tracker = self.open("http://127.0.0.1:9", caller)
        caller.tracker.track("")
        self.assertEqual(caller.ids.get(timeout=PATIENCE_S), caller.tracker.ids())

    def test_what_was_tracked_without_a_network_arrives_after_a_restart(self):
        tracker = self.open("http://127.0.0.1:9")
        tracker.track("A")
        self.assertFalse(tracker.flush(PATIENCE_MS))
        self.assertTrue(tracker.shut_down(PATIENCE_MS))
        with PlayedCollector() as collector:
            tracker = self.open(collector.host)
            [event] = collector.next_batch()["batch"]
            self.assertEqual(event["event"], "A")
            self.assertTrue(tracker.flush(PATIENCE_MS))

    def test_going_to_the_background_sends_what_waits(self):
        with PlayedCollector() as collector:
            tracker = self.open(collector.host)
            tracker.track("A")
            tracker.suspend()
            self.assertEqual(len(collector.next_batch()["batch"]), 1)
            tracker.resume()
            self.assertTrue(tracker.flush(PATIENCE_MS))

    def test_threads_may_share_a_tracker(self):
        with PlayedCollector() as collector:
            tracker = self.open(collector.host)
            workers = [threading.Thread(target=self.track_many, args=(tracker, name)) for name in "ABCD"]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            self.assertTrue(tracker.flush(PATIENCE_MS))
            names = []
            while not collector.batches.empty():
                names += [event["event"] for event in collector.next_batch()["batch"]]
            self.assertEqual(sorted(names), sorted(f"{name}{number}" for name in "ABCD" for number in range(100)))

    def test_a_tracker_that_is_let_go_still_writes_what_was_called(self):
        tracker = Tracker(Options(write_key="pk", host="http://127.0.0.1:9", directory=str(self.directory)))
        tracker.track("A")
        watcher = tracker.stats()
        self.assertEqual(watcher.queued, 1)
        del tracker
        gc.collect()
        # Its queue is free for the next as soon as it has ended, which it does by itself.
        with PlayedCollector() as collector:
            successor = self.open(collector.host)
            while collector.batches.empty():
                successor.resume()
                successor.flush(PATIENCE_MS)
            self.assertEqual([event["event"] for event in collector.next_batch()["batch"]], ["A"])

    def test_what_a_developer_must_mend_is_said_at_once(self):
        good = {"write_key": "pk_test", "host": "https://collect.example", "directory": str(self.directory)}
        for change, error in [
            ({"write_key": ""}, TrackerError.EmptyWriteKey),
            ({"host": "collect.example"}, TrackerError.BadHost),
            ({"context": "[]"}, TrackerError.BadContext),
            ({"directory": "/dev/null/tracker"}, TrackerError.DirectoryNotWritable),
        ]:
            with self.subTest(change), self.assertRaises(error) as raised:
                Tracker(Options(**{**good, **change}))
            self.assertGreater(len(str(raised.exception)), 20)

    @staticmethod
    def track_many(tracker, name):
        for number in range(100):
            tracker.track(f"{name}{number}")


if __name__ == "__main__":
    unittest.main()
