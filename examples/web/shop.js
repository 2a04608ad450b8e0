/**
 * The shop: what a site writes itself. The tracker is `window.selvedge`; before it is loaded, the
 * snippet in each page's head keeps the calls. Page views are the tracker's own.
 */

const CLOTHS = [
  {
    id: "denim",
    name: "Indigo denim",
    price: 34,
    about: "Red-thread twill, 14 oz, rope-dyed. It fades where you bend.",
    facts: ["Cotton", "78 cm wide", "475 g/m²"],
  },
  {
    id: "linen",
    name: "Natural linen",
    price: 29,
    about: "Undyed flax with its slubs left in. Cool in July, better in its tenth year.",
    facts: ["Flax", "140 cm wide", "185 g/m²"],
  },
  {
    id: "herringbone",
    name: "Grey herringbone",
    price: 58,
    about: "Two undyed fleeces, broken every eighteen ends. A coat waits in it.",
    facts: ["Wool", "150 cm wide", "410 g/m²"],
  },
  {
    id: "gingham",
    name: "Madder gingham",
    price: 22,
    about: "Dyed with root madder and woven square: the check is the same both ways.",
    facts: ["Cotton", "110 cm wide", "130 g/m²"],
  },
  {
    id: "ticking",
    name: "Navy ticking",
    price: 26,
    about: "A mattress stripe so dense that feathers stay in. Good for aprons too.",
    facts: ["Cotton", "140 cm wide", "260 g/m²"],
  },
  {
    id: "sashiko",
    name: "Sashiko",
    price: 46,
    about: "Seven treasures, stitched in white on indigo: rings without an end.",
    facts: ["Cotton", "38 cm wide", "220 g/m²"],
  },
];
const CURRENCY = "EUR";

const pages = { cloths: showCloths, product: showProduct, basket: showBasket, account: showAccount };
const strip = openStrip(byId("strip"));
pages[document.body.dataset.page]();
showBasketCount();

function showCloths() {
  byId("cloths").append(
    ...CLOTHS.map(({ id, name, price, facts }) =>
      element(
        "li",
        {},
        element(
          "a",
          { href: `product.html?id=${id}` },
          element("img", { src: `${id}.svg`, alt: "" }),
          element("h2", {}, name),
          element("p", {}, `${money(price)} a metre`, element("small", {}, facts[0])),
        ),
      ),
    ),
  );
}

function showProduct() {
  const cloth = clothOf(new URLSearchParams(location.search).get("id")) ?? CLOTHS[0];
  document.title = `${cloth.name} at Tuckmill`;
  track("Product Viewed", inWords(cloth));

  const metres = element("input", { type: "number", name: "metres", min: 1, max: 50, value: 2, inputMode: "numeric" });
  const added = element("p", { className: "note", role: "status" });
  const form = element(
    "form",
    { className: "buy" },
    element("label", {}, "Metres", metres),
    element("button", {}, "Add to basket"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const quantity = Number(metres.value);
    changeBasket(cloth.id, (basketOf()[cloth.id] ?? 0) + quantity);
    track("Product Added", { ...inWords(cloth), quantity });
    added.replaceChildren(
      `${quantity} m of ${cloth.name} in your basket. `,
      element("a", { href: "basket.html" }, "See it"),
    );
  });
  byId("product").append(
    element("img", { src: `${cloth.id}.svg`, alt: cloth.name }),
    element(
      "div",
      {},
      element("h1", {}, cloth.name),
      element("p", { className: "price" }, `${money(cloth.price)} a metre`),
      element("p", {}, cloth.about),
      element("ul", { className: "facts" }, ...cloth.facts.map((fact) => element("li", {}, fact))),
      form,
      added,
    ),
  );
}

function showBasket() {
  const lines = Object.entries(basketOf()).map(([id, quantity]) => ({ cloth: clothOf(id), quantity }));
  const place = byId("basket");
  if (!lines.length) {
    place.replaceChildren(
      element("p", {}, "Nothing in it yet. "),
      element("a", { className: "button", href: "index.html" }, "Look at the cloths"),
    );
    return;
  }
  const total = lines.reduce((sum, { cloth, quantity }) => sum + cloth.price * quantity, 0);
  const rows = lines.map(({ cloth, quantity }) => {
    const remove = element("button", { type: "button", className: "quiet" }, "Remove");
    remove.addEventListener("click", () => {
      changeBasket(cloth.id, 0);
      track("Product Removed", { ...inWords(cloth), quantity });
      showBasket();
    });
    return element(
      "li",
      {},
      element("img", { src: `${cloth.id}.svg`, alt: "" }),
      element(
        "div",
        {},
        element("a", { href: `product.html?id=${cloth.id}` }, cloth.name),
        element("small", {}, `${quantity} m at ${money(cloth.price)}`),
      ),
      element("strong", {}, money(cloth.price * quantity)),
      remove,
    );
  });
  const order = element("button", { type: "button" }, "Order");
  order.addEventListener("click", () => {
    const orderId = crypto.randomUUID().slice(0, 8);
    track("Order Completed", {
      order_id: orderId,
      total,
      currency: CURRENCY,
      products: lines.map(({ cloth, quantity }) => ({ ...inWords(cloth), quantity })),
    });
    write("basket", {});
    showBasketCount();
    place.replaceChildren(
      element(
        "p",
        { className: "note", role: "status" },
        `Thank you. Your order is ${orderId}; nothing will be cut, this is an example.`,
      ),
    );
  });
  place.replaceChildren(
    element("ul", { className: "lines" }, ...rows),
    element("p", { className: "total" }, "Together ", element("strong", {}, money(total))),
    order,
  );
}

function showAccount() {
  const shopper = read("shopper");
  byId("account").replaceChildren(
    ...(shopper ? greeting(shopper) : [element("p", {}, "Any name will do: this shop believes you."), loginForm()]),
  );
}

function loginForm() {
  const name = element("input", { name: "name", required: true, autocomplete: "username", placeholder: "ada" });
  const email = element("input", {
    name: "email",
    type: "email",
    required: true,
    autocomplete: "email",
    placeholder: "ada@example.com",
  });
  const form = element(
    "form",
    { className: "login" },
    element("label", {}, "Name", name),
    element("label", {}, "Email", email),
    element("button", {}, "Log in"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const shopper = { userId: name.value.trim().toLowerCase(), email: email.value.trim() };
    write("shopper", shopper);
    selvedge.identify(shopper.userId, { email: shopper.email });
    strip.note(`identify ${shopper.userId}`);
    showAccount();
  });
  return form;
}

function greeting({ userId, email }) {
  const logout = element("button", { type: "button", className: "quiet" }, "Log out");
  logout.addEventListener("click", () => {
    localStorage.removeItem("shopper");
    selvedge.reset();
    strip.note("reset");
    showAccount();
  });
  return [
    element("p", {}, "You are logged in as ", element("strong", { id: "shopper" }, userId), `, ${email}.`),
    element("p", {}, "What you looked at before is yours from now on, on this device."),
    logout,
  ];
}

function track(event, properties) {
  selvedge.track(event, properties);
  strip.note(event);
}

/** A cloth in the customary words of commerce events. */
function inWords({ id, name, price }) {
  return { product_id: id, name, price, currency: CURRENCY };
}

/** The bar at the bottom: who the tracker takes you for, and what this page told it. */
function openStrip(place) {
  const ids = element("dl", {});
  const network = element("span", { className: "network" });
  const calls = element("ol", {}, element("li", {}, stamped("page, by the tracker itself")));
  const sent = element(
    "output",
    {},
    "Calls are stored in your browser first, then sent, a few seconds later or when you leave.",
  );
  const sendNow = element("button", { type: "button" }, "Send now");
  sendNow.addEventListener("click", async () => {
    await selvedge.flush?.();
    sent.value = navigator.onLine
      ? stamped("all that waited is answered")
      : stamped("no network: all of it waits in your browser");
  });
  place.append(
    element(
      "details",
      {},
      element("summary", {}, element("b", {}, "Selvedge"), ids, network),
      element("div", { className: "calls" }, calls, element("p", {}, sent, sendNow)),
    ),
  );

  const look = () => {
    const known = selvedge.ids?.() ?? {};
    const parts = {
      anonymous: known.anonymousId ?? "not yet",
      user: known.userId ?? "nobody",
      session: known.sessionId ?? "not yet",
    };
    ids.replaceChildren(
      ...Object.entries(parts).map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", { title: value }, value)),
      ),
    );
    network.textContent = navigator.onLine ? "online" : "offline";
    place.classList.toggle("offline", !navigator.onLine);
  };
  look();
  // Nothing tells when they change: another tab may log in.
  setInterval(look, 500);
  selvedge.on("verdict", ({ code }) => calls.prepend(element("li", {}, stamped(`the collector says ${code}`))));
  selvedge.on("drop", ({ code }) => calls.prepend(element("li", {}, stamped(`not kept: ${code}`))));
  return {
    note(call) {
      calls.prepend(element("li", {}, stamped(call)));
      look();
    },
  };
}

function basketOf() {
  return read("basket") ?? {};
}

function changeBasket(id, metres) {
  const { [id]: _, ...others } = basketOf();
  write("basket", metres ? { ...others, [id]: metres } : others);
  showBasketCount();
}

function showBasketCount() {
  const kinds = Object.keys(basketOf()).length;
  const count = byId("basket-count");
  count.hidden = !kinds;
  count.textContent = String(kinds);
}

function clothOf(id) {
  return CLOTHS.find((cloth) => cloth.id === id);
}

/** What this browser keeps for the shop, beside what the tracker keeps. */
function read(key) {
  return JSON.parse(localStorage.getItem(key) ?? "null");
}

function write(key, value) {
  localStorage.setItem(key, JSON.stringify(value));
}

function byId(id) {
  return document.getElementById(id);
}

function element(tag, attributes, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

function money(amount) {
  return new Intl.NumberFormat("en", { style: "currency", currency: CURRENCY, maximumFractionDigits: 0 }).format(
    amount,
  );
}

function stamped(text) {
  return `${new Date().toLocaleTimeString("en-GB")}  ${text}`;
}
