// The bar above everything: how many trials are left, by which filters, and what can be done with them.
function drawBar() {
  const chips = [];
  for (const [name, filter] of state.filters) {
    const text = columnOf.has(name) ? `${labelOf(name)}: ${typedFilter(filter)}` : `${name}: no such column`;
    chips.push(chip(text, () => change({ filters: withFilter(name, null) })));
  }
  for (const name of state.boxes.keys()) {
    const title = content.plots.find((plot) => plot.id === name)?.name ?? name;
    chips.push(chip(`selected in ${title}`, () => change({ boxes: new Map([...state.boxes].filter(([key]) => key !== name)) })));
  }
  byId("count").textContent = isFiltered() ? `${counted.format(left.length)} of ${counted.format(content.count)} runs` : `${counted.format(content.count)} runs`;
  fill(byId("chips"), ...chips);
  byId("clear").disabled = !isFiltered();
  if (document.activeElement !== byId("words")) byId("words").value = state.words;
}

function chip(text, remove) {
  return make("button", { type: "button", class: "chip", onclick: remove, "aria-label": `remove filter ${text}`, title: text }, `${text} ×`);
}

function drawColumnChoice() {
  const shown = new Set(shownColumns());
  const toggle = (name) => (event) => {
    const now = shownColumns();
    change({ columns: event.target.checked ? [...now, name] : now.filter((each) => each !== name) });
  };
  fill(
    byId("column-choice"),
    ...content.columns.map((column) =>
      make("label", { title: column.help }, make("input", { type: "checkbox", checked: shown.has(column.name), onchange: toggle(column.name), "data-focus": `column ${column.name}` }), ` ${column.label}`),
    ),
  );
}

/** The trials that are left, in their order and with all columns, as a CSV file. */
function downloadCsv() {
  const names = content.columns.map((column) => column.name);
  const lines = [names, ...left.map((row) => names.map((name) => cell(row, name)))];
  const text = lines.map((line) => line.map(csvField).join(",")).join("\r\n");
  const address = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv;charset=utf-8" }));
  make("a", { href: address, download: `${content.title.replace(/[^\w.-]+/g, "-")}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** A field of CSV; a text that a spreadsheet would take for a formula gets an apostrophe in front. */
function csvField(value) {
  if (isMissing(value)) return "";
  let text = String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function copyLink() {
  const button = byId("copy");
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copy the address above";
  }
  setTimeout(() => { button.textContent = "Copy link"; }, 2000);
}
