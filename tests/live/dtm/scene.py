# SPDX-License-Identifier: MIT
"""What the tests of DTM's API share: one saga actor a class, a participant, and
the words that dtmcli's tests use. The first argument is the actor's binary."""

import os
import shutil
import sys
import tempfile
import unittest

from busi import Busi
from client import Actor, Client

BINARY = sys.argv.pop(1)
busi = Busi()


class Scene(unittest.TestCase):
    hooks = True
    extra = ""
    payloads = ["{}", "{}"]

    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp(prefix="dtm.")
        cls.actor = Actor(BINARY, cls.home, cls.hooks, cls.extra)
        cls.client = Client(cls.actor.port)
        cls.clock = Client(cls.actor.debug)

    @classmethod
    def tearDownClass(cls):
        busi.reset()
        stopped = cls.actor.stop()
        with open(os.path.join(cls.home, "saga.log"), encoding="utf-8") as log:
            text = log.read()
        shutil.rmtree(cls.home)
        assert stopped, "the saga actor did not end well: " + text[-4000:]

    def setUp(self):
        busi.reset()
        self.gid = self.id().rsplit(".", 1)[1]

    def wait(self, gid=None):
        for _ in range(100):
            if self.clock.hook("wait") == (gid or self.gid):
                return
        self.fail("no round of " + (gid or self.gid))

    def query(self, gid=None):
        return self.client.get("query", gid=gid or self.gid).json

    def status(self, gid=None):
        return self.query(gid)["transaction"]["status"]

    def saga(self, **more):
        body = {
            "gid": self.gid,
            "trans_type": "saga",
            "steps": [
                {"action": busi.url("out"), "compensate": busi.url("outBack")},
                {"action": busi.url("in"), "compensate": busi.url("inBack")},
            ],
            "payloads": list(self.payloads),
        }
        body.update(more)
        return body
