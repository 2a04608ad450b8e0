"""The tracker and the real collector: what an app tracked is in the ledger, once. Needs SELVEDGE_BIN."""

import pathlib
import tempfile
import unittest

from collectors import PATIENCE_MS, RealCollector
from selvedge_mobile import Options, Tracker


class CollectorTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "ledger").mkdir()
        self.collector = self.enterContext(RealCollector(self.folder / "ledger"))

    def open(self, name):
        options = Options(
            write_key=self.collector.public_key, host=self.collector.host, directory=str(self.folder / name)
        )
        tracker = Tracker(options)
        self.addCleanup(tracker.shut_down, PATIENCE_MS)
        return tracker

    def test_an_event_is_in_the_ledger_once(self):
        tracker = self.open("app")
        tracker.track("Order Completed", '{"total": 12.5}')
        self.assertTrue(tracker.flush(PATIENCE_MS))
        [event] = self.collector.events_of(tracker.ids().anonymous_id)
        self.assertEqual((event["type"], event["event"]), ("track", "Order Completed"))
        self.assertEqual(event["properties"], {"total": 12.5})
        self.assertEqual(event["anonymousId"], tracker.ids().anonymous_id)

    def test_a_visit_is_in_the_ledger_in_its_order(self):
        tracker = self.open("app")
        tracker.screen("Home")
        tracker.track("Product Viewed")
        tracker.identify("u1", '{"plan": "pro"}')
        tracker.suspend()
        self.assertTrue(tracker.flush(PATIENCE_MS))
        events = self.collector.events_of(tracker.ids().anonymous_id)
        self.assertEqual([event["type"] for event in reversed(events)], ["screen", "track", "identify"])
        self.assertEqual(tracker.stats().dropped, 0)


if __name__ == "__main__":
    unittest.main()
