// The trials: which of them the filters leave, and in which order.
let content = null;
let columnOf = new Map();
let placeOf = new Map();
let left = [];
let isLeft = new Uint8Array(0);
let searchable = null;

function takeContent(fresh) {
  content = fresh;
  columnOf = new Map(content.columns.map((column) => [column.name, column]));
  placeOf = new Map();
  for (let row = 0; row < content.count; row++) placeOf.set(keyOf(row), row);
  searchable = null;
}

function cell(row, name) {
  const values = content.rows[name];
  return values === undefined ? null : values[row];
}

/** What a trial is called in the address: its sweep and its number. */
function keyOf(row) {
  return `${cell(row, "sweep")}/${cell(row, "trial")}`;
}

function nameOf(row) {
  return content.sweeps.length > 1 ? `${cell(row, "sweep")}, trial ${cell(row, "trial")}` : `trial ${cell(row, "trial")}`;
}

function passes(value, filter) {
  if (filter.values) return filter.values.some((wanted) => wanted === value || (wanted === null && isMissing(value)));
  if (filter.text !== undefined) return (isMissing(value) ? "" : readable(value)).toLowerCase().includes(filter.text.toLowerCase());
  if (isMissing(value)) return Boolean(filter.orMissing);
  if (typeof value !== "number") return false;
  if (filter.strict) return filter.min === null ? value < filter.max : value > filter.min;
  return (filter.min === null || value >= filter.min) && (filter.max === null || value <= filter.max);
}

function words() {
  if (searchable === null) {
    const texts = content.columns.filter((column) => column.kind === "text").map((column) => content.rows[column.name]);
    searchable = Array.from({ length: content.count }, (_, row) => `${cell(row, "trial")} ${texts.map((values) => values[row] ?? "").join(" ")}`.toLowerCase());
  }
  return searchable;
}

function isFiltered() {
  return state.filters.size > 0 || state.boxes.size > 0 || state.words !== "";
}

function sortKey() {
  const descending = state.sort.startsWith("-");
  const name = descending ? state.sort.slice(1) : state.sort;
  return columnOf.has(name) ? { name, descending } : { name: "rank", descending: false };
}

function arrange() {
  isLeft = new Uint8Array(content.count).fill(1);
  const keep = (test) => {
    for (let row = 0; row < content.count; row++) if (isLeft[row] && !test(row)) isLeft[row] = 0;
  };
  if (state.words) {
    const texts = words();
    const wanted = state.words.toLowerCase().split(/\s+/).filter(Boolean);
    keep((row) => wanted.every((word) => texts[row].includes(word)));
  }
  for (const [name, filter] of state.filters) if (columnOf.has(name)) keep((row) => passes(cell(row, name), filter));
  for (const [name, box] of state.boxes) {
    const inside = rowsInBox(name, box);
    if (inside) keep((row) => inside.has(row));
  }
  left = [];
  for (let row = 0; row < content.count; row++) if (isLeft[row]) left.push(row);
  const { name, descending } = sortKey();
  const values = content.rows[name];
  const sign = descending ? -1 : 1;
  left.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y) || a - b; // what is not there comes last
    if (x === y) return a - b;
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * (String(x) < String(y) ? -1 : 1);
  });
}
