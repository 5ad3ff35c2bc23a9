// One trial whole, and two networks side by side, layer by layer.
function layerRows(layers) {
  return layers.map(([place, name, output, parameters, macs]) => ({ place, name, output: output.join("x"), parameters, macs }));
}

/** Pairs the layers of two networks so that as few as possible differ (Needleman & Wunsch 1970). */
function aligned(a, b) {
  const cost = Array.from({ length: a.length + 1 }, () => new Float64Array(b.length + 1));
  const kind = (layer) => layer.name.split(/[\d\s-]/)[0];
  const differ = (i, j) => {
    if (a[i].name === b[j].name) return a[i].output === b[j].output ? 0 : 0.5;
    if (kind(a[i]) === kind(b[j])) return 1;
    return a[i].output === b[j].output && a[i].parameters === b[j].parameters ? 1.5 : 2.5; // one pooling for another
  };
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) cost[i][j] = i + j;
      else cost[i][j] = Math.min(cost[i - 1][j - 1] + differ(i - 1, j - 1), cost[i - 1][j] + 1, cost[i][j - 1] + 1);
    }
  }
  const pairs = [];
  let [i, j] = [a.length, b.length];
  while (i > 0 || j > 0) {
    if (i > 0 && j > 0 && cost[i][j] === cost[i - 1][j - 1] + differ(i - 1, j - 1)) pairs.push([a[--i], b[--j]]);
    else if (i > 0 && cost[i][j] === cost[i - 1][j] + 1) pairs.push([a[--i], null]);
    else pairs.push([null, b[--j]]);
  }
  return pairs.reverse();
}

const PAIR_COLUMNS = ["name", "output", "parameters", "macs"];

function pairCells(one, other) {
  return PAIR_COLUMNS.map((key) => {
    const text = one === null ? "" : key === "name" || key === "output" ? one[key] : counted.format(one[key]);
    const differs = one !== null && other !== null && one[key] !== other[key];
    return make("td", { class: key === "name" || key === "output" ? null : "number" }, differs ? make("strong", {}, text) : text);
  });
}

function drawPair() {
  const place = byId("side-by-side");
  const ranked = left.concat().sort((x, y) => (cell(x, "rank") ?? Infinity) - (cell(y, "rank") ?? Infinity));
  const other = ranked.find((row) => content.network[row] !== content.network[ranked[0]]) ?? ranked[1];
  const usual = [ranked[0], other];
  const rows = state.pair.map((key, at) => (key !== null && placeOf.has(key) ? placeOf.get(key) : key === null ? (usual[at] ?? null) : null));
  ["a", "b"].forEach((id, at) => {
    if (document.activeElement !== byId(`pair-${id}`)) byId(`pair-${id}`).value = rows[at] === null ? state.pair[at] ?? "" : keyOf(rows[at]);
  });
  const missing = rows.findIndex((row) => row === null || !layersOf(row));
  if (missing >= 0) {
    const asked = state.pair[missing];
    fill(place, make("p", { class: "soft" }, asked !== null ? `No network of ${asked} is known. Name a trial as SWEEP/NUMBER, or press A or B in the table.` : "There are no two networks to compare yet."));
    return;
  }
  const [a, b] = rows;
  const pairs = aligned(layerRows(layersOf(a)), layerRows(layersOf(b)));
  const head = PAIR_COLUMNS.map((key) => make("th", { scope: "col", class: key === "name" || key === "output" ? null : "number" }, { name: "layer", output: "output", parameters: "parameters", macs: "MACs" }[key]));
  fill(
    place,
    differences(a, b),
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Layers of both networks" },
      make(
        "table",
        {},
        make("thead", {}, make("tr", {}, make("th", { colspan: 4, scope: "colgroup" }, `A: ${nameOf(a)}`), make("th", { colspan: 4, scope: "colgroup" }, `B: ${nameOf(b)}`), make("td", {})), make("tr", {}, ...head, ...head.map((each) => each.cloneNode(true)), make("th", { scope: "col" }, "what differs"))),
        make("tbody", {}, ...pairs.map(pairRow)),
      ),
    ),
  );
}

function pairRow([one, other]) {
  const differs = one && other && PAIR_COLUMNS.some((key) => one[key] !== other[key]);
  const word = !other ? "only in A" : !one ? "only in B" : differs ? (one.name !== other.name ? "layer" : one.output !== other.output ? "output" : "cost") : "";
  return make("tr", { class: !one || !other ? "only" : differs ? "differs" : null }, ...pairCells(one, other), ...pairCells(other, one), make("td", { class: "word" }, word));
}

/** The figures and settings in which two trials differ, as a table. */
function differences(a, b) {
  const wanted = content.columns.filter((column) => column.setting || ["accuracy", "mean_accuracy", "epochs", "parameters", "macs", "memory", "state"].includes(column.name));
  const rows = wanted
    .map((column) => [column.label, readable(cell(a, column.name), column), readable(cell(b, column.name), column)])
    .filter(([, x, y]) => x !== y);
  return make(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures and settings that differ" },
    make(
      "table",
      {},
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "differs in"), make("th", { scope: "col" }, "A ", drawing(a)), make("th", { scope: "col" }, "B ", drawing(b)))),
      make("tbody", {}, ...rows.map(([name, x, y]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, x), make("td", {}, y)))),
    ),
  );
}

function drawTrial() {
  const dialog = byId("trial");
  const row = state.trial === null ? undefined : placeOf.get(state.trial);
  if (row === undefined) {
    if (dialog.open) dialog.close();
    return;
  }
  const link = runLink(row);
  const facts = content.columns.filter((column) => !["sweep", "trial", "notation", "run_id"].includes(column.name) && (column.setting || !isMissing(cell(row, column.name))));
  const layers = layersOf(row);
  fill(
    byId("trial-body"),
    make("div", {}, drawing(row)),
    make("p", {}, make("code", {}, cell(row, "notation") ?? "")),
    link ? make("p", {}, make("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, "Its run in MLflow")) : null,
    make("dl", { class: "facts" }, ...facts.flatMap((column) => [make("dt", { title: column.help }, column.label), make("dd", {}, readable(cell(row, column.name), column))])),
    layers
      ? make(
          "div",
          { class: "scroll", tabindex: 0, role: "region", "aria-label": "Layers" },
          make(
            "table",
            {},
            make("thead", {}, make("tr", {}, ...["path", "layer", "output", "parameters", "MACs"].map((name, at) => make("th", { scope: "col", class: at > 2 ? "number" : null }, name)))),
            make("tbody", {}, ...layerRows(layers).map((layer) => make("tr", {}, make("td", {}, layer.place), make("td", {}, layer.name), make("td", {}, layer.output), make("td", { class: "number" }, counted.format(layer.parameters)), make("td", { class: "number" }, counted.format(layer.macs))))),
          ),
        )
      : null,
  );
  byId("trial-title").textContent = nameOf(row);
  if (!dialog.open) dialog.showModal();
}
