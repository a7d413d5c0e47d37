#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients buy and give back while what serves them is killed at random.

fault.py --bus BUS --home HOME --folder FOLDER --topology FILE --port PORT
         --secret SECRET [--seed N] [--orders N] [--kills N] [--half N]

Starts MariaDB and Redis in FOLDER (which run has laid out) and the topology,
lets 16 clients place and refund orders, and kills both and actors until there were
as many kills of each as asked for; prints the counts and asserts them, then
reads the books. The seed decides who is killed when and what is bought.
"""
import argparse
import json
import random
import subprocess
import sys
import time

from audit import HALF_DONE, audit, audit_cache
from clients import Shop, UNKNOWN
from servers import Actors, MariaDB, Redis, until

CLIENTS, USERS, PRODUCTS = 16, 4, 10
MONEY, STOCK = 10**12, 10**6
VICTIMS = ["saga", "product", "pay", "order", "aftersale", "mall-api", "edge"]
UNKNOWN_MOST = 0.05
LIMIT_S = 240.0
END_S = 60.0
READ_BACK = 50


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("bus", "home", "folder", "topology", "secret"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--half", type=int, default=100)
    return parser.parse_args()


class Run:
    def __init__(self, options):
        self.options = options
        self.chance = random.Random(options.seed)
        self.database = MariaDB(options.folder)
        self.redis = Redis(options.folder)
        self.actors = Actors(options.home, VICTIMS, self.chance)
        self.shop = Shop(options.port, options.secret, options.seed, CLIENTS,
                         USERS, PRODUCTS)
        self.half = 0
        self.failed = False

    def bus(self, *words, check=True):
        ran = subprocess.run([self.options.bus, "--home", self.options.home,
                              *words], capture_output=True, text=True)
        if check and ran.returncode:
            raise RuntimeError(f"bus {' '.join(words)}: {ran.stderr}")
        return ran

    def check(self, good, what):
        self.failed = self.failed or not good
        print(f"  {'ok ' if good else 'NOT'} {what}", flush=True)

    def start(self):
        self.redis.start()
        self.database.start()
        for actor in ("product", "pay", "order", "cart", "aftersale"):
            self.database.rows(f"create database mall_{actor}")
        self.bus("up", "-d", self.options.topology)
        self.database.rows(
            "insert into mall_pay.account (user_id, balance) values "
            + ", ".join(f"({user}, 0)" for user in range(2, USERS + 1))
            + f"; update mall_pay.account set balance = {MONEY}")
        self.database.rows(
            "insert into mall_product.product (id, name, price, stock) values "
            + ", ".join(f"({id}, 'product {id}', {100 * id + 7}, 0)"
                        for id in range(4, PRODUCTS + 1))
            + f"; update mall_product.product set stock = {STOCK}")

    def count_half(self):
        """Orders that are neither done nor undone at this moment."""
        rows = self.database.rows(HALF_DONE)
        if rows:
            self.half += int(rows[0][0])

    def kill_database(self):
        self.count_half()
        self.database.kill()
        time.sleep(self.chance.uniform(0, 0.3))
        self.database.start()

    def kill_redis(self):
        self.count_half()
        self.redis.kill()
        time.sleep(self.chance.uniform(0, 0.3))
        self.redis.start()

    def kill_actor(self):
        self.count_half()
        self.actors.kill()

    def kill_all(self):
        """Until there were enough of each, and enough orders."""
        options, began = self.options, time.monotonic()
        while True:
            left = []
            if self.database.kills < options.kills:
                left.append(self.kill_database)
            # Twice as often as the others, so that the cache of the last third
            # outlives kills of the others.
            if self.redis.kills < options.kills:
                left += [self.kill_redis] * 2
            if self.actors.kills < options.kills:
                left.append(self.kill_actor)
            if not left and self.shop.refunded() >= options.orders:
                return
            if time.monotonic() - began > LIMIT_S:
                print(f"  after {LIMIT_S} s: no more", flush=True)
                return
            time.sleep(self.chance.uniform(0.2, 1.0) if left else 0.1)
            if left:
                self.chance.choice(left)()

    def sagas_ended(self):
        listed = self.bus("--json", "saga", "ls", "--status", "running",
                          check=False)
        undoing = self.bus("--json", "saga", "ls", "--status", "undoing",
                           check=False)
        return all(not answer.returncode
                   and not json.loads(answer.stdout)["sagas"]
                   for answer in (listed, undoing))

    def read_back(self):
        """What the API says now, through whatever caches there are."""
        reader, odd = self.shop.clients[0], []
        for client in self.shop.clients[:USERS]:
            balance = client.read("/account")["balance"]
            if balance != int(self.one_value(
                    "select balance from mall_pay.account "
                    f"where user_id = {client.user}")):
                odd.append(f"account {client.user}: {balance}")
        for id, stock in self.database.rows(
                "select id, stock from mall_product.product"):
            if reader.read(f"/products/{id}")["stock"] != int(stock):
                odd.append(f"product {id}")
        states = dict(self.database.rows(
            "select no, if(state, 'refunded', 'placed') from mall_order.orders"))
        for client in self.shop.clients:
            for order in client.orders[-READ_BACK:]:
                told = client.read(f"/orders/{order.no}")
                if (told or {}).get("state") != states.get(order.no):
                    odd.append(f"order {order.no}: {told}")
        self.check(not odd, f"the last {READ_BACK} orders of each client, "
                   "accounts and products read back as the database has them")
        for line in odd[:20]:
            print(f"      {line}")

    def one_value(self, statement):
        return self.database.rows(statement)[0][0]

    def report(self):
        told, options = self.shop.outcomes(), self.options
        answers = sum(told.values())
        print(f"  killed: {self.actors.killed}")
        print(f"  answers: {told}, slowest "
              f"{max(c.slowest for c in self.shop.clients):.1f} s, asked "
              f"again {sum(c.again for c in self.shop.clients)} times")
        for why, count in sorted(self.shop.odd().items()):
            print(f"  unknown: {count} x {why}")
        refunded = self.shop.refunded()
        self.check(refunded >= options.orders,
                   f"{refunded} orders placed and refunded "
                   f"(at least {options.orders})")
        for name, kills in (("MariaDB", self.database.kills),
                            ("Redis", self.redis.kills),
                            ("actor", self.actors.kills)):
            self.check(kills >= options.kills,
                       f"{kills} {name} kills (at least {options.kills})")
        self.check(self.half >= options.half,
                   f"{self.half} orders half done when a kill fell "
                   f"(at least {options.half})")
        stale = sum(client.stale for client in self.shop.clients)
        self.check(not stale, f"{stale} orders read as placed after their "
                   "refund was done (none)")
        share = told[UNKNOWN] / max(answers, 1)
        self.check(share < UNKNOWN_MOST,
                   f"{share:.2%} of {answers} answers unknown "
                   f"(under {UNKNOWN_MOST:.0%})")

    def books(self):
        stock = {str(id): STOCK for id in range(1, PRODUCTS + 1)}
        wrong, counts = audit(self.database, self.shop.orders(),
                              MONEY * USERS, stock)
        self.check(not wrong, f"the books, orders being {counts}")
        for line in wrong[:20]:
            print(f"      {line}")

    def cache(self):
        seen, wrong = audit_cache(self.redis, self.database)
        self.check(seen and not wrong,
                   f"{seen} rows in Redis are as the database has them")
        for line in wrong[:20]:
            print(f"      {line}")

    def play(self):
        began = time.monotonic()
        self.start()
        opened = time.monotonic()
        self.shop.open()
        try:
            self.kill_all()
        finally:
            self.shop.close()
        closed = time.monotonic()
        until("every saga ended", END_S, self.sagas_ended)
        print(f"  start {opened - began:.1f} s, kills {closed - opened:.1f} s,"
              f" end {time.monotonic() - closed:.1f} s")
        self.report()
        self.books()
        self.cache()
        self.read_back()
        self.cache()


def main():
    options = arguments()
    print(f"fault: seed {options.seed}", flush=True)
    run = Run(options)
    try:
        run.play()
    finally:
        run.bus("down", check=False)
        run.database.stop()
        run.redis.stop()
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
