// What the page shows, kept in its address: a view can be sent to a colleague.
const DEFAULT_SORT = "rank";
const state = { filters: new Map(), boxes: new Map(), words: "", sort: DEFAULT_SORT, page: 1, columns: null, trial: null, pair: [null, null] };
const listeners = [];

/** Has `listener` called after every change, with the names of what changed. */
function onChange(listener) {
  listeners.push(listener);
}

function change(changes) {
  Object.assign(state, changes);
  if (!("page" in changes) && ("filters" in changes || "boxes" in changes || "words" in changes || "sort" in changes)) state.page = 1;
  const address = writeAddress();
  if (address !== location.hash.slice(1)) history.replaceState(null, "", address ? `#${address}` : location.pathname + location.search);
  listeners.forEach((listener) => listener(new Set(Object.keys(changes))));
}

function withFilter(name, filter) {
  const filters = new Map(state.filters);
  if (filter === null) filters.delete(name);
  else filters.set(name, filter);
  return filters;
}

/** A filter is {min, max} of numbers, without the bound itself where it is strict, and with what has no value where it says so, {values} of which one must stand, or {text} that must be part of it. */
function writeFilter(filter) {
  if (filter.values) return `=${filter.values.map((value) => encodeURIComponent(JSON.stringify(value))).join("|")}`;
  if (filter.text !== undefined) return `~${encodeURIComponent(filter.text)}`;
  if (filter.strict) return encodeURIComponent(filter.min === null ? `<${filter.max}` : `>${filter.min}`);
  return `${filter.min ?? ""}..${filter.max ?? ""}${filter.orMissing ? "|" : ""}`;
}

function readFilter(text) {
  try {
    if (text === "=") return { values: [] };
    if (text.endsWith("|") && !text.startsWith("=")) return orMissing(readRange(text.slice(0, -1)));
    if (text.startsWith("=")) return { values: text.slice(1).split("|").map((part) => JSON.parse(decodeURIComponent(part))) };
    if (text.startsWith("~")) return { text: decodeURIComponent(text.slice(1)) };
    const strict = decodeURIComponent(text).match(/^([<>])(.+)$/);
    if (strict) return strictly(strict[1], Number(strict[2]));
  } catch {
    return null;
  }
  return readRange(text);
}

/** The range, and also what has no value. */
function orMissing(range) {
  return range && { ...range, orMissing: true };
}

/** A filter for what is above or below a number, and not the number itself. */
function strictly(sign, value) {
  if (Number.isNaN(value)) return null;
  return sign === ">" ? { min: value, max: null, strict: true } : { min: null, max: value, strict: true };
}

function readRange(text) {
  const parts = text.split("..");
  const [min, max] = parts.map((part) => (part.trim() === "" ? null : Number(part)));
  if (parts.length !== 2 || Number.isNaN(min) || Number.isNaN(max) || (min === null && max === null)) return null;
  return { min, max };
}

function writeAddress() {
  const parts = [];
  const put = (key, value) => parts.push(`${encodeURIComponent(key)}=${value}`);
  if (state.words) put("words", encodeURIComponent(state.words));
  for (const [name, filter] of state.filters) put(`f.${name}`, writeFilter(filter));
  for (const [name, { x, y }] of state.boxes) put(`b.${name}`, `${x[0]}..${x[1]},${y[0]}..${y[1]}`);
  if (state.sort !== DEFAULT_SORT) put("sort", encodeURIComponent(state.sort));
  if (state.page > 1) put("page", state.page);
  if (state.columns) put("columns", state.columns.map(encodeURIComponent).join("|"));
  if (state.trial !== null) put("trial", encodeURIComponent(state.trial));
  if (state.pair[0] !== null) put("a", encodeURIComponent(state.pair[0]));
  if (state.pair[1] !== null) put("b", encodeURIComponent(state.pair[1]));
  return parts.join("&");
}

/** Takes the state from the address; what is not understood is left out. */
function readAddress() {
  const fresh = { filters: new Map(), boxes: new Map(), words: "", sort: DEFAULT_SORT, page: 1, columns: null, trial: null, pair: [null, null] };
  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return "";
    }
  };
  for (const part of location.hash.slice(1).split("&")) {
    const at = part.indexOf("=");
    if (at < 0) continue;
    const key = decoded(part.slice(0, at));
    const value = part.slice(at + 1);
    if (key === "words") fresh.words = decoded(value);
    else if (key === "sort") fresh.sort = decoded(value);
    else if (key === "page") fresh.page = Math.max(1, Math.floor(Number(value)) || 1);
    else if (key === "columns") fresh.columns = value.split("|").map(decoded);
    else if (key === "trial") fresh.trial = decoded(value);
    else if (key === "a") fresh.pair[0] = decoded(value);
    else if (key === "b") fresh.pair[1] = decoded(value);
    else if (key.startsWith("f.")) {
      const filter = readFilter(value);
      if (filter) fresh.filters.set(key.slice(2), filter);
    } else if (key.startsWith("b.")) {
      const [x, y] = value.split(",").map(readRange);
      if (x && y) fresh.boxes.set(key.slice(2), { x: [x.min, x.max], y: [y.min, y.max] });
    }
  }
  change(fresh);
}
