// The figures: drawn when they come into view, each showing which trials the filters leave; a box drawn in one is a filter.
const CONFIG = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["lasso2d", "autoScale2d", "toImage"] };
const FAINT = 0.13;
const plots = new Map();
let queue = Promise.resolve();

function takePlots() {
  const place = byId("plots");
  const known = new Set(content.plots.map((plot) => plot.id));
  for (const [id, plot] of plots) {
    if (known.has(id)) continue;
    Plotly.purge(plot.element);
    plot.section.remove();
    plots.delete(id);
  }
  for (const fresh of content.plots) {
    const before = plots.get(fresh.id);
    if (before) {
      Object.assign(before, { figure: fresh.figure, drawn: false, dirty: true });
      continue;
    }
    const element = make("div", { class: "plot", id: `plot-${fresh.id}`, role: "group", "aria-label": fresh.name });
    const section = make("section", { "aria-labelledby": `title-${fresh.id}` }, make("h2", { id: `title-${fresh.id}` }, fresh.title), make("figure", {}, make("figcaption", {}, fresh.help), element));
    section.id = fresh.id;
    element.style.minHeight = `${fresh.figure.layout.height}px`;
    place.append(section);
    plots.set(fresh.id, { ...fresh, element, section, drawn: false, dirty: true, visible: false });
    watcher.observe(element);
  }
  refreshPlots();
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const plot = [...plots.values()].find((each) => each.element === entry.target);
      if (plot) plot.visible = entry.isIntersecting;
    }
    refreshPlots();
  },
  { rootMargin: "250px" },
);

/** Brings the figures in view up to date, one a frame, so that typing stays fluent. */
function refreshPlots(all = false) {
  for (const plot of plots.values()) {
    if (!(plot.visible || all) || !plot.dirty) continue;
    plot.dirty = false;
    queue = queue.then(() => (all ? null : new Promise((resolve) => { requestAnimationFrame(resolve); setTimeout(resolve, 100); }))).then(() => draw(plot)).catch((error) => complain(plot, error));
  }
  return queue;
}

function markPlots() {
  for (const plot of plots.values()) plot.dirty = true;
  return refreshPlots();
}

function complain(plot, error) {
  console.error(error);
  fill(plot.element, make("p", { class: "alert" }, "This figure cannot be drawn here: ", error.message));
}

async function draw(plot) {
  if (!plot.drawn) {
    plot.drawn = true;
    plot.traces = plot.figure.data.map((trace) => ({ kind: trace.meta?.kind, parallel: trace.meta?.parallel }));
    const data = plot.figure.data.flatMap((trace) => (trace.meta?.kind === "lines" ? [{ ...trace, opacity: FAINT, visible: false, showlegend: false, hoverinfo: "skip", hovertemplate: null, mode: "lines" }, trace] : [trace]));
    const layout = { ...plot.figure.layout, title: null, margin: { ...plot.figure.layout.margin, t: 40 }, dragmode: brushable(plot) ? "select" : "zoom", autosize: true };
    await Plotly.react(plot.element, data, layout, CONFIG);
    if (!plot.listens) {
      plot.listens = true;
      plot.element.on("plotly_selected", (event) => event?.range && brush(plot, event.range));
      plot.element.on("plotly_click", (event) => {
        const at = event.points[0]?.customdata?.[0];
        if (at !== undefined && at >= 0) change({ trial: keyOf(at) });
      });
    }
    plot.whole = plot.element.data.map((trace) => ({ x: decoded(trace.x), y: decoded(trace.y), rows: rowsOf(trace), customdata: trace.customdata, text: trace.text }));
  }
  await highlight(plot);
  performance.mark(`convscape ${plot.id}`);
}

function brushable(plot) {
  return plot.figure.data.some((trace) => ["points", "lines"].includes(trace.meta?.kind));
}

/** An array that Plotly may keep as {dtype, bdata}. */
function decoded(values) {
  return values?._inputArray ?? values ?? [];
}

/** The row of the table that each point of a trace stands for; -1 for gaps. */
function rowsOf(trace) {
  const values = decoded(trace.customdata);
  if (Array.isArray(values)) return Int32Array.from(values, (pair) => (Array.isArray(pair) || ArrayBuffer.isView(pair) ? pair[0] : pair));
  return Int32Array.from(values);
}

async function highlight(plot) {
  const filtered = isFiltered();
  const points = { at: [], selected: [] };
  const lines = { at: [], update: { x: [], y: [], customdata: [], text: [] } };
  const faint = { at: [], visible: [] };
  plot.element.data.forEach((trace, at) => {
    const kind = trace.meta?.kind;
    const whole = plot.whole[at];
    if (kind === "points") {
      const selected = [];
      if (filtered) whole.rows.forEach((row, index) => isLeft[row] && selected.push(index));
      points.at.push(at);
      points.selected.push(filtered ? selected : null);
    } else if (kind === "lines" && trace.mode === "lines") {
      faint.at.push(at);
      faint.visible.push(filtered);
    } else if (kind === "lines") {
      const kept = filtered ? keptPoints(whole.rows) : null;
      const pick = (values) => (kept && values?.length ? kept.map((index) => values[index]) : values);
      lines.at.push(at);
      lines.update.x.push(pick(whole.x));
      lines.update.y.push(pick(whole.y));
      lines.update.customdata.push(kept ? kept.map((index) => [whole.rows[index], whole.rows[index] < 0 ? -1 : cell(whole.rows[index], "trial")]) : whole.customdata);
      lines.update.text.push(pick(whole.text));
    }
  });
  if (points.at.length) await Plotly.restyle(plot.element, { selectedpoints: points.selected, "unselected.marker.opacity": FAINT }, points.at);
  if (faint.at.length && (filtered || plot.wasFiltered)) {
    await Plotly.restyle(plot.element, { visible: faint.visible }, faint.at);
    await Plotly.restyle(plot.element, lines.update, lines.at);
  }
  plot.wasFiltered = filtered;
  if (plot.element.layout.selections?.length) await Plotly.relayout(plot.element, { selections: [] });
}

/** Indices of the points whose trial is left, with the gap behind each line. */
function keptPoints(rows) {
  const kept = [];
  let on = false;
  rows.forEach((row, index) => {
    if (row >= 0) on = Boolean(isLeft[row]);
    if (on) kept.push(index);
  });
  return kept;
}

/** Makes filters of a box that was drawn: of the columns on its axes, or else of the trials that have a point in it. */
function brush(plot, range) {
  const [xName, yName] = [Object.keys(range).find((key) => key.startsWith("x")), Object.keys(range).find((key) => key.startsWith("y"))];
  if (!xName || !yName) return;
  const x = [...range[xName]].sort((a, b) => a - b);
  const y = [...range[yName]].sort((a, b) => a - b);
  if (plot.figure.layout.meta?.axes) {
    brushAxes(plot.figure.layout.meta, x, y);
    return;
  }
  const trace = plot.figure.data.find((each) => (each.xaxis ?? "x") === xName && ["points", "lines"].includes(each.meta?.kind));
  if (trace?.meta.kind === "points" && trace.meta.x) {
    const filters = withFilter(trace.meta.x, trace.meta.scale ? valuesAlong(trace.meta.scale, x) : { min: rounded(x[0], -1), max: rounded(x[1], 1) });
    filters.set(trace.meta.y, { min: rounded(y[0], -1), max: rounded(y[1], 1) });
    change({ filters });
  } else {
    change({ boxes: new Map(state.boxes).set(plot.id, { x: x.map((value) => rounded(value)), y: y.map((value) => rounded(value)) }) });
  }
}

/** A number with four places, rounded down or up, so that an address stays short and no point at the edge is lost. */
function rounded(value, direction = 0) {
  if (value === 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 3);
  const steps = value / unit;
  return Number(((direction < 0 ? Math.floor(steps) : direction > 0 ? Math.ceil(steps) : Math.round(steps)) * unit).toPrecision(6));
}

function valuesAlong(scale, [from, to]) {
  if (!scale.choices) return { min: rounded(from, -1), max: rounded(to, 1) };
  const values = [null, ...scale.choices].filter((_, at) => at - 1 >= from - 0.3 && at - 1 <= to + 0.3);
  return { values };
}

/** Of parallel coordinates: a filter for each axis that a box crosses. */
function brushAxes({ axes, below }, x, y) {
  const filters = new Map(state.filters);
  axes.forEach((scale, at) => {
    if (at < x[0] || at > x[1]) return;
    const asked = y[0] <= below && y[1] >= below;
    if (scale.choices) {
      const place = (index) => index / Math.max(1, scale.choices.length - 1);
      const values = scale.choices.filter((_, index) => place(index) >= y[0] && place(index) <= y[1]);
      filters.set(scale.column, { values: asked ? [null, ...values] : values });
    } else if (asked) {
      filters.set(scale.column, { values: [null] });
    } else {
      const value = (share) => (scale.log ? scale.low * (scale.high / scale.low) ** share : scale.low + share * (scale.high - scale.low));
      filters.set(scale.column, { min: rounded(value(Math.max(0, y[0])), -1), max: rounded(value(Math.min(1, y[1])), 1) });
    }
  });
  change({ filters });
}

/** The rows that have a point within a box of a figure; null where there is no such figure. */
function rowsInBox(id, { x, y }) {
  const plot = plots.get(id);
  if (!plot) return null;
  const found = new Set();
  for (const points of allPoints(plot)) {
    points.rows.forEach((row, at) => {
      if (row >= 0 && points.x[at] >= x[0] && points.x[at] <= x[1] && points.y[at] >= y[0] && points.y[at] <= y[1]) found.add(row);
    });
  }
  return found;
}

function allPoints(plot) {
  if (plot.points?.of !== plot.figure) {
    const read = (values) => (values?.bdata ? fromBase64(values) : (values ?? []));
    plot.points = {
      of: plot.figure,
      traces: plot.figure.data
        .filter((trace) => ["points", "lines"].includes(trace.meta?.kind))
        .map((trace) => {
          const pairs = read(trace.customdata);
          const width = trace.customdata?.shape ? 2 : 1;
          return { x: read(trace.x), y: read(trace.y), rows: Array.from({ length: pairs.length / width }, (_, at) => (width === 2 ? pairs[2 * at] : pairs[at][0])) };
        }),
    };
  }
  return plot.points.traces;
}

const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

function fromBase64({ dtype, bdata }) {
  const bytes = Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0));
  return new KINDS[dtype](bytes.buffer);
}
