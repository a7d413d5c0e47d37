# SPDX-License-Identifier: MIT
"""The books at the end: what the databases say beside what clients were told.

An order is done when it is there with its payment and its stock; it is undone
when nothing of it is left but notes of what was given back. Anything between
is half done, and wrong once every saga has ended.
"""
import json

from clients import DONE, ROLLED_BACK

HALF_DONE = """
select count(*) from (
  select distinct t.order_no from mall_product.stock_take t
  left join mall_order.orders o on o.no = t.order_no
  left join mall_aftersale.after_sale a on a.order_no = t.order_no
  where t.state = 0 and (o.no is null or a.id is not null)) as half
"""

ORDERS = "select no, user_id, amount, state from mall_order.orders"
ITEMS = "select order_no, product_id, quantity from mall_order.order_item"
PAYMENTS = "select order_no, user_id, amount, state from mall_pay.payment"
TAKES = """select order_no, product_id, quantity, state
           from mall_product.stock_take"""
CASES = "select order_no, user_id from mall_aftersale.after_sale"


class Books:
    """Every row of the shop, by order."""

    def __init__(self, database):
        def read(statement):
            rows = database.rows(statement)
            if rows is None:
                raise RuntimeError("the database does not answer")
            return rows

        self.orders = {row[0]: row[1:] for row in read(ORDERS)}
        self.payments = {row[0]: row[1:] for row in read(PAYMENTS)}
        self.cases = {row[0]: row[1:] for row in read(CASES)}
        self.items, self.takes = {}, {}
        for no, product, quantity in read(ITEMS):
            self.items.setdefault(no, {})[product] = quantity
        for no, product, quantity, state in read(TAKES):
            self.takes.setdefault(no, {})[product] = (quantity, state)
        self.balances = sum(int(row[0]) for row in
                            read("select balance from mall_pay.account"))
        self.stock = {row[0]: int(row[1]) for row in
                      read("select id, stock from mall_product.product")}

    def numbers(self):
        return set(self.orders) | set(self.payments) | set(self.takes) | set(
            self.cases) | set(self.items)

    def rows_of(self, no):
        return (f"order {self.orders.get(no)}, payment "
                f"{self.payments.get(no)}, stock {self.takes.get(no)}, case "
                f"{self.cases.get(no)}")

    def state(self, no):
        """placed, refunded, nothing, or half done."""
        takes = self.takes.get(no, {})
        payment = self.payments.get(no)
        taken = {state for _, state in takes.values()}
        held = {product: quantity
                for product, (quantity, _) in takes.items()}
        if no not in self.orders:
            gone = not (no in self.items or no in self.cases or "0" in taken)
            back = payment is None or payment[2] == "1"
            return "nothing" if gone and back else "half done"
        user, amount, state = self.orders[no]
        whole = (held == self.items.get(no) and payment is not None
                 and payment[:2] == [user, amount])
        if whole and state == "0" and payment[2] == "0" and taken == {"0"} \
                and no not in self.cases:
            return "placed"
        if whole and state == "1" and payment[2] == "1" and taken == {"1"} \
                and self.cases.get(no) == [user]:
            return "refunded"
        return "half done"


def told(order):
    return f"{order.placed}, {order.refunded}" if order else "nothing"


def fits(order, state):
    """True if the final state is one that the client's answers allow."""
    if order.placed == ROLLED_BACK:
        return state == "nothing"
    if order.placed == DONE and order.refunded == DONE:
        return state == "refunded"
    if order.placed == DONE and order.refunded in (None, ROLLED_BACK):
        return state == "placed"
    if order.placed == DONE:
        return state in ("placed", "refunded")
    return state in ("placed", "nothing")


def audit(database, orders, money, stock):
    """What is wrong, a line each. money: what accounts had at first; stock: of
    each product."""
    books = Books(database)
    wrong = []
    asked = {order.no: order for order in orders}
    states = {no: books.state(no) for no in set(asked) | books.numbers()}
    for no, state in sorted(states.items()):
        if state == "half done":
            wrong.append(f"order {no} is half done: {books.rows_of(no)}; its "
                         f"client was told {told(asked.get(no))}")
        elif no not in asked:
            wrong.append(f"order {no} was asked for by nobody")
        elif not fits(asked[no], state):
            wrong.append(f"order {no} is '{state}', its client was told "
                         f"{told(asked[no])}")
        elif state != "nothing" and asked[no].amount is not None and \
                books.orders[no][1] != str(asked[no].amount):
            wrong.append(f"order {no} costs {books.orders[no][1]}, its client "
                         f"was told {asked[no].amount}")
    paid = sum(int(amount) for _, amount, state in books.payments.values()
               if state == "0")
    if books.balances + paid != money:
        wrong.append(f"money: {books.balances} in accounts and {paid} paid, "
                     f"{money} at first")
    for product, left in books.stock.items():
        taken = sum(int(quantity) for takes in books.takes.values()
                    for id, (quantity, state) in takes.items()
                    if id == product and state == "0")
        if left + taken != stock[product]:
            wrong.append(f"product {product}: {left} left and {taken} taken, "
                         f"{stock[product]} at first")
    counts = {}
    for state in states.values():
        counts[state] = counts.get(state, 0) + 1
    return wrong, counts


# A cached table's key, and its database; the columns that tell rows apart.
CACHED = {"orders": ("mall_order.orders", "no"),
          "product": ("mall_product.product", "id"),
          "account": ("mall_pay.account", "user_id"),
          "payment": ("mall_pay.payment", "order_no"),
          "afterSale": ("mall_aftersale.after_sale", "id")}


def go_name(column):
    return "".join(part.capitalize() for part in column.split("_"))


def read_rows(database, table):
    """Rows as objects of texts under go-zero's names, without times."""
    schema, name = table.split(".")
    columns = [row[0] for row in database.rows(
        "select column_name from information_schema.columns where "
        f"table_schema = '{schema}' and table_name = '{name}' and "
        "data_type <> 'datetime' order by ordinal_position")]
    names = [go_name(column) for column in columns]
    return [dict(zip(names, row)) for row in database.rows(
        f"select {', '.join(columns)} from {table}")]


def cached_fits(value, row):
    """True if a cached value is what the row (None: absent) is now."""
    if value == b"*":
        return row is None
    try:
        cached = json.loads(value)
    except ValueError:
        return False
    return row is not None and all(
        str(cached.get(name)) == text for name, text in row.items())


def audit_cache(redis, database):
    """How many rows are cached, and which are not what the database has."""
    wrong, seen = [], 0
    for prefix, (table, column) in CACHED.items():
        rows = {row[go_name(column)]: row
                for row in read_rows(database, table)}
        key = f"cache:{prefix}:{go_camel(column)}:"
        for found in redis.ask("KEYS", key + "*"):
            value = redis.ask("GET", found)
            row = rows.get(found.decode()[len(key):])
            seen += 1
            if value is not None and not cached_fits(value, row):
                wrong.append(f"{found.decode()} holds {value.decode()}, the "
                             f"database {row}")
    return seen, wrong


def go_camel(column):
    name = go_name(column)
    return name[0].lower() + name[1:]
