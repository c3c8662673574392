"""What a simulated business account has: labels and a catalogue. Every simulated account is one."""

from engines import base
from engines.simulator.accounts import ChatMemory
from engines.simulator.messages import Messages
from engines.things import Catalog, Label, Product

_LABELS = (
    Label("1", "New customer", "#FF9485"),
    Label("2", "New order", "#64C4FF"),
    Label("3", "Pending payment", "#FFD429"),
    Label("4", "Paid", "#DFAEF0"),
    Label("5", "Order complete", "#99B6C1"),
)
_GOODS = (("Teapot", 24_500), ("Tea, black", 4_900), ("Tea, green", 5_200), ("Cup", 7_000), ("Tea towel", 9_990))


class Business(Messages):
    """`engines.verbs.LabelVerbs` and `CatalogVerbs`."""

    def labels(self) -> list[Label]:
        """The labels of the account."""
        self._ready()
        return list(_LABELS)

    def label(self, label_id: str) -> Label:
        """One label. Raises NotOnAccount."""
        self._ready()
        found = next((label for label in _LABELS if label.id == label_id), None)
        if found is None:
            raise base.NotOnAccount(f"Label {label_id} not found")
        return found

    def chat_labels(self, chat: str) -> list[Label]:
        """The labels on a chat."""
        memory = self._account.chats.get(self._chat(chat))
        return [label for label in self.labels() if memory is not None and label.id in memory.labels]

    def add_label(self, chat: str, label_id: str) -> None:
        """Put a label on a chat. Refused for a chat that is neither a person nor a group."""
        label, memory = self.label(label_id), self._labelled(chat)
        with self._world.change():
            self._world.mark(self._account, memory, labels=sorted({*memory.labels, label.id}))

    def remove_label(self, chat: str, label_id: str) -> None:
        """Take a label off a chat."""
        label, memory = self.label(label_id), self._labelled(chat)
        with self._world.change():
            self._world.mark(self._account, memory, labels=[one for one in memory.labels if one != label.id])

    def _chat(self, chat: str) -> str:
        self._ready()
        return self._world.post.chat_of(self._account, chat)

    def _labelled(self, chat: str) -> ChatMemory:
        address = self._chat(chat)
        if not address.endswith(("@c.us", "@lid", "@g.us")):
            raise base.Refused(f"{address} takes no labels", "not_allowed")
        return self._account.chat(address)

    def catalog(self) -> Catalog | None:
        """The account's shop."""
        self._ready()
        phone = self._account.phone
        return Catalog(phone, f"{self._account.name}'s tea shop", len(_GOODS), f"https://wa.me/c/{phone}", "Tea")

    def products(self, page: int, limit: int) -> tuple[list[Product], int]:
        """One page of what is for sale, pages counted from 1, and how many there are in all."""
        self._ready()
        every = [self._product(number) for number in range(len(_GOODS))]
        return every[(page - 1) * limit : page * limit], len(every)

    def product(self, product_id: str) -> Product | None:
        """One product, None for an unknown one."""
        every, _ = self.products(1, len(_GOODS))
        return next((product for product in every if product.id == product_id), None)

    def _product(self, number: int) -> Product:
        name, price = _GOODS[number]
        product_id = f"{7_000_000_000_000_000 + number + 1}"
        url = f"https://wa.me/p/{product_id}/{self._account.phone}"
        return Product(product_id, name, price, "EUR", url, f"A fine {name.lower()}", retailer_id=f"tea-{number + 1}")

    def send_product(self, key: str, chat: str, product_id: str, body: str | None = None) -> base.Sent:
        """Show a product to a chat. Raises NotOnAccount for an unknown one."""
        product = self.product(product_id)
        if product is None:
            raise base.NotOnAccount(f"Product {product_id} not found")
        return self._show(key, chat, body, product.name, product.url)

    def send_catalog(self, key: str, chat: str, body: str | None = None) -> base.Sent:
        """Show the whole shop to a chat."""
        catalog = self.catalog()
        if catalog is None:
            raise base.NotOnAccount("The account has no catalog")
        return self._show(key, chat, body, catalog.name, catalog.url)

    def _show(self, key: str, chat: str, *lines: str | None) -> base.Sent:
        return self.send(base.Outgoing(key, chat, base.Text("\n".join(line for line in lines if line))))
