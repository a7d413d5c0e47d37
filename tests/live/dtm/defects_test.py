# SPDX-License-Identifier: MIT
"""What is known to go wrong in DTM, and must not here: money lost or moved
twice, texts cut, rows mixed up. Against the real saga actor, killed where that is
the point."""

import json
import tempfile
import threading

from busi import ERROR, FAILURE, ONGOING
from client import Actor, Client
from scene import BINARY, Scene, busi


class Base(Scene):
    def await_status(self, status, gid=None):
        for _ in range(20000):
            if self.status(gid) == status:
                return
        self.fail(f"{gid or self.gid} is {self.status(gid)}, not {status}")

    def post(self, name, body, status=200):
        answer = self.client.post(name, body)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json

    def tcc(self):
        self.post("prepare", {"gid": self.gid, "trans_type": "tcc"})
        self.post(
            "registerBranch",
            {
                "gid": self.gid,
                "trans_type": "tcc",
                "branch_id": "01",
                "confirm": busi.url("confirm"),
                "cancel": busi.url("cancel"),
            },
        )


class Frozen(Base):
    """A test's clock: nothing moves by itself."""

    def test_a_no_success_without_every_confirm(self):
        self.tcc()
        busi.script("confirm", ERROR)
        body = {"gid": self.gid, "trans_type": "tcc"}
        self.post("submit", body)
        self.wait()
        self.post("submit", body)  # as a proxy does that heard no answer
        self.post("submit", body)
        found = self.query()
        self.assertEqual(found["transaction"]["status"], "submitted")
        self.assertEqual(found["branches"][1]["status"], "prepared")
        self.assertEqual(len(busi.seen(self.gid, "confirm")), 1)
        self.clock.hook("cron", now=0, cron=180)
        self.assertEqual(self.status(), "succeed")
        self.assertEqual(len(busi.seen(self.gid, "confirm")), 2)

    def test_b_a_second_submit_calls_nothing(self):
        gate = busi.gate("in")
        self.post("submit", self.saga())
        self.assertTrue(busi.await_calls(self.gid, "in", 1))
        self.post("submit", self.saga())
        other = self.saga(payloads=["{}", '{"more":1}'])
        answer = self.post("submit", other, 409)
        self.assertEqual(answer["dtm_result"], "FAILURE")
        gate.set()
        self.await_status("succeed")
        self.assertEqual(busi.paths(self.gid), ["out", "in"])

    def test_e_gids_that_continue_each_other(self):
        for gid in ["a", "a0", "a00", "a%", "a_"]:
            self.post("submit", self.saga(gid=gid))
        for gid in ["a", "a0", "a00", "a%", "a_"]:
            self.await_status("succeed", gid)
            rows = self.query(gid)["branches"]
            self.assertEqual([r["gid"] for r in rows], [gid] * 4)

    def test_f_topics_are_as_they_are_now(self):
        for round, path in enumerate(["one", "two", "three"]):
            self.client.get("subscribe", topic="t", url=busi.url(path))
            body = {
                "gid": f"{self.gid}{round}",
                "trans_type": "msg",
                "steps": [{"action": "topic://t"}],
                "payloads": ["x"],
            }
            self.post("submit", body)
            self.await_status("succeed", body["gid"])
            self.assertEqual(busi.paths(body["gid"]), [path])
            self.client.ask("DELETE", "/api/dtmsvr/topic/t")

    def test_g_long_texts_are_kept(self):
        why = "why " * 5000 + "FAILURE"
        busi.script("in", (200, why))
        self.post("submit", self.saga(payloads=["x" * 200000, "y"]))
        self.await_status("failed")
        reason = self.query()["transaction"]["rollback_reason"]
        self.assertEqual(
            reason, f'url:{busi.url("in")} return failed: {why}'
        )
        self.assertEqual(len(busi.seen(self.gid, "out")[0].body), 200000)

    def test_h_what_nobody_can_be_asked_about_is_dropped(self):
        body = {
            "gid": self.gid,
            "trans_type": "msg",
            "steps": [{"action": busi.url("out")}],
            "payloads": ["x"],
        }
        self.post("prepare", body)
        self.clock.hook("cron", now=180, cron=180)
        self.assertEqual(self.status(), "failed")
        self.assertEqual(busi.paths(self.gid), [])
        self.gid += "2"
        self.post("prepare", self.saga())
        self.clock.hook("cron", now=180, cron=180)
        self.assertEqual(self.status(), "failed")

    def test_i_strict_ignores_words(self):
        busi.script("in", '{"note":"FAILURE ONGOING"}')
        self.post("submit", self.saga(strict=True))
        self.await_status("succeed")

    def test_j_reset_next_cron_time_resets(self):
        busi.script("out", ONGOING)
        self.post("submit", self.saga(retry_interval=5000))
        self.wait()
        self.post("resetNextCronTime", {"gid": self.gid})
        self.clock.hook("cron", now=0, cron=1)
        self.await_status("succeed")


class Alive(Base):
    """The real clock."""

    hooks = False

    def test_c_nothing_is_forgotten_when_it_is_killed(self):
        for round in range(10):
            gid = f"{self.gid}{round}"
            busi.script("in", FAILURE)
            gate = busi.gate("inBack" if round % 2 else "outBack")
            self.post("submit", self.saga(gid=gid))
            path = "inBack" if round % 2 else "outBack"
            self.assertTrue(busi.await_calls(gid, path, 1))
            self.actor.kill()
            gate.set()
            busi.reset()
            busi.script("in", FAILURE)
            self.actor.start()
            self.await_status("failed", gid)
            self.assertTrue(busi.seen(gid, "outBack"))
            rows = self.query(gid)["branches"]
            self.assertEqual(rows[0]["status"], "succeed")
            self.assertEqual(rows[2]["status"], "succeed")

    def test_c_killed_after_the_answer(self):
        for round in range(5):
            gid = f"{self.gid}{round}"
            busi.reset()
            gate = busi.gate("out")
            self.post("submit", self.saga(gid=gid))
            self.actor.kill()
            gate.set()
            self.actor.start()
            self.await_status("succeed", gid)

    def test_c_registered_and_killed(self):
        self.tcc()
        self.actor.kill()
        self.actor.start()
        self.post("submit", {"gid": self.gid, "trans_type": "tcc"})
        self.await_status("succeed")
        self.assertEqual(busi.paths(self.gid), ["confirm"])

    def test_d_never_two_calls_of_one_branch(self):
        gate = busi.gate("out")
        body = self.saga(request_timeout=30, retry_interval=1)
        self.post("submit", body)
        self.assertTrue(busi.await_calls(self.gid, "out", 1))
        self.assertFalse(busi.await_calls(self.gid, "out", 2, timeout=4))
        for _ in range(3):
            self.post("submit", body)
            self.client.post("resetNextCronTime", {"gid": self.gid})
        gate.set()
        self.await_status("succeed")
        self.assertEqual(busi.most["out"], 1)
        self.assertEqual(busi.paths(self.gid), ["out", "in"])

    def test_k_no_update_is_lost(self):
        threads, bad = [], []

        def many(worker):
            client = Client(self.actor.port)
            for i in range(25):
                gid = f"{self.gid}-{worker}-{i}"
                answer = client.post(
                    "submit", self.saga(gid=gid, wait_result=True)
                )
                if answer.status != 200:
                    bad.append(answer.text)

        for worker in range(8):
            threads.append(threading.Thread(target=many, args=(worker,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual(bad, [])
        for worker in range(8):
            for i in range(25):
                found = self.query(f"{self.gid}-{worker}-{i}")
                self.assertEqual(
                    [r["status"] for r in found["branches"]],
                    ["prepared", "succeed"] * 2,
                )

    def test_resumes_at_once_and_a_dead_place_delays_nobody(self):
        gate = busi.gate("hangs")
        dead = [{"action": busi.url("hangs"), "compensate": ""}]
        live = [{"action": busi.url("late"), "compensate": ""}]
        late = busi.gate("late")
        for i in range(20):
            for name, steps in [("dead", dead), ("live", live)]:
                self.post(
                    "submit",
                    self.saga(
                        gid=f"{self.gid}{name}{i}", steps=steps, payloads=["x"]
                    ),
                )
        self.actor.kill()
        late.set()
        self.actor.start()
        for i in range(20):
            self.await_status("succeed", f"{self.gid}live{i}")
        gate.set()


class Parked(Base):
    """A compensation that fails too often waits for a human."""

    extra = "ParkAfter: 2\n"

    def test_parks(self):
        busi.script("in", FAILURE)
        busi.script("inBack", ERROR, ERROR)
        self.post("submit", self.saga())
        self.wait()
        self.clock.hook("cron", now=0, cron=180)
        self.wait()
        page = self.client.get("all", status="parked").json
        self.assertEqual([t["gid"] for t in page["transactions"]], [self.gid])
        self.assertEqual(self.clock.hook("cron", now=0, cron=100000), "")
        self.post("resetNextCronTime", {"gid": self.gid})
        self.await_status("failed")


class Alerts(Base):
    """Whoever should know is told."""

    @classmethod
    def setUpClass(cls):
        cls.extra = f"AlertWebHook: {busi.url('alert')}\n"
        super().setUpClass()

    def test_alerts(self):
        busi.script("out", ERROR, ERROR, ERROR)
        self.post("submit", self.saga())
        self.wait()
        for _ in range(2):
            self.clock.hook("cron", now=0, cron=180)
        self.assertTrue(busi.await_calls(self.gid, "alert", 1))
        told = json.loads(busi.seen(self.gid, "alert")[0].body)
        self.assertEqual(told["gid"], self.gid)
        self.assertEqual(told["status"], "submitted")
        self.assertEqual(told["branch"], busi.url("out"))
        self.assertEqual(told["retry_count"], 3)
        self.assertIn("out of order", told["error"])
        self.clock.hook("cron", now=0, cron=180)
        self.assertEqual(self.status(), "succeed")


class Token(Base):
    """Whoever has no token does nothing."""

    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp(prefix="dtm.")
        cls.actor = Actor(BINARY, cls.home, False, "", "  Token: s3cret\n", {401})
        cls.client = Client(cls.actor.port)

    def test_token(self):
        for given in [None, "Bearer", "Bearer s3cre", "Bearer s3crets", "x"]:
            headers = {"Authorization": given} if given else {}
            answer = self.client.ask(
                "GET", "/api/dtmsvr/newGid", headers=headers
            )
            self.assertEqual(answer.status, 401)
        answer = self.client.ask(
            "GET",
            "/api/dtmsvr/newGid",
            headers={"Authorization": "Bearer s3cret"},
        )
        self.assertEqual(answer.status, 200)
