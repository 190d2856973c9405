"""A shop: four services over HTTP, each on a port of its own, and all of them on one."""

from sockcrud.app import App, Command, Dialect

_DIALECT = "sockcrud.apps.shop.dialect"
_COMMANDS = "sockcrud.apps.shop.commands"
_EDITING = "sockcrud.apps.shop.service.editing"

app = App(
    "shop",
    dialects=[
        Dialect(
            "clients",
            "tcp:5001",
            "where the shop's service of clients and addresses (HTTP) listens",
            f"{_DIALECT}.clients:ClientsFactory",
            login="auth",
            together="shop",
            trial="curl http://HOST:PORT/clients/health",
            openapi=f"{_DIALECT}.clients:PART",
            sayings="sockcrud.apps.shop.sayings:CLIENTS",
        ),
        Dialect(
            "products",
            "tcp:5002",
            "where the shop's service of products (HTTP) listens",
            f"{_DIALECT}.products:ProductsFactory",
            login="auth",
            together="shop",
            trial="curl http://HOST:PORT/products/health",
            openapi=f"{_DIALECT}.products:PART",
        ),
        Dialect(
            "inventory",
            "tcp:5003",
            "where the shop's service of inventory (HTTP) listens",
            f"{_DIALECT}.inventory:InventoryFactory",
            login="auth",
            together="shop",
            trial="curl http://HOST:PORT/inventory/health",
            openapi=f"{_DIALECT}.inventory:PART",
        ),
        Dialect(
            "auth",
            "tcp:5004",
            "where the shop's logins (HTTP) listen",
            f"{_DIALECT}.auth:AuthFactory",
            login="auth",
            together="shop",
            sign_up=True,
            trial="curl http://HOST:PORT/user/health",
            openapi=f"{_DIALECT}.auth:PART",
            sayings="sockcrud.apps.shop.sayings:AUTH",
        ),
        Dialect(
            "shop",
            "tcp:5080",
            "where all four services of the shop (HTTP) listen on one port",
            f"{_DIALECT}.together:ShopFactory",
            login="auth",
            sign_up=True,
            sayings="sockcrud.apps.shop.sayings:SHOP",
            trial="curl http://HOST:PORT/clients/health",
        ),
    ],
    records=[
        f"sockcrud.apps.shop.records:{kind}"
        for kind in ("Client", "Address", "Product", "InventoryItem")
    ],
    client="sockcrud.client:Shop",
    commands=[
        Command("shop", f"{_COMMANDS}.login:shop", "The login of the shop."),
        Command("clients", f"{_COMMANDS}.clients:clients", "The clients of the shop."),
        Command(
            "addresses", f"{_COMMANDS}.addresses:addresses", "The addresses of the shop's clients."
        ),
        Command("products", f"{_COMMANDS}.products:products", "The products of the shop."),
        Command("inventory", f"{_COMMANDS}.inventory:inventory", "What the shop's clients bought."),
    ],
    editing={
        "Client": f"{_EDITING}:clients",
        "Address": f"{_EDITING}:addresses",
        "Product": f"{_EDITING}:products",
        "InventoryItem": f"{_EDITING}:inventory",
    },
    checks=dict.fromkeys(
        ("clients", "products", "inventory", "auth", "shop"), "sockcrud.apps.shop.checks:ShopCheck"
    ),
    examples="sockcrud.apps.shop.examples:EXAMPLES",
)
