// Making elements, and writing numbers for people. Whatever comes from the chain becomes text nodes and attributes here,
// never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(el, attrs, children) {
  for (const [name, value] of Object.entries(attrs || {})) {
    if (name.startsWith("on")) el.addEventListener(name.slice(2), value);
    else if (value === true) el.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) el.setAttribute(name, value);
  }
  el.append(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

/** h makes an HTML element: h("p", {class: "note"}, "text", child). */
export const h = (tag, attrs, ...children) => fill(document.createElement(tag), attrs, children);

/** s makes an SVG element. */
export const s = (tag, attrs, ...children) => fill(document.createElementNS(SVG, tag), attrs, children);

export const $ = (id) => document.getElementById(id);

/** set changes an attribute only if it is different, so that nothing is laid out for nothing. */
export function set(el, name, value) {
  const text = String(value);
  if (el.getAttribute(name) !== text) el.setAttribute(name, text);
}

/** say changes an element's text only if it is different, so that screen readers are not told twice. */
export function say(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** each keeps one child of parent per item, in order: make(item) for a new one, update(el, item) for all. */
export function each(parent, items, key, make, update) {
  const old = new Map([...parent.children].map((el) => [el.dataset.key, el]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = String(key(item));
    let el = old.get(k);
    old.delete(k);
    if (!el) {
      el = make(item);
      el.dataset.key = k;
    }
    if (el !== at) parent.insertBefore(el, at);
    else at = at.nextElementSibling;
    if (update) update(el, item);
  }
  for (const el of old.values()) el.remove();
}

/** short is the part of a hash by which people tell blocks apart: its end, the beginning being zeros. */
export const short = (hash, n = 8) => "…" + hash.slice(-n);

/** brief is the beginning of a transaction's id. */
export const brief = (id, n = 10) => id.slice(0, n) + "…";

/** number writes 1234567 as 1 234 567, with thin spaces. */
export const number = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

export function rate(perSecond) {
  for (const [unit, size] of [["GH/s", 1e9], ["MH/s", 1e6], ["kH/s", 1e3]]) {
    if (perSecond >= size) return (perSecond / size).toPrecision(3) + "\u202f" + unit;
  }
  return Math.round(perSecond) + "\u202fH/s";
}

export function ms(n) {
  if (n < 10) return n.toFixed(1) + "\u202fms";
  if (n < 1000) return Math.round(n) + "\u202fms";
  return (n / 1000).toFixed(2) + "\u202fs";
}

export function size(vbytes) {
  if (vbytes >= 1e6) return (vbytes / 1e6).toFixed(2) + "\u202fMvB";
  if (vbytes >= 1e4) return (vbytes / 1e3).toFixed(0) + "\u202fkvB";
  return number(vbytes) + "\u202fvB";
}

export const clock = (date) => new Date(date).toTimeString().slice(0, 8);

export function when(seconds) {
  const d = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** coins writes an amount of coins with eight decimals. */
export const coins = (n) => Number(n).toFixed(8);

/** ranges writes [0,1,2,5] as "0–2, 5". */
export function ranges(list) {
  const parts = [];
  for (let i = 0; i < list.length; ) {
    let j = i;
    while (j + 1 < list.length && list[j + 1] === list[j] + 1) j++;
    parts.push(j > i + 1 ? `${list[i]}–${list[j]}` : list.slice(i, j + 1).join(", "));
    i = j + 1;
  }
  return parts.join(", ");
}

/** groups writes 0,1,2/3,4 as 0–2/3, 4. */
export const groups = (text) => text.split("/").map((g) => (/^[\d,]+$/.test(g) ? ranges(g.split(",").map(Number)) : g)).join("/");

/** plural writes 1 node, 2 nodes. */
export const plural = (n, word) => `${number(n)} ${word}${n === 1 ? "" : "s"}`;
