# SPDX-License-Identifier: MIT
"""Customers of the shop: each places orders and has them refunded, one after
the other over one connection, and writes down what it was told.

What an answer means: 200 is done; 409 is rolled back; 503 with Retry-After and
without X-Saga-Gid means that nothing began, so the same request is sent again;
anything else, and no answer at all, is an unknown outcome.
"""
import base64
import hashlib
import hmac
import http.client
import json
import random
import threading
import time

DONE, ROLLED_BACK, UNKNOWN = "done", "rolled back", "unknown"
ANSWER_S = 30.0  # longer than the API's own limit
AGAIN_S = 0.1
TOO_DEAR = 999  # of the first product: more than order's MaxAmount


def token(secret, user):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    now = int(time.time())
    head = part(b'{"alg":"HS256","typ":"JWT"}')
    body = part(json.dumps(
        {"exp": now + 3600, "iat": now, "userId": user}).encode())
    signed = head + b"." + body
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + part(mac)).decode()


class Order:
    """What one order's client asked for and was told; None: not asked."""

    def __init__(self, no, user, items):
        self.no, self.user, self.items = no, user, items
        self.amount = None
        self.placed = self.refunded = None


class Client(threading.Thread):
    def __init__(self, number, shop):
        super().__init__(name=f"client {number}")
        self.number, self.shop = number, shop
        self.user = 1 + number % shop.users
        self.random = random.Random(f"{shop.seed}.{number}")
        self.token = token(shop.secret, self.user)
        self.orders = []
        self.odd = {}  # answers that say nothing certain, and how many
        self.again = 0
        self.stale = 0  # answers older than what this client was told before
        self.connection = None
        self.slowest = 0.0

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, path, body=None):
        """POST, or GET without a body. Status, headers and body; None if the connection was lost after the
        request may have been read. A refused connection is no request."""
        while self.connection is None:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.shop.port, timeout=ANSWER_S)
            try:
                connection.connect()
                self.connection = connection
            except OSError:
                time.sleep(AGAIN_S)
        try:
            self.connection.request(
                "POST" if body else "GET", path,
                json.dumps(body) if body else None,
                {"authorization": self.token,
                 "content-type": "application/json"})
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self.drop()
            return None

    def ask(self, path, body):
        """The outcome, and the answer's data if it is done."""
        while True:
            began = time.monotonic()
            told = self.send(path, body)
            self.slowest = max(self.slowest, time.monotonic() - began)
            if told is None:
                return self.unknown("connection lost")
            status, headers, data = told
            if status == 200:
                return DONE, json.loads(data)["data"]
            if status == 409:
                return ROLLED_BACK, json.loads(data)["msg"]
            begun = headers.get("X-Saga-Gid")
            if status == 503 and headers.get("Retry-After") and not begun:
                self.again += 1
                time.sleep(AGAIN_S)
                continue
            return self.unknown(f"{status} {data.decode().strip()[:60]}"
                                f"{' of a saga' if begun else ''}")

    def read(self, path):
        """The answer's data, asked for until there is an answer; None if there
        is no such thing."""
        while True:
            told = self.send(path)
            if told and told[0] == 200:
                return json.loads(told[2])["data"]
            if told and told[0] == 404:
                return None
            time.sleep(AGAIN_S)

    def unknown(self, why):
        self.odd[why] = self.odd.get(why, 0) + 1
        return UNKNOWN, None

    def choose(self):
        """Two products; one order in ten is too dear for the order service,
        which is asked last, so that stock and payment are taken back."""
        ids = self.random.sample(range(1, self.shop.products + 1), 2)
        items = [{"product_id": id, "quantity": self.random.randint(1, 3)}
                 for id in ids]
        if self.random.random() < 0.1:
            items[0]["quantity"] = TOO_DEAR
        return items

    def one(self):
        order = Order(f"c{self.number}-{len(self.orders)}", self.user,
                      self.choose())
        self.orders.append(order)
        order.placed, data = self.ask(
            "/orders", {"no": order.no, "items": order.items})
        if order.placed != DONE:
            return
        order.amount = data["amount"]
        # So that a cache holds what a refund will change.
        self.read(f"/orders/{order.no}")
        self.read(f"/products/{order.items[0]['product_id']}")
        if self.random.random() < 0.95:
            order.refunded, _ = self.ask(f"/orders/{order.no}/refund",
                                         {"reason": "changed my mind"})
        if order.refunded == DONE and \
                self.read(f"/orders/{order.no}")["state"] != "refunded":
            self.stale += 1

    def run(self):
        while not self.shop.closed.is_set():
            self.one()
        self.drop()


class Shop:
    """All clients of one run."""

    def __init__(self, port, secret, seed, clients, users, products):
        self.port, self.secret, self.seed = port, secret, seed
        self.users, self.products = users, products
        self.closed = threading.Event()
        self.clients = [Client(i, self) for i in range(clients)]

    def open(self):
        for client in self.clients:
            client.start()

    def close(self):
        self.closed.set()
        for client in self.clients:
            client.join()

    def orders(self):
        return [order for client in self.clients for order in client.orders]

    def refunded(self):
        """How many orders were placed and refunded, as far as clients know."""
        return sum(order.refunded == DONE for client in self.clients
                   for order in list(client.orders))

    def outcomes(self):
        told = {DONE: 0, ROLLED_BACK: 0, UNKNOWN: 0}
        for order in self.orders():
            for outcome in (order.placed, order.refunded):
                if outcome:
                    told[outcome] += 1
        return told

    def odd(self):
        odd = {}
        for client in self.clients:
            for why, count in client.odd.items():
                odd[why] = odd.get(why, 0) + count
        return odd
