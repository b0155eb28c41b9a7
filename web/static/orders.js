// The buttons. attempt runs an order, shows that it is under way, and says what came of it.

import { $, h, plural, ranges, short } from "./dom.js";
import { about, nodes, on, order, state } from "./state.js";

let said;

export async function attempt(doing, act, done, button) {
  tell(doing + " …", "");
  if (button) button.disabled = true;
  try {
    tell(done(await act()), "good");
  } catch (e) {
    tell(`${doing} failed: ${e.message}`, "bad");
  } finally {
    if (button) button.disabled = false;
  }
}

function tell(text, kind) {
  if (!said) return;
  said.textContent = text;
  said.className = "said " + kind;
}

const field = (label, control) => h("label", { class: "field" }, h("span", {}, label), control);

/** form makes a row of fields with a button. */
function form(name, fields, button, submit) {
  const b = h("button", { type: "submit" }, button);
  return h("form", { class: "order", "aria-label": name, onsubmit: (e) => { e.preventDefault(); submit(b); } }, fields, b);
}

export function startOrders() {
  if (!about.orders) return;
  const place = $("orders");
  place.hidden = false;
  said = h("p", { class: "said", role: "status" });
  place.append(mineForm(), faucetForm(), splitForm(), said);
}

function mineForm() {
  const count = h("input", { type: "number", min: 1, max: 1000, value: 1, size: 4, id: "mine-count" });
  const node = h("select", { id: "mine-node" });
  let known = "";
  on(["nodes"], () => {
    const list = nodes();
    const now = list.map((n) => n.i + (n.running ? "" : "x")).join();
    if (now === known) return;
    known = now;
    const old = node.value;
    node.replaceChildren(...list.filter((n) => n.running).map((n) => h("option", { value: n.i }, "node " + n.i)));
    if (old && [...node.options].some((o) => o.value === old)) node.value = old;
  });
  return form("Mine", [field("Mine", count), field("blocks on", node)], "Mine", (b) =>
    attempt(`Mining ${plural(+count.value, "block")} on node ${node.value}`, () => order({ what: "mine", node: +node.value, count: +count.value }),
      (r) => `Mined ${plural(r.hashes?.length ?? 0, "block")}, the last ${short(r.hashes?.at(-1) ?? "")}.`, b));
}

/** units reads coins as a person writes them and returns the smallest unit. */
export function units(text) {
  const m = /^(\d{1,8})(?:[.,](\d{1,8}))?$/.exec(text.trim());
  if (!m) throw new Error("an amount is a number like 2.5, with at most eight decimals");
  return +m[1] * 1e8 + +(m[2] ?? "").padEnd(8, "0");
}

function faucetForm() {
  const address = h("input", { id: "faucet-address", size: 22, placeholder: "address", required: true, autocomplete: "off", spellcheck: "false", maxlength: 120 });
  const amount = h("input", { id: "faucet-amount", size: 6, value: "1", inputmode: "decimal", required: true });
  const f = form("Faucet", [field("Pay", amount), field("coins to", address)], "Pay", (b) =>
    attempt("Paying", async () => order({ what: "faucet", address: address.value.trim(), amount: units(amount.value) }),
      (r) => `Paid, transaction ${r.txid.slice(0, 12)}…`, b));
  const has = h("span", { class: "muted small" });
  f.append(has);
  on(["net"], () => (has.textContent = state.net.faucet ? `faucet has ${Number(state.net.faucet).toFixed(2)}` : ""));
  return f;
}

function splitForm() {
  const groups = h("input", { id: "split-groups", size: 12, placeholder: "0,1/2,3", required: true, autocomplete: "off", maxlength: 5000 });
  let touched = false;
  groups.addEventListener("input", () => (touched = true));
  on(["nodes"], () => {
    const n = nodes().length, half = Math.ceil(n / 2);
    if (touched || n < 2) return;
    const part = (from, to) => (to - from > 2 ? `${from}-${to}` : ranges([...Array(to - from + 1).keys()].map((i) => i + from)).replaceAll(" ", ""));
    groups.value = part(0, half - 1) + "/" + part(half, n - 1);
  });
  const heal = h("button", { type: "button", id: "heal", class: "quiet", onclick: () => attempt("Healing", () => order({ what: "heal" }), () => "Healed: all links may connect again.", heal) }, "Heal all");
  const f = form("Partition", [field("Cut into", groups)], "Partition", (b) =>
    attempt("Cutting the network", () => order({ what: "partition", groups: groups.value.trim() }), () => `Cut into ${groups.value.trim()}.`, b));
  f.append(heal);
  return f;
}
