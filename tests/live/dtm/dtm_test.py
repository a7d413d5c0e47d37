# SPDX-License-Identifier: MIT
"""DTM's API against the real saga actor: every endpoint, the five patterns and
their options, on a test's clock, which the test drives as the tests of DTM's
own clients do. Run by ./run with the binary's place as argument."""

import base64
import json

from busi import ERROR, FAILURE, ONGOING
from scene import Scene, busi

SUCCESS = {"dtm_result": "SUCCESS"}


class Base(Scene):
    payloads = ['{"amount":30}', '{"amount":30}']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clock.hook("forward", cron=180)

    def cron(self, gid=None, **shift):
        gid = self.gid if gid is None else gid
        self.assertEqual(self.clock.hook("cron", **shift), gid)
        if gid:
            self.wait(gid)

    def reason(self):
        return self.query()["transaction"].get("rollback_reason")

    def branches(self):
        return [b["status"] for b in self.query()["branches"]]

    def message(self, **more):
        body = {
            "gid": self.gid,
            "trans_type": "msg",
            "query_prepared": busi.url("asked"),
            "steps": [
                {"action": busi.url("out")},
                {"action": busi.url("in")},
            ],
            "payloads": ['{"amount":30}', '{"amount":30}'],
        }
        body.update(more)
        return body

    def submit(self, body, status=200):
        answer = self.client.post("submit", body)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json

    def prepare(self, body, status=200):
        answer = self.client.post("prepare", body)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json

    def register(self, expected=200, **more):
        body = {"gid": self.gid, "trans_type": "tcc", "branch_id": "01"}
        body.update(more)
        answer = self.client.post("registerBranch", body)
        self.assertEqual(answer.status, expected, answer.text)
        return answer.json

    def tcc(self, branches=2):
        self.prepare({"gid": self.gid, "trans_type": "tcc"})
        for i in range(branches):
            self.register(
                branch_id=f"{i + 1:02}",
                data="{}",
                confirm=busi.url(f"confirm{i}"),
                cancel=busi.url(f"cancel{i}"),
            )


P, S, F = "prepared", "succeed", "failed"


class Saga(Base):
    def test_saga_normal(self):
        self.assertEqual(self.submit(self.saga()), SUCCESS)
        self.wait()
        self.assertEqual(self.branches(), [P, S, P, S])
        self.assertEqual(self.status(), "succeed")
        self.assertEqual(busi.paths(self.gid), ["out", "in"])
        call = busi.seen(self.gid)[0]
        self.assertEqual(
            call.query,
            {
                "branch_id": "01",
                "gid": self.gid,
                "op": "action",
                "trans_type": "saga",
            },
        )
        self.assertEqual(call.method, "POST")
        self.assertEqual(call.body, b'{"amount":30}')
        self.assertEqual(call.headers["Content-Type"], "application/json")

    def test_saga_rows(self):
        self.submit(self.saga())
        self.wait()
        rows = self.query()["branches"]
        self.assertEqual(
            [(r["branch_id"], r["op"]) for r in rows],
            [
                ("01", "compensate"),
                ("01", "action"),
                ("02", "compensate"),
                ("02", "action"),
            ],
        )
        self.assertEqual(base64.b64decode(rows[0]["bin_data"]), b'{"amount":30}')
        self.assertNotIn("finish_time", rows[0])
        self.assertIn("finish_time", rows[1])

    def test_saga_rolls_back(self):
        busi.script("in", FAILURE)
        self.submit(self.saga())
        self.wait()
        self.assertEqual(self.branches(), [S, S, S, F])
        self.assertEqual(self.status(), "failed")
        self.assertEqual(
            busi.paths(self.gid), ["out", "in", "inBack", "outBack"]
        )
        self.assertEqual(
            self.reason(),
            f'url:{busi.url("in")} return failed: '
            '{"dtm_result": "FAILURE"} FAILURE',
        )

    def test_saga_first_fails(self):
        busi.script("out", FAILURE)
        self.submit(self.saga())
        self.wait()
        self.assertEqual(self.branches(), [S, F, P, P])

    def test_saga_ongoing(self):
        busi.script("out", ONGOING)
        self.submit(self.saga())
        self.wait()
        self.assertEqual(self.branches(), [P, P, P, P])
        self.assertEqual(self.status(), "submitted")
        busi.script("in", "ONGOING")
        self.cron()
        self.assertEqual(self.branches(), [P, S, P, P])
        self.cron()
        self.assertEqual(self.status(), "succeed")

    def test_saga_compensation_is_tried_again(self):
        busi.script("in", FAILURE)
        busi.script("inBack", FAILURE)
        busi.script("outBack", ONGOING)
        self.submit(self.saga())
        self.wait()
        self.assertEqual(self.status(), "aborting")
        self.cron()
        self.assertEqual(self.status(), "aborting")
        self.cron()
        self.assertEqual(self.status(), "failed")

    def test_saga_error_then_submit_again(self):
        busi.script("out", ERROR)
        self.submit(self.saga())
        self.wait()
        self.cron()
        self.assertEqual(self.status(), "succeed")
        answer = self.submit(self.saga(), 409)
        self.assertEqual(answer["dtm_result"], "FAILURE")
        self.assertEqual(
            answer["message"], "current status 'succeed', cannot sumbmit. FAILURE"
        )

    def test_saga_empty_url(self):
        steps = [
            {"action": busi.url("out"), "compensate": ""},
            {"action": "", "compensate": ""},
        ]
        self.submit(self.saga(steps=steps))
        self.wait()
        self.assertEqual(self.branches(), [P, S, P, S])

    def test_saga_empty_body_is_a_get(self):
        self.submit(self.saga(payloads=["", "x"]))
        self.wait()
        self.assertEqual([c.method for c in busi.seen(self.gid)], ["GET", "POST"])

    def test_saga_words_decide_unless_strict(self):
        busi.script("in", '{"name":"Mr. FAILURE"}')
        self.submit(self.saga())
        self.wait()
        self.assertEqual(self.status(), "failed")
        busi.script("in", '{"name":"Mr. FAILURE"}')
        strict = self.saga(gid=self.gid + "2", strict=True)
        self.submit(strict)
        self.wait(self.gid + "2")
        self.assertEqual(self.status(self.gid + "2"), "succeed")

    def test_saga_only_200_unless_strict(self):
        busi.script("out", (201, "{}"))
        self.submit(self.saga())
        self.wait()
        self.assertEqual(self.status(), "submitted")
        self.cron()
        busi.script("out", (204, ""))
        self.submit(self.saga(gid=self.gid + "2", strict=True))
        self.wait(self.gid + "2")
        self.assertEqual(self.status(self.gid + "2"), "succeed")

    def test_saga_wait_result(self):
        self.assertEqual(self.submit(self.saga(wait_result=True)), SUCCESS)
        self.assertEqual(self.status(), "succeed")

    def test_saga_wait_result_rolled_back(self):
        busi.script("in", FAILURE)
        answer = self.submit(self.saga(wait_result=True), 409)
        self.assertEqual(answer["message"], self.reason())
        self.assertEqual(self.branches(), [S, S, S, F])

    def test_saga_wait_result_ongoing(self):
        busi.script("out", ONGOING)
        answer = self.submit(self.saga(wait_result=True), 409)
        self.assertEqual(
            answer["message"], "wait result not return success: FAILURE"
        )
        self.wait()
        self.cron()
        self.assertEqual(self.status(), "succeed")

    def test_saga_times_out(self):
        busi.script("out", ONGOING)
        self.submit(self.saga(timeout_to_fail=1800))
        self.wait()
        self.cron(now=3600, cron=180)
        self.assertEqual(self.branches(), [S, P, P, P])
        self.assertEqual(self.status(), "failed")
        self.assertEqual(self.reason(), "Timeout after 1800 seconds")

    def test_saga_retry_interval(self):
        busi.script("out", ERROR, ONGOING)
        self.submit(self.saga(retry_interval=150))
        self.wait()
        self.cron("", cron=180)  # 300 s after an error
        self.cron(cron=360)
        self.cron(cron=180)  # 150 s after "ongoing"
        self.assertEqual(self.status(), "succeed")

    def test_saga_retry_limit(self):
        busi.script("out", ERROR, ONGOING)
        self.submit(self.saga(retry_limit=2))
        self.wait()
        self.assertEqual(self.status(), "succeed")
        busi.script("out", ERROR, ERROR, ERROR)
        self.gid += "2"
        self.submit(self.saga(retry_limit=2))
        self.wait()
        self.assertEqual(self.status(), "failed")
        self.assertEqual(self.branches(), [S, P, P, P])
        self.assertEqual(
            self.reason(),
            "RetryCount is greater than RetryLimit, RetryLimit: 2",
        )

    def test_saga_request_timeout(self):
        gate = busi.gate("out")
        self.submit(self.saga(request_timeout=1))
        self.wait()
        gate.set()
        self.assertEqual(self.status(), "submitted")
        self.cron()
        self.assertEqual(self.status(), "succeed")

    def test_saga_branch_headers(self):
        headers = {"test_header": "yes", "X-Other": "1"}
        self.submit(self.saga(branch_headers=headers))
        self.wait()
        for call in busi.seen(self.gid):
            self.assertEqual(call.headers["test_header"], "yes")
            self.assertEqual(call.headers["X-Other"], "1")

    def test_saga_legacy_data(self):
        body = self.saga(payloads=None)
        body["steps"][0]["data"] = "first"
        body["steps"][1]["data"] = "second"
        self.submit(body)
        self.wait()
        self.assertEqual(
            [c.body for c in busi.seen(self.gid)], [b"first", b"second"]
        )

    def test_saga_query_of_the_url_is_kept(self):
        body = self.saga()
        body["steps"][0]["action"] += "?kept=1"
        self.submit(body)
        self.wait()
        self.assertEqual(busi.seen(self.gid)[0].query["kept"], "1")

    def test_saga_force_stop(self):
        busi.script("out", ONGOING)
        self.submit(self.saga())
        self.wait()
        answer = self.client.post("forceStop", {"gid": self.gid})
        self.assertEqual((answer.status, answer.json), (200, SUCCESS))
        self.assertEqual(self.status(), "failed")
        self.assertEqual(busi.paths(self.gid), ["out"])
        answer = self.client.post("forceStop", {"gid": self.gid})
        self.assertEqual(answer.status, 409)
        self.assertIn("force stop error. status: failed", answer.text)


class Concurrent(Base):
    def order(self, orders=None, **more):
        custom = {"concurrent": True, "orders": orders or {}}
        return self.saga(custom_data=json.dumps(custom), concurrent=True, **more)

    def test_concurrent_normal(self):
        self.submit(self.order())
        self.wait()
        self.assertEqual(self.branches(), [P, S, P, S])

    def test_concurrent_at_once(self):
        first, second = busi.gate("out"), busi.gate("in")
        self.submit(self.order())
        self.assertTrue(busi.await_calls(self.gid, "out", 1))
        self.assertTrue(busi.await_calls(self.gid, "in", 1))
        first.set()
        second.set()
        self.wait()
        self.assertEqual(self.status(), "succeed")

    def test_concurrent_order(self):
        busi.script("out", FAILURE)
        self.submit(self.order({"1": [0]}))
        self.wait()
        self.assertEqual(self.branches(), [S, F, P, P])
        self.assertEqual(self.status(), "failed")

    def test_concurrent_rolls_back_what_ran(self):
        busi.script("out", FAILURE)
        busi.script("outBack", ONGOING)
        self.submit(self.order())
        self.wait()
        self.assertEqual(self.status(), "aborting")
        self.cron()
        self.assertEqual(self.branches(), [S, F, S, S])
        self.assertEqual(self.status(), "failed")

    def test_concurrent_ongoing(self):
        busi.script("out", ONGOING)
        self.submit(self.order())
        self.wait()
        self.assertEqual(self.branches(), [P, P, P, S])
        self.cron()
        self.assertEqual(self.branches(), [P, S, P, S])

    def test_concurrent_circle(self):
        answer = self.submit(self.order({"0": [1], "1": [0]}), 400)
        self.assertIn("circle", answer["message"])


class Message(Base):
    def test_message_normal(self):
        self.prepare(self.message())
        self.assertEqual(self.branches(), [P, P])
        self.assertEqual(self.status(), "prepared")
        self.prepare(self.message())
        self.submit(self.message())
        self.wait()
        self.assertEqual(self.branches(), [S, S])
        self.assertEqual(self.status(), "succeed")
        answer = self.prepare(self.message(), 409)
        self.assertEqual(
            answer["message"], "current status 'succeed', cannot prepare. FAILURE"
        )

    def test_message_asked_back(self):
        self.prepare(self.message())
        busi.script("asked", ONGOING)
        self.cron(now=180, cron=180)
        self.assertEqual(self.status(), "prepared")
        call = busi.seen(self.gid, "asked")[0]
        self.assertEqual(call.method, "GET")
        self.assertEqual(call.query["branch_id"], "00")
        self.assertEqual(call.query["op"], "msg")
        busi.script("in", ONGOING)
        self.cron(now=180, cron=180)
        self.assertEqual(self.status(), "submitted")
        self.cron()
        self.assertEqual(self.branches(), [S, S])

    def test_message_not_yet_asked(self):
        self.prepare(self.message())
        self.cron()
        self.assertEqual(busi.paths(self.gid), [])
        self.assertEqual(self.status(), "prepared")
        self.client.post("abort", {"gid": self.gid, "trans_type": "msg"})

    def test_message_asked_back_and_dropped(self):
        self.prepare(self.message())
        busi.script("asked", FAILURE)
        self.cron(now=180, cron=180)
        self.assertEqual(self.status(), "failed")
        self.assertEqual(self.branches(), [P, P])

    def test_message_asked_back_in_vain(self):
        self.prepare(self.message())
        busi.script("asked", ERROR)
        self.cron(now=180, cron=180)
        self.assertEqual(self.status(), "prepared")
        self.cron("", now=180, cron=10)
        self.cron(now=180, cron=30)
        self.assertEqual(self.status(), "succeed")

    def test_message_aborted(self):
        self.prepare(self.message())
        answer = self.client.post(
            "abort", {"gid": self.gid, "trans_type": "msg"}
        )
        self.assertEqual((answer.status, answer.json), (200, SUCCESS))
        self.assertEqual(self.status(), "failed")
        self.submit(self.message(), 409)

    def test_message_is_never_rolled_back(self):
        busi.script("out", FAILURE)
        self.submit(self.message())
        self.wait()
        self.assertEqual(self.status(), "submitted")
        self.assertEqual(busi.paths(self.gid), ["out"])
        self.cron()
        self.assertEqual(self.status(), "succeed")

    def test_message_concurrent(self):
        gate = busi.gate("out")
        self.submit(self.message(concurrent=True))
        self.assertTrue(busi.await_calls(self.gid, "in", 1))
        gate.set()
        self.wait()
        self.assertEqual(self.status(), "succeed")

    def test_message_delayed(self):
        self.clock.hook("forward", cron=0)
        self.submit(self.message(custom_data='{"delay":10}'))
        self.wait()
        self.assertEqual(self.branches(), [P, P])
        self.assertEqual(self.status(), "submitted")
        self.cron("", cron=0)
        self.cron("", cron=8)
        self.cron(cron=12)
        self.assertEqual(self.branches(), [S, S])
        self.clock.hook("forward", cron=180)

    def test_message_topics(self):
        for i, path in enumerate(["first", "second"]):
            answer = self.client.get(
                "subscribe", topic="t1", url=busi.url(path), remark=f"r{i}"
            )
            self.assertEqual((answer.status, answer.json), (200, SUCCESS))
        answer = self.client.get("subscribe", topic="t1", url=busi.url("first"))
        self.assertEqual(answer.json["message"], "this url exists")
        body = self.message(
            steps=[{"action": "topic://t1"}, {"action": busi.url("in")}]
        )
        self.submit(body)
        self.wait()
        self.assertEqual(
            [r["branch_id"] for r in self.query()["branches"]],
            ["01-01", "01-02", "02"],
        )
        self.assertEqual(busi.paths(self.gid), ["first", "second", "in"])
        rows = self.client.get("queryKV", cat="topics", key="t1").json["kv"]
        self.assertEqual(rows[0]["version"], 2)
        self.assertEqual(
            json.loads(rows[0]["v"])[1],
            {"url": busi.url("second"), "remark": "r1"},
        )
        self.client.get("unsubscribe", topic="t1", url=busi.url("second"))
        self.gid += "2"
        body["gid"] = self.gid
        self.submit(body)
        self.wait()
        self.assertEqual(
            [r["branch_id"] for r in self.query()["branches"]], ["01", "02"]
        )

    def test_message_topic_deleted_and_made_again(self):
        self.client.get("subscribe", topic="t2", url=busi.url("old"))
        answer = self.client.ask("DELETE", "/api/dtmsvr/topic/t2")
        self.assertEqual((answer.status, answer.json), (200, SUCCESS))
        body = self.message(steps=[{"action": "topic://t2"}], payloads=["x"])
        answer = self.submit(body, 400)
        self.assertEqual(answer["message"], "topic not found")
        self.client.get("subscribe", topic="t2", url=busi.url("new"))
        self.submit(body)
        self.wait()
        self.assertEqual(busi.paths(self.gid), ["new"])
        answer = self.client.ask("DELETE", "/api/dtmsvr/topic/none")
        self.assertEqual(answer.status, 500)

    def test_message_topic_errors(self):
        cases = [
            ("subscribe", {"topic": "", "url": "x"}, "empty topic"),
            ("subscribe", {"topic": "x", "url": ""}, "empty url"),
            ("unsubscribe", {"topic": "no", "url": "x"}, "no such a topic"),
        ]
        for name, query, message in cases:
            answer = self.client.get(name, **query)
            self.assertEqual(answer.status, 500)
            self.assertEqual(answer.json["message"], message)
        self.client.get("subscribe", topic="t3", url="http://x/a")
        answer = self.client.get("unsubscribe", topic="t3", url="other")
        self.assertEqual(answer.json["message"], "no such an url ")
        self.client.get("unsubscribe", topic="t3", url="http://x/a")
        answer = self.client.get("unsubscribe", topic="t3", url="http://x/a")
        self.assertEqual(answer.json["message"], "this topic is empty")
        rows = self.client.get("scanKV", cat="topics", limit=100).json
        self.assertIn("t3", [r["k"] for r in rows["kv"]])
        self.assertEqual(rows["next_position"], "")


class Tcc(Base):
    def test_tcc_confirms_in_reverse(self):
        self.tcc()
        self.submit({"gid": self.gid, "trans_type": "tcc"})
        self.wait()
        self.assertEqual(self.status(), "succeed")
        self.assertEqual(self.branches(), [P, S, P, S])
        self.assertEqual(busi.paths(self.gid), ["confirm1", "confirm0"])
        self.assertEqual(
            [r["op"] for r in self.query()["branches"]],
            ["cancel", "confirm"] * 2,
        )

    def test_tcc_cancels(self):
        self.tcc()
        busi.script("cancel0", ONGOING)
        answer = self.client.post(
            "abort",
            {
                "gid": self.gid,
                "trans_type": "tcc",
                "rollback_reason": "not enough",
            },
        )
        self.assertEqual((answer.status, answer.json), (200, SUCCESS))
        self.wait()
        self.assertEqual(self.status(), "aborting")
        self.cron()
        self.assertEqual(self.status(), "failed")
        self.assertEqual(self.branches(), [S, P, S, P])
        self.assertEqual(self.reason(), "not enough")
        self.assertEqual(
            busi.paths(self.gid), ["cancel1", "cancel0", "cancel0"]
        )

    def test_tcc_times_out(self):
        self.tcc()
        self.cron()
        self.assertEqual(self.status(), "prepared")
        self.cron(now=300, cron=180)
        self.assertEqual(self.status(), "failed")
        answer = self.submit({"gid": self.gid, "trans_type": "tcc"}, 409)
        self.assertEqual(
            answer["message"], "current status 'failed', cannot sumbmit. FAILURE"
        )

    def test_tcc_refused_confirm_is_tried_again(self):
        self.tcc(1)
        busi.script("confirm0", FAILURE)
        self.submit({"gid": self.gid, "trans_type": "tcc"})
        self.wait()
        self.assertEqual(self.status(), "submitted")
        self.cron()
        self.assertEqual(self.status(), "succeed")

    def test_tcc_wait_result(self):
        self.tcc(1)
        busi.script("confirm0", ONGOING)
        body = {"gid": self.gid, "trans_type": "tcc", "wait_result": True}
        answer = self.submit(body, 425)
        self.assertEqual(answer["dtm_result"], "ONGOING")
        self.wait()
        self.cron()
        self.assertEqual(self.status(), "succeed")

    def test_tcc_registers(self):
        self.register(409)
        self.tcc(1)
        self.register(  # the same once more
            data="{}", confirm=busi.url("confirm0"), cancel=busi.url("cancel0")
        )
        self.register(409, data="other")
        answer = self.register(500, trans_type="no", branch_id="02")
        self.assertEqual(answer["message"], "unknow trans type: no")
        answer = self.client.post(
            "registerTccBranch",
            {"gid": self.gid, "trans_type": "tcc", "branch_id": "0101"},
        )
        self.assertEqual(answer.json, SUCCESS)
        answer = self.client.post("registerBranch", {"gid": 1})
        self.assertEqual(answer.status, 400)
        self.client.post("abort", {"gid": self.gid, "trans_type": "tcc"})
        self.wait()
        answer = self.register(409, branch_id="03")
        self.assertEqual(
            answer["message"],
            f"no trans with gid: {self.gid} status: prepared found FAILURE",
        )

    def test_tcc_abort_refused(self):
        answer = self.client.post(
            "abort", {"gid": self.gid, "trans_type": "tcc"}
        )
        self.assertEqual(answer.status, 404)
        self.assertEqual(
            answer.json["message"],
            f"no TransGlobal with gid: {self.gid} found",
        )
        self.submit(self.saga())
        self.wait()
        answer = self.client.post(
            "abort", {"gid": self.gid, "trans_type": "tcc"}
        )
        self.assertEqual(answer.status, 409)
        self.assertEqual(
            answer.json["message"],
            "trans type: 'saga' current status 'succeed', "
            "cannot abort. FAILURE",
        )


class Xa(Base):
    def begin(self):
        self.prepare({"gid": self.gid, "trans_type": "xa"})
        for i in range(2):
            self.register(
                trans_type="xa", branch_id=f"0{i + 1}", url=busi.url(f"xa{i}")
            )

    def test_xa_commits(self):
        self.begin()
        self.submit({"gid": self.gid, "trans_type": "xa"})
        self.wait()
        self.assertEqual(self.status(), "succeed")
        self.assertEqual(busi.paths(self.gid), ["xa0", "xa1"])
        calls = busi.seen(self.gid)
        self.assertEqual({c.method for c in calls}, {"POST"})
        self.assertEqual({c.query["op"] for c in calls}, {"commit"})
        self.assertEqual(
            [r["op"] for r in self.query()["branches"]],
            ["rollback", "commit"] * 2,
        )

    def test_xa_rolls_back(self):
        self.begin()
        self.client.post("abort", {"gid": self.gid, "trans_type": "xa"})
        self.wait()
        self.assertEqual(self.status(), "failed")
        self.assertEqual(busi.paths(self.gid), ["xa0", "xa1"])


class Workflow(Base):
    def begin(self):
        custom = {"name": "wf", "data": base64.b64encode(b"input").decode()}
        return {
            "gid": self.gid,
            "trans_type": "workflow",
            "query_prepared": busi.url("resume"),
            "custom_data": json.dumps(custom),
        }

    def test_workflow(self):
        answer = self.client.post("prepareWorkflow", self.begin()).json
        self.assertEqual(answer["progresses"], [])
        self.assertEqual(answer["transaction"]["status"], "prepared")
        self.register(
            trans_type="workflow", op="action", status="succeed", data="out"
        )
        answer = self.client.post("prepareWorkflow", self.begin()).json
        row = answer["progresses"][0]
        self.assertEqual(
            (row["branch_id"], row["op"], row["status"]),
            ("01", "action", "succeed"),
        )
        self.assertEqual(base64.b64decode(row["bin_data"]), b"out")
        self.cron()  # found is woken
        call = busi.seen(self.gid, "resume")[0]
        self.assertEqual(call.method, "POST")
        self.assertEqual(call.query["op"], "wf")
        self.assertEqual(call.body, b"input")
        extra = {"status": "succeed", "result": "aGk="}
        self.submit({**self.begin(), "req_extra": extra})
        found = self.query()["transaction"]
        self.assertEqual((found["status"], found["result"]), (S, "aGk="))
        self.submit({**self.begin(), "req_extra": extra}, 409)

    def test_workflow_fails(self):
        self.client.post("prepareWorkflow", self.begin())
        extra = {"status": "failed", "rollback_reason": "because"}
        self.submit({**self.begin(), "req_extra": extra})
        self.assertEqual(self.status(), "failed")
        self.assertEqual(self.reason(), "because")
        answer = self.client.post("prepareWorkflow", self.begin()).json
        self.assertEqual(answer["transaction"]["status"], "failed")

    def test_workflow_wrong_end(self):
        self.submit({**self.begin(), "req_extra": {"status": "failed"}}, 404)
        self.client.post("prepareWorkflow", self.begin())
        self.submit({**self.begin(), "req_extra": {"status": "?"}}, 400)
        self.client.post("forceStop", {"gid": self.gid})


class Api(Base):
    def test_api_new_gid(self):
        answer = self.client.get("newGid")
        self.assertRegex(answer.json["gid"], "^[2-9A-HJ-NP-Za-km-z]{22}$")
        self.assertEqual(answer.json["dtm_result"], "SUCCESS")
        self.assertEqual(
            answer.headers["Content-Type"], "application/json; charset=utf-8"
        )

    def test_api_version_and_ping(self):
        self.assertRegex(self.client.get("version").json["version"], "^v")
        answer = self.client.ask("GET", "/api/ping")
        self.assertEqual(answer.json, {"msg": "pong"})

    def test_api_metrics(self):
        answer = self.client.ask("GET", "/api/metrics")
        self.assertEqual(answer.status, 200)
        self.assertIn("dtm_transactions_unfinished 0", answer.text)
        self.assertTrue(
            answer.headers["Content-Type"].startswith("text/plain")
        )

    def test_api_unknown_path(self):
        for method, path in [
            ("GET", "/"),
            ("GET", "/api/dtmsvr/submit"),
            ("POST", "/api/dtmsvr/no"),
        ]:
            answer = self.client.ask(method, path)
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.text, "404 page not found")

    def test_api_reads_as_go_does(self):
        body = (
            '{"GID":"%s","Trans_Type":"saga","unknown":[1,{"a":2}],'
            '"wait_result":null,"custom_data":null,"steps":[{"action":"",'
            '"compensate":""}],"payloads":["x"],"branch_headers":null,'
            '"passthrough_headers":["a"]}' % self.gid
        )
        self.submit(body)
        self.wait()
        self.assertEqual(self.status(), "succeed")

    def test_api_client_mistakes(self):
        cases = [
            "",
            "{",
            "[]",
            '{"gid":1}',
            '{"gid":"a","timeout_to_fail":"1"}',
            '{"gid":"a","timeout_to_fail":10.0}',
            '{"gid":"a","wait_result":1}',
            '{"gid":"a","trans_type":"no"}',
            json.dumps(self.saga(payloads=["one"])),
            json.dumps(self.saga(custom_data="{")),
            json.dumps(self.saga(retry_interval=-1)),
            json.dumps(self.saga(gid="x" * 200)),
        ]
        for body in cases:
            answer = self.client.post("submit", body)
            self.assertEqual(answer.status, 400, body + answer.text)
            self.assertEqual(list(answer.json), ["message"])
        answer = self.client.get("query")
        self.assertEqual(
            (answer.status, answer.json), (500, {"message": "no gid specified"})
        )

    def test_api_gid_is_cleaned(self):
        body = self.saga(gid=self.gid + ";\r\n")
        self.submit(body)
        self.wait()
        self.assertEqual(self.status(), "succeed")

    def test_api_empty_gid(self):
        self.submit(self.saga(gid=""))
        self.assertEqual(self.clock.hook("wait"), "")
        self.assertEqual(busi.paths(None), ["out", "in"])

    def test_api_query_unknown(self):
        self.assertEqual(
            self.query("nobody"), {"branches": [], "transaction": None}
        )

    def test_api_transaction_fields(self):
        custom = '{"concurrent":false}'
        self.submit(self.saga(custom_data=custom, retry_interval=20))
        self.wait()
        found = self.query()["transaction"]
        self.assertEqual(found["custom_data"], custom)
        self.assertEqual(
            json.loads(found["options"]),
            {"retry_interval": 20, "concurrent": False},
        )
        self.assertEqual(found["id"], 0)
        self.assertEqual(found["trans_type"], "saga")
        self.assertEqual(found["protocol"], "http")
        self.assertIs(found["concurrent"], False)
        self.assertEqual(found["next_cron_interval"], 20)
        self.assertNotIn("rollback_time", found)
        self.assertNotIn("rollback_reason", found)

    def test_api_all(self):
        for i in range(3):
            self.submit(self.saga(gid=f"{self.gid}{i}", trans_type="saga"))
            self.wait(f"{self.gid}{i}")
        page = self.client.get("all", limit=2).json
        self.assertEqual(
            [t["gid"] for t in page["transactions"]],
            [f"{self.gid}2", f"{self.gid}1"],
        )
        page = self.client.get(
            "all", limit=2, position=page["next_position"]
        ).json
        self.assertEqual(page["transactions"][0]["gid"], f"{self.gid}0")
        page = self.client.get("all", gid="nobody").json
        self.assertEqual(page, {"next_position": "", "transactions": None})
        page = self.client.get("all", gid=f"{self.gid}1").json
        self.assertEqual(len(page["transactions"]), 1)
        page = self.client.get("all", transType="xa").json
        self.assertEqual(page["transactions"], [])
        page = self.client.get("all", status="succeed", limit=1).json
        self.assertEqual(page["transactions"][0]["status"], "succeed")
        page = self.client.get("all", createTimeStart=1 << 45).json
        self.assertEqual(page["transactions"], [])
        answer = self.client.get("all", limit="x")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json["message"], "convert to int error: x")

    def test_api_reset_cron_time(self):
        busi.script("out", ONGOING)
        self.submit(self.saga(retry_interval=1000))
        self.wait()
        answer = self.client.get("resetCronTime", timeout=2000, limit=1).json
        self.assertEqual(answer, {"has_remaining": False, "succeed_count": 0})
        answer = self.client.get("resetCronTime", timeout=500, limit=1).json
        self.assertEqual(answer["succeed_count"], 1)
        self.cron(cron=1)
        self.assertEqual(self.status(), "succeed")

    def test_api_reset_next_cron_time(self):
        busi.script("out", ONGOING)
        self.submit(self.saga(retry_interval=1000))
        self.wait()
        answer = self.client.post("resetNextCronTime", {"gid": self.gid})
        self.assertEqual((answer.status, answer.json), (200, SUCCESS))
        self.cron(cron=1)
        self.assertEqual(self.status(), "succeed")
        answer = self.client.post("resetNextCronTime", {"gid": "x' or '1'='1"})
        self.assertEqual(answer.status, 404)

    def rpc(self, method, params, id="one", **more):
        body = {"jsonrpc": "2.0", "method": method, "id": id, "params": params}
        body.update(more)
        return self.client.ask("POST", "/api/json-rpc", json.dumps(body))

    def test_api_json_rpc(self):
        answer = self.rpc("newGid", None).json
        self.assertEqual(len(answer["result"]["gid"]), 22)
        self.assertEqual((answer["id"], answer["error"]), ("one", None))
        answer = self.rpc("submit", self.saga())
        self.assertEqual(answer.status, 200)
        self.assertIsNone(answer.json["error"])
        self.wait()
        answer = self.rpc("submit", self.saga()).json
        self.assertEqual(answer["error"]["code"], -32901)
        self.assertEqual(self.rpc("no", {}).json["error"]["code"], -32601)
        self.assertEqual(
            self.rpc("newGid", {}, id="").json["error"]["code"], -32600
        )
        self.assertEqual(
            self.rpc("submit", {"gid": 1}).json["error"]["code"], -32603
        )
        answer = self.client.ask("POST", "/api/json-rpc", "{")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json["error"]["code"], -32700)

    def test_api_json_rpc_branches(self):
        body = self.saga(protocol="json-rpc")
        body["steps"][0]["action"] = busi.url("rpc") + "?method=pay"
        busi.script("rpc", '{"jsonrpc":"2.0","error":{"code":-32902}}')
        self.submit(body)
        self.wait()
        with busi.lock:
            call = [c for c in busi.calls if c.path == "rpc"][0]
        asked = json.loads(call.body)
        self.assertEqual(asked["method"], "pay")
        self.assertEqual(
            asked["params"],
            {
                "amount": 30,
                "gid": self.gid,
                "trans_type": "saga",
                "branch_id": "01",
                "op": "action",
            },
        )
        self.assertEqual(self.status(), "submitted")
        self.cron()
        self.assertEqual(self.status(), "succeed")

    def test_api_keep_alive_and_chunks(self):
        text = json.dumps(self.saga()).encode()
        self.client.ask(
            "POST",
            "/api/dtmsvr/submit",
            iter([text[:10], text[10:]]),
            {"Transfer-Encoding": "chunked"},
        )
        self.wait()
        self.assertEqual(self.status(), "succeed")
