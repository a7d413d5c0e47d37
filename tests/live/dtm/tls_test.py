# SPDX-License-Identifier: MIT
"""TLS on both sides of the saga actor, with private CAs made by openssl: its API
lets in who has a certificate of the client CA and nobody else, and a branch is
called at a server of the branch CA and at no other. Clients are curl."""

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest

from busi import Busi
from client import Actor, Client
from scene import BINARY

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """A CA in a folder; make() signs certificates for 127.0.0.1."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.pem = f"{folder}/{name}.pem"
        self.key = f"{folder}/{name}.key"
        openssl("req", "-x509", *EC, "-keyout", self.key, "-out", self.pem,
                "-days", "2", "-subj", f"/CN={name}")

    def make(self, name):
        base = f"{self.folder}/{self.name}-{name}"
        with open(base + ".ext", "w", encoding="ascii") as out:
            out.write("subjectAltName=IP:127.0.0.1\n")
        openssl("req", *EC, "-keyout", base + ".key", "-out", base + ".csr",
                "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.pem, "-CAkey",
                self.key, "-CAcreateserial", "-days", "2", "-extfile",
                base + ".ext", "-out", base + ".pem")
        return base + ".pem", base + ".key"


def secure(busi, pair):
    """The business server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    busi.scheme = "https"
    busi.server.socket = context.wrap_socket(
        busi.server.socket, server_side=True, do_handshake_on_connect=False
    )


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp(prefix="dtm.")
        ours = Authority(cls.home, "ours")
        theirs = Authority(cls.home, "theirs")
        cls.ca = ours.pem
        cls.client = ours.make("client")
        cls.stranger = theirs.make("client")
        cls.good, cls.bad = Busi(), Busi()
        secure(cls.good, ours.make("branch"))
        secure(cls.bad, theirs.make("branch"))
        cert, key = ours.make("server")
        cls.tls = (f"  Tls: {{Cert: {cert}, Key: {key}, ClientCa: {ours.pem}}}\n")
        cls.actor = Actor(BINARY, cls.home, True,
                          f"BranchCa: {ours.pem}\n", cls.tls, up={404}, probe_debug=True)
        cls.clock = Client(cls.actor.debug)

    @classmethod
    def tearDownClass(cls):
        stopped = cls.actor.stop()
        with open(os.path.join(cls.home, "saga.log"), encoding="utf-8") as log:
            text = log.read()
        shutil.rmtree(cls.home)
        assert stopped, "the saga actor did not end well: " + text[-4000:]

    def curl(self, path, pair=None, body=None, scheme="https", more=()):
        """Exit status of curl, HTTP status, body."""
        words = ["curl", "-sS", "--noproxy", "*", "--cacert", self.ca, "-o", "-",
                 "-w", "\n%{http_code}", "--max-time", "30", *more]
        if pair:
            words += ["--cert", pair[0], "--key", pair[1]]
        if body is not None:
            words += ["--data-binary", "@-"]
        words.append(f"{scheme}://127.0.0.1:{self.actor.port}/api/{path}")
        done = subprocess.run(words, input=body, capture_output=True, text=True,
                              check=False)
        text, _, status = done.stdout.rpartition("\n")
        return done.returncode, int(status or 0), text

    def ask(self, name, body):
        code, status, text = self.curl(name, self.client, json.dumps(body))
        self.assertEqual(code, 0)
        return status, json.loads(text)

    # ---- the API ----

    def test_the_right_certificate_is_served(self):
        for more in ((), ("--http1.0",), ("--tls-max", "1.2"),
                     ("-H", "Expect: 100-continue")):
            self.assertEqual(
                self.curl("dtmsvr/version", self.client, more=more)[:2],
                (0, 200), more)
        status, answer = self.ask("json-rpc", {
            "jsonrpc": "2.0", "id": "1", "method": "newGid"})
        self.assertEqual((status, answer["id"]), (200, "1"))
        self.assertEqual(len(answer["result"]["gid"]), 22)

    def test_nobody_else_is(self):
        for path in ("dtmsvr/version", "json-rpc", "metrics", "ping"):
            self.assertNotEqual(self.curl(path)[0], 0)
            self.assertNotEqual(self.curl(path, self.stranger)[0], 0)
            self.assertNotEqual(self.curl(path, scheme="http")[0], 0)
            self.assertNotEqual(
                self.curl(path, scheme="http", body="x" * 100000)[0], 0)

    def test_bodies_larger_than_a_record_arrive_whole(self):
        gid = "large" + "x" * 80
        payload = json.dumps({"text": "y" * 300000})
        status, _ = self.ask("dtmsvr/submit", {
            "gid": gid, "trans_type": "saga", "wait_result": True,
            "steps": [{"action": self.good.url("large"), "compensate": ""}],
            "payloads": [payload]})
        self.assertEqual(status, 200)
        self.assertEqual(self.good.calls[-1].body.decode(), payload)
        code, status, text = self.curl(f"dtmsvr/query?gid={gid}", self.client)
        self.assertEqual((code, status), (0, 200))
        self.assertGreater(len(text), 300000)

    def test_many_requests_on_one_connection(self):
        url = f"https://127.0.0.1:{self.actor.port}/api/dtmsvr/newGid"
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "--cacert", self.ca, "--cert",
             self.client[0], "--key", self.client[1], "-w",
             " %{num_connects}\n"] + [url] * 20,
            capture_output=True, text=True, check=True)
        lines = done.stdout.split("\n")[:-1]
        self.assertEqual([line.split()[-1] for line in lines],
                         ["1"] + ["0"] * 19)

    def test_off_loopback_wants_one_of_them(self):
        home = os.path.join(self.home, "off")
        for dtm, fine in (("", False), (self.tls, True)):
            os.makedirs(home, exist_ok=True)
            config = os.path.join(home, "saga.yaml")
            with open(config, "w", encoding="utf-8") as out:
                out.write("Name: saga\nAllow: ['http://127.0.0.1']\n"
                          f"Dtm:\n  Host: 0.0.0.0\n  Port: 0\n{dtm}")
            # What is refused ends by itself; what is not has to be ended.
            process = subprocess.Popen(
                [BINARY, "-f", config, "--home", home],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if not fine:
                _, text = process.communicate(timeout=30)
                self.assertNotEqual(process.returncode, 0)
                self.assertIn("Tls with a ClientCa", text)
                continue
            for line in process.stderr:
                if "DTM's API is at" in line:
                    break
            else:
                self.fail("it did not start")
            process.terminate()
            process.communicate(timeout=30)
            self.assertEqual(process.returncode, 0)

    # ---- branches ----

    def submit(self, busi):
        gid = self.id().rsplit(".", 1)[1]
        return gid, self.ask("dtmsvr/submit", {
            "gid": gid, "trans_type": "saga", "wait_result": True,
            "steps": [{"action": busi.url("a"), "compensate": busi.url("b")}],
            "payloads": ["{}"]})

    def test_a_branch_of_the_branch_ca_is_called(self):
        before = len(self.good.calls)
        gid, (status, _) = self.submit(self.good)
        self.assertEqual(status, 200)
        self.assertEqual(len(self.good.calls), before + 1)
        self.assertEqual(self.good.calls[-1].query["gid"], gid)

    def test_one_with_another_certificate_is_not_and_is_tried_again(self):
        gid, (status, answer) = self.submit(self.bad)
        self.assertEqual(status, 409)
        self.assertIn("FAILURE", answer["message"])
        _, _, text = self.curl(f"dtmsvr/query?gid={gid}", self.client)
        trans = json.loads(text)
        self.assertEqual(trans["transaction"]["status"], "submitted")
        self.assertEqual([b["status"] for b in trans["branches"]],
                         ["prepared", "prepared"])
        self.assertEqual(self.bad.calls, [])
        shown = subprocess.run(
            [os.path.join(os.path.dirname(BINARY), "bus"), "--home", self.home,
             "saga", "show", gid], capture_output=True, text=True, check=True)
        self.assertRegex(shown.stdout, "UNAVAILABLE: .*certificate")
        status, _ = self.ask("dtmsvr/resetNextCronTime", {"gid": gid})
        self.assertEqual(status, 200)
        self.assertEqual(self.clock.hook("cron", cron=60), gid)
        self.assertEqual(self.bad.calls, [])
