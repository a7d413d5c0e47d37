# Placing and refunding orders: answers as files, and after each what the
# databases say of money and stock. Sourced by walk.sh, logged in as user 1.
# shellcheck shell=bash disable=SC2034,SC2154,SC2016,SC2317

mall_api=http://127.0.0.1:$((EDGE_PORT + 2))

# shop NAME PATH [BODY]: as user 1; with a body it is a POST.
shop() {
    local name=$1 path=$2
    http "$name" "$mall_api$path" -H "authorization: $token" \
        ${3+-X POST "${json[@]}" -d "$3"}
}

# What user 1 has, and what was paid and not paid back.
money() {
    sql pay 'select balance from account where user_id=1'
    sql pay 'select coalesce(sum(amount), 0) from payment where state=0'
}

# What is left of each product, and what is taken of it.
stock() {
    sql product 'select id, stock from product order by id'
    sql product 'select product_id, sum(quantity) from stock_take
        where state=0 group by product_id order by product_id'
}

# rows_are NAME MONEY STOCK
rows_are() {
    is "money after $1" "$(money | tr '\n' ' ')" "$2 "
    is "stock after $1" "$(stock | tr '\n' ' ')" "$3 "
}

echo "== place and refund an order"
shop products /products
shop products-after '/products?after=2&size=1'
shop product-unknown /products/9
http cart-no-token "$mall_api/cart"
shop cart-put /cart '{"product_id":3,"quantity":1}'
shop cart-put /cart '{"product_id":1,"quantity":2}'
shop cart-put-unknown /cart '{"product_id":9,"quantity":2}'
shop cart /cart
shop place-cart /orders '{"no":"walk-1"}'
rows_are "an order of the cart" '87000 13000' '1|98 2|100 3|2 1|2 3|1'
is "order's rows" "$(sql order 'select no,user_id,amount,state from orders')" 'walk-1|1|13000|0'
is "its items" "$(sql order 'select product_id,quantity from order_item' | tr '\n' ' ')" '1|2 3|1 '
is "the cart is empty" "$(sql cart 'select count(*) from cart_item')" 0
shop order /orders/walk-1
shop order-unknown /orders/walk-9

shop place-again /orders '{"no":"walk-1","items":[{"product_id":1,"quantity":2}]}'
rolled_back "of a number that was used" '["undone",["stock","failed","done"],["pay","pending","none"],["order","pending","none"]]'
shop place-repeated /orders '{"no":"walk-1","items":[{"product_id":3,"quantity":1},{"product_id":1,"quantity":2}]}'
shop place-repeated /orders '{"no":"walk-1"}'
shop place-too-many /orders '{"no":"walk-2","items":[{"product_id":1,"quantity":1},{"product_id":3,"quantity":3}]}'
rolled_back "of more than is there" '["undone",["stock","failed","done"],["pay","pending","none"],["order","pending","none"]]'
shop place-too-dear /orders '{"no":"walk-3","items":[{"product_id":1,"quantity":12}]}'
rolled_back "of an order that is too dear" '["undone",["stock","done","done"],["pay","done","done"],["order","failed","done"]]'
rows_are "orders that were rolled back" '87000 13000' '1|98 2|100 3|2 1|2 3|1'
shop place /orders '{"no":"walk-4","items":[{"product_id":1,"quantity":10}]}'
shop place-no-money /orders '{"no":"walk-5","items":[{"product_id":1,"quantity":10}]}'
rolled_back "of an order without the money" '["undone",["stock","done","done"],["pay","failed","done"],["order","pending","none"]]'
shop orders /orders

shop refund /orders/walk-1/refund '{"reason":"不想要了"}'
rows_are "a refund" '54500 45500' '1|90 2|100 3|3 1|10'
is "order's row" "$(sql order "select state,version from orders where no='walk-1'")" '1|1'
is "the case's row" "$(sql aftersale 'select id,order_no,user_id,reason from after_sale')" '1|walk-1|1|不想要了'
shop order-refunded /orders/walk-1
shop refund-again /orders/walk-1/refund '{}'
rolled_back "of a second refund" '["undone",["sale","failed","done"],["order","pending","none"],["pay","pending","none"],["stock","pending",null]]'
shop refund-unknown /orders/walk-9/refund '{}'
rolled_back "of no order" '["undone",["sale","done","done"],["order","failed","done"],["pay","pending","none"],["stock","pending",null]]'
rows_are "refunds that were rolled back" '54500 45500' '1|90 2|100 3|3 1|10'
is "no case of a refund that was rolled back" "$(sql aftersale 'select count(*) from after_sale')" 1
shop account /account
