// The buttons. attempt runs an order, shows that it is under way, and says what came of it.

import { $, h, plural, ranges, say, short } from "./dom.js";
import { about, nameOf, nodes, on, order, state } from "./state.js";

let said, quiet = 0;

/** attempt says what is being done, does it, and says what came of it or why it was refused. */
export async function attempt(doing, act, done, button) {
  if (button?.ariaBusy === "true") return; // once is enough; a button that is disabled would lose the keyboard's focus
  if (button) button.ariaBusy = "true";
  tell(doing + " …", "");
  try {
    tell(done(await act()), "good");
  } catch (e) {
    tell(`${doing} failed: ${e.message}`, "bad");
  } finally {
    if (button) button.ariaBusy = "false";
  }
}

/** give carries out a verb as people write it, and says what the network answers. */
export const give = (doing, what, args, flags, button) => attempt(doing, () => order({ what, args, flags }), (r) => lines(r) || doing + ": done.", button);

function lines(r) {
  const all = (r.lines ?? []).filter((l) => !/^o(ff|n) /.test(l)); // which blocks a reorganization took, the tree shows
  return [...all.slice(0, 5), ...(all.length > 5 ? ["…"] : [])].join(". ").replace(/; `cairn[^`]*` ends it/g, "");
}

function tell(text, kind) {
  if (!said) return;
  clearTimeout(quiet);
  said.textContent = text;
  said.className = "said " + kind;
  if (kind === "good") quiet = setTimeout(() => say(said, ""), 12_000); // what went wrong stays until it is sent away
}

export const field = (label, control, ...after) => h("label", { class: "field" }, h("span", {}, label), control, after);

/** form makes a row of fields with a button. */
export function form(name, fields, button, submit) {
  const b = h("button", { type: "submit" }, button);
  return h("form", { class: "order", "aria-label": name, onsubmit: (e) => { e.preventDefault(); submit(b); } }, fields, b);
}

/** nodeOptions keeps a list of the nodes up to date: those that run, or all. */
export function nodeOptions(select, all) {
  let known = "";
  on(["nodes"], () => {
    const list = nodes().filter((n) => all || n.running);
    const now = list.map((n) => n.i).join();
    if (now === known) return;
    known = now;
    const old = select.value;
    select.replaceChildren(...list.map((n) => h("option", { value: n.i }, nameOf(n))));
    if (old && list.some((n) => String(n.i) === old)) select.value = old;
  });
  return select;
}

export function startOrders() {
  if (!about.orders) return;
  const place = $("orders");
  place.hidden = false;
  said = h("p", { class: "said", role: "status", title: "Click or Escape sends this away", onclick: () => say(said, "") });
  addEventListener("keydown", (e) => e.key === "Escape" && say(said, ""));
  place.append(mineForm(), faucetForm(), splitForm(), worldForms());
  document.body.append(said);
}

function mineForm() {
  const count = h("input", { type: "number", min: 1, max: 1000, value: 1, id: "mine-count" });
  const node = nodeOptions(h("select", { id: "mine-node" }));
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
  const address = h("input", { id: "faucet-address", placeholder: "address", required: true, autocomplete: "off", spellcheck: "false", maxlength: 120 });
  const amount = h("input", { id: "faucet-amount", value: "1", inputmode: "decimal", required: true });
  const f = form("Faucet", [field("Pay", amount), field("coins to", address)], "Pay", (b) =>
    attempt("Paying", async () => order({ what: "faucet", address: address.value.trim(), amount: units(amount.value) }),
      (r) => `Paid, transaction ${r.txid.slice(0, 12)}…`, b));
  const has = h("span", { class: "muted small" });
  f.append(has);
  on(["net"], () => say(has, state.net.faucet ? `of ${Number(state.net.faucet).toFixed(2)}` : ""));
  return f;
}

function splitForm() {
  const groups = h("input", { id: "split-groups", placeholder: "0,1/2,3", required: true, autocomplete: "off", maxlength: 5000 });
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

// ---- what concerns the whole network, folded away: traffic, mining, clock, snapshots

function worldForms() {
  const now = h("span", { class: "muted" });
  on(["net"], () => say(now, [`traffic ${state.net.traffic ? "runs" : "off"}`, `mining ${state.net.mining}`, `clock ${shift(state.net.shift)}`].join(" · ")));
  const kept = snapshotForms();
  return h("details", { class: "world", id: "world", "aria-label": "The whole network", ontoggle: (e) => e.target.open && kept.load() },
    h("summary", {}, "Traffic, mining, clock, snapshots ", now),
    h("div", { class: "orders" }, trafficForm(), miningForm(), clockForm(), kept.place));
}

function shift(seconds) {
  if (!seconds) return "as the wall's";
  const n = Math.abs(seconds), text = n >= 86400 ? (n / 86400).toFixed(1) + " d" : n >= 3600 ? (n / 3600).toFixed(1) + " h" : n >= 60 ? (n / 60).toFixed(1) + " min" : n + " s";
  return `${text} ${seconds > 0 ? "ahead" : "behind"}`;
}

function trafficForm() {
  const perSecond = h("input", { id: "traffic-rate", type: "number", min: 0.1, max: 1000, step: "any", value: 3 });
  const replaced = h("input", { id: "traffic-rbf", type: "number", min: 0, max: 100, value: 5 });
  const stop = h("button", { type: "button", class: "quiet", onclick: () => give("Stopping the traffic", "traffic", ["stop"], {}, stop) }, "Stop");
  const f = form("Traffic", [field("Payments", perSecond, "a second,"), field("replaced", replaced, "%")], "Start", (b) =>
    give("Starting the traffic", "traffic", [], { rate: perSecond.value + "/s", rbf: replaced.value + "%" }, b));
  f.append(stop);
  return f;
}

function miningForm() {
  const way = h("select", { id: "mining-way" }, [["poisson", "at random times"], ["interval", "in even steps"], ["instant", "when a payment waits"], ["manual", "by hand only"]].map(([v, text]) => h("option", { value: v }, `${v}: ${text}`)));
  let known = "";
  on(["net"], () => {
    if (state.net.mining && state.net.mining !== known) way.value = known = state.net.mining;
  });
  return form("Mining", [field("Blocks come", way)], "Set", (b) => give("Changing the mining", "mining", [way.value], {}, b));
}

function clockForm() {
  const by = h("input", { id: "clock-by", value: "+1h", required: true, autocomplete: "off", maxlength: 20 });
  return form("Clock", [field("Move the clocks by", by)], "Move", (b) => give("Moving the clocks", "time", [by.value.trim()], {}, b));
}

function snapshotForms() {
  const name = h("input", { id: "snapshot-name", placeholder: "before-the-cut", required: true, autocomplete: "off", maxlength: 60 });
  const list = h("select", { id: "snapshot-list" });
  async function load() {
    const all = await order({ what: "snapshots", args: [] }).then((r) => r.result ?? [], () => []);
    list.replaceChildren(...all.map((s) => h("option", { value: s.name }, `${s.name}, height ${s.height}`)));
    back.hidden = all.length === 0;
  }
  const keep = form("Snapshot", [field("Keep all as", name)], "Keep", async (b) => {
    await give("Keeping " + name.value.trim(), "snapshot", [name.value.trim()], {}, b);
    await load();
  });
  const back = form("Revert", [field("Go back to", list)], "Go back", (b) => {
    if (confirm(`The network becomes what it was at “${list.value}”. What has come since is lost.`)) give("Going back to " + list.value, "revert", [list.value], {}, b);
  });
  back.hidden = true;
  return { place: [keep, back], load };
}
