// The table of trials: paged, sorted and filtered by any column.
const PAGE = 25;
const CHOSEN = ["rank", "trial", "drawing", "variant", "base", "seed", "accuracy", "mean_accuracy", "std_accuracy", "epochs", "parameters", "macs", "state", "reason", "notation"];

function shownColumns() {
  const wanted = state.columns ?? [...(content.sweeps.length > 1 ? ["sweep"] : []), ...CHOSEN];
  return wanted.filter((name) => name === "drawing" || (columnOf.has(name) && (state.columns || content.rows[name].some((value) => !isMissing(value)))));
}

function drawTable() {
  const names = shownColumns();
  const pages = Math.max(1, Math.ceil(left.length / PAGE));
  if (state.page > pages) state.page = pages;
  const from = (state.page - 1) * PAGE;
  const focused = document.activeElement?.dataset?.focus;
  const typed = document.activeElement?.value;
  const rows = make("tbody", {}, ...left.slice(from, from + PAGE).map((row) => tableRow(row, names)));
  const field = document.activeElement;
  const typing = field?.matches?.("#table thead input") && field.value !== field.defaultValue && byId("table").dataset.columns === names.join();
  byId("table").dataset.columns = names.join();
  if (typing) byId("table").tBodies[0].replaceWith(rows); // what is half typed stays
  else fill(
    byId("table"),
    make("caption", { class: "visually-hidden" }, "Trials, a row each. Headings sort, the fields below them filter."),
    make("thead", {}, make("tr", {}, ...withActs(names.map(heading), "th")), make("tr", { class: "filters" }, ...withActs(names.map(filterField), "td"))),
    rows,
  );
  fill(
    byId("pager"),
    make("button", { type: "button", onclick: () => change({ page: state.page - 1 }), disabled: state.page <= 1, "data-focus": "previous" }, "Previous"),
    make("span", {}, left.length ? `${from + 1} to ${Math.min(from + PAGE, left.length)} of ${counted.format(left.length)}` : "No trial passes the filters."),
    make("button", { type: "button", onclick: () => change({ page: state.page + 1 }), disabled: state.page >= pages, "data-focus": "next" }, "Next"),
  );
  const frame = byId("table").parentElement;
  frame.style.minHeight = `${frame.offsetHeight}px`; // it shrinks no more, so that a box in a figure does not move the figure
  if (focused && !typing) {
    const again = document.querySelector(`[data-focus="${CSS.escape(focused)}"]`);
    again?.focus();
    if (again && again.tagName === "INPUT" && again.value !== typed) again.value = typed;
  }
}

/** Cells of a row of the head, with one for the buttons after the first two. */
function withActs(cells, tag) {
  return [...cells.slice(0, 2), tag === "th" ? make("th", { scope: "col" }, "side by side") : make("td", {}), ...cells.slice(2)];
}

function labelOf(name) {
  return name === "drawing" ? "network" : columnOf.get(name).label;
}

function isNumber(name) {
  return columnOf.get(name)?.kind === "number";
}

function heading(name) {
  if (name === "drawing") return make("th", { scope: "col", title: "A block for each stage: as high as its map, as wide as its channels" }, "network");
  const { name: sorted, descending } = sortKey();
  const sort = sorted === name ? (descending ? "descending" : "ascending") : null;
  const best = columnOf.get(name).format === "accuracy"; // the highest is wanted first
  const next = sort === null ? (best ? `-${name}` : name) : descending ? name : `-${name}`;
  const arrow = sort === null ? "" : descending ? " ▼" : " ▲";
  return make(
    "th",
    { scope: "col", "aria-sort": sort, class: isNumber(name) ? "number" : null, title: columnOf.get(name).help },
    make("button", { type: "button", onclick: () => change({ sort: next }), "data-focus": `sort ${name}` }, labelOf(name) + arrow),
  );
}

function filterField(name) {
  if (name === "drawing") return make("td", {});
  const filter = state.filters.get(name);
  const number = isNumber(name);
  return make(
    "td",
    {},
    make("input", {
      "aria-label": `filter ${labelOf(name)}`,
      placeholder: number ? "≥, ≤, a..b" : "contains",
      value: filter ? typedFilter(filter) : "",
      "data-focus": `filter ${name}`,
      onchange: (event) => {
        const parsed = parseTyped(event.target.value, number);
        event.target.toggleAttribute("aria-invalid", parsed === undefined);
        if (parsed === undefined) event.target.title = "Not a number or a range, such as >= 0.9, 0.1..0.3 or 3";
        else change({ filters: withFilter(name, parsed) });
      },
    }),
  );
}

/** What a person types into a filter: ">= 0.9", "< 3", "0.1..0.3", a number alone, or a part of a text. */
function parseTyped(text, number) {
  const typed = text.trim();
  if (!typed) return null;
  if (typed.includes("|") && !typed.includes("..")) return { values: typed.split("|").map((part) => typedValue(part.trim(), number)) };
  if (typed.toLowerCase() === "not asked" || typed === "–") return { values: [null] };
  if (!number) return { text: typed };
  if (/\|\s*not asked$/i.test(typed)) return orMissing(parseTyped(typed.replace(/\|\s*not asked$/i, ""), true));
  const bound = typed.match(/^(>=|<=|≥|≤|>|<)\s*(\S+)$/);
  const value = Number((bound ? bound[2] : typed).replaceAll(",", ""));
  if (bound && !Number.isNaN(value) && bound[1].length === 1 && "<>".includes(bound[1])) return strictly(bound[1], value);
  if (bound && !Number.isNaN(value)) return bound[1].startsWith(">") || bound[1] === "≥" ? { min: value, max: null } : { min: null, max: value };
  if (Number.isNaN(value)) return readRange(typed.replaceAll(",", "")) ?? undefined; // undefined: not understood
  const decimals = (typed.split(".")[1] ?? "").length;
  const half = decimals ? 0.5 * 10 ** -decimals : 0; // what is shown as that number is meant
  return { min: Number((value - half).toPrecision(12)), max: Number((value + half).toPrecision(12)) };
}

function typedValue(part, number) {
  if (part.toLowerCase() === "not asked" || part === "–") return null;
  return number && part !== "" && !Number.isNaN(Number(part)) ? Number(part) : part;
}

function typedFilter(filter) {
  if (filter.values) return filter.values.map((value) => (value === null ? "not asked" : value)).join(" | ") || "nothing";
  if (filter.orMissing) return `${typedFilter({ ...filter, orMissing: false })} | not asked`;
  if (filter.text !== undefined) return filter.text;
  if (filter.min === filter.max) return String(filter.min);
  if (filter.strict) return filter.max === null ? `> ${short(filter.min)}` : `< ${short(filter.max)}`;
  if (filter.max === null) return `>= ${short(filter.min)}`;
  if (filter.min === null) return `<= ${short(filter.max)}`;
  return `${short(filter.min)}..${short(filter.max)}`;
}

function short(value) {
  return Number(value.toPrecision(4)).toString();
}

function tableRow(row, names) {
  const link = runLink(row);
  const acts = make(
      "td",
      {},
      make(
        "div",
        { class: "acts" },
        make("button", { type: "button", onclick: () => change({ pair: [keyOf(row), state.pair[1]] }), title: "Side by side: as the first", "aria-label": `${nameOf(row)} as the first network`, "data-focus": `a ${keyOf(row)}` }, "A"),
        make("button", { type: "button", onclick: () => change({ pair: [state.pair[0], keyOf(row)] }), title: "Side by side: as the second", "aria-label": `${nameOf(row)} as the second network`, "data-focus": `b ${keyOf(row)}` }, "B"),
        link ? make("a", { href: link, target: "_blank", rel: "noopener noreferrer", "aria-label": `${nameOf(row)} in MLflow` }, "MLflow") : null,
      ),
    );
  const cells = names.map((name) => tableCell(row, name));
  return make("tr", { "data-key": keyOf(row) }, ...cells.slice(0, 2), acts, ...cells.slice(2));
}

function tableCell(row, name) {
  if (name === "drawing") return make("td", {}, drawing(row));
  const column = columnOf.get(name);
  const text = readable(cell(row, name), column);
  if (name === "trial") {
    const open = make("button", { type: "button", onclick: () => change({ trial: keyOf(row) }), "data-focus": `trial ${keyOf(row)}`, "aria-label": `show ${nameOf(row)}` }, text);
    return make("td", { class: "number" }, open);
  }
  if (column.kind === "number") return make("td", { class: "number" }, text);
  return make("td", { class: name === "notation" ? "text notation" : "text", title: text }, name === "notation" ? make("code", {}, text) : text);
}

/** The address of a trial's run in MLflow, or null. */
function runLink(row) {
  const run = cell(row, "run_id");
  const sweep = content.sweeps.find((each) => each.name === cell(row, "sweep"));
  return run && webAddress(sweep?.run_link) ? sweep.run_link.replace("{run}", encodeURIComponent(run)) : null;
}
