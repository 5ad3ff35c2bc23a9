// The figures: drawn when they come into view, each showing which trials the filters leave; a box drawn in one is a filter.
const CONFIG = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["lasso2d", "autoScale2d", "toImage"] };
const FAINT = 0.15;
const MOST_TRIALS = 600; // drawn at once in a figure, and points of all its parts together
const MOST_POINTS = 3600;
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
      Object.assign(before, { figure: fresh.figure, whole: undefined, drawn: false, dirty: true });
      continue;
    }
    const element = make("div", { class: fresh.figure.layout.grid || fresh.figure.layout.meta?.axes ? "plot wide" : "plot", id: `plot-${fresh.id}`, role: "group", "aria-label": fresh.name });
    const note = make("p", { class: "help", role: "status" });
    const section = make("section", { "aria-labelledby": `title-${fresh.id}` }, make("h2", { id: `title-${fresh.id}` }, fresh.title), make("figure", {}, make("figcaption", {}, fresh.help), make("div", { class: "plot-frame", tabindex: 0, role: "region", "aria-label": `${fresh.name}, to be scrolled` }, element), note));
    section.id = fresh.id;
    element.style.minHeight = `${fresh.figure.layout.height}px`;
    place.append(section);
    plots.set(fresh.id, { ...fresh, element, section, note, drawn: false, dirty: true, visible: false });
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

/** Brings the figures in view up to date, one after each frame: table and count are on the screen first. */
function refreshPlots(all = false) {
  const due = [...plots.values()].filter((plot) => (plot.visible || all) && plot.dirty);
  const away = new Map(due.map((plot) => [plot, distance(plot.element)]));
  for (const plot of due.sort((a, b) => away.get(a) - away.get(b))) {
    plot.dirty = false;
    queue = queue.then(() => (all ? null : new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); setTimeout(resolve, 100); }))).then(() => draw(plot)).catch((error) => complain(plot, error));
  }
  return queue;
}

/** How far the middle of an element is from that of the window, in pixels. */
function distance(element) {
  const { top, height } = element.getBoundingClientRect();
  return Math.abs(top + height / 2 - innerHeight / 2);
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
    plot.whole = plot.figure.data.map(wholeTrace);
    const data = plot.figure.data.flatMap((trace, at) => (plot.whole[at] ? [faint(trace), clear(trace)] : [trace]));
    const layout = { ...plot.figure.layout, title: null, margin: { ...plot.figure.layout.margin, t: 40 }, modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)" }, dragmode: brushable(plot) ? "select" : "zoom", autosize: true, uirevision: "kept" };
    await Plotly.react(plot.element, data, withRanges(plot, layout), CONFIG);
    if (!plot.listens) {
      plot.listens = true;
      plot.element.on("plotly_selected", (event) => event?.range && brush(plot, event.range));
      plot.element.on("plotly_click", (event) => {
        const point = event.points[0];
        const at = point?.data.meta?.kind === "pairs" ? undefined : point?.customdata?.[0]; // a pair is of several trials
        if (at !== undefined && at >= 0) change({ trial: keyOf(at) });
      });
    }
  }
  await highlight(plot);
  performance.mark(`convscape ${plot.id}`);
}

function brushable(plot) {
  return plot.figure.data.some((trace) => isOfTrials(trace));
}

function isOfTrials(trace) {
  return ["points", "lines"].includes(trace.meta?.kind);
}

/** All points of a trace with the row of the table that each stands for, -1 for the gap behind a line; else null. */
function wholeTrace(trace) {
  if (!isOfTrials(trace)) return null;
  const pairs = numbers(trace.customdata);
  const flat = trace.customdata?.bdata !== undefined;
  const rows = Int32Array.from({ length: flat ? pairs.length / 2 : pairs.length }, (_, at) => (flat ? pairs[2 * at] : pairs[at][0]));
  return { x: numbers(trace.x), y: numbers(trace.y), text: trace.text, rows };
}

/** The traces are drawn without WebGL, which many a remote desktop lacks; that is why only so many trials are drawn. */
function clear(trace) {
  return { ...trace, type: "scatter", x: [], y: [], customdata: [], text: trace.text ? [] : undefined };
}

function faint(trace) {
  return { ...clear(trace), opacity: FAINT, showlegend: false, hoverinfo: "skip", hovertemplate: null };
}

/** Axes that hold all trials, so that they stay where they are whatever is drawn. */
function withRanges(plot, layout) {
  const found = {};
  plot.figure.data.forEach((trace, at) => {
    const whole = plot.whole[at];
    if (!whole) return;
    for (const [letter, values] of [["x", whole.x], ["y", whole.y]]) {
      const name = `${letter}axis${(trace[`${letter}axis`] ?? letter).slice(1)}`;
      const range = (found[name] ??= [Infinity, -Infinity]);
      for (const value of values) {
        if (value < range[0]) range[0] = value;
        if (value > range[1]) range[1] = value;
      }
    }
  });
  for (const [name, [low, high]] of Object.entries(found)) {
    const axis = layout[name] ?? {};
    if (axis.range || low > high) continue;
    const [from, to] = axis.type === "log" ? [Math.log10(low), Math.log10(high)] : [low, high];
    const room = (to - from) * 0.05 || 0.5;
    layout[name] = { ...axis, range: [from - room, to + room] };
  }
  return layout;
}

async function highlight(plot) {
  const subplots = new Set(plot.figure.data.map((trace) => trace.xaxis ?? "x")).size;
  const most = Math.min(MOST_TRIALS, Math.floor(MOST_POINTS / subplots));
  const shown = mask(spread(ranked((row) => isLeft[row]), most));
  const others = isFiltered() ? mask(spread(ranked((row) => !isLeft[row]), most / 2)) : null;
  const changes = { at: [], x: [], y: [], customdata: [], text: [], mode: [] };
  let at = 0;
  plot.figure.data.forEach((trace, index) => {
    const whole = plot.whole[index];
    for (const keep of whole ? [others, shown] : []) {
      const part = partOf(whole, keep);
      const marks = trace.meta.kind === "points" ? trace.mode : part.x.length > 3000 ? "lines" : trace.mode;
      changes.at.push(at++);
      for (const key of ["x", "y", "customdata", "text"]) changes[key].push(part[key]);
      changes.mode.push(marks);
    }
    if (!whole) at++;
  });
  const { at: places, ...values } = changes;
  if (places.length) await Plotly.restyle(plot.element, values, places);
  if (plot.element.layout.selections?.length) await Plotly.relayout(plot.element, { selections: [] });
  const drawn = Math.min(most, left.length);
  fill(plot.note, places.length && drawn < left.length ? `Drawn are ${counted.format(drawn)} of ${counted.format(left.length)} runs: the best, and some spread evenly over the others. Fewer that pass the filters are all drawn.` : "");
}

/** Rows of the table that pass a test, the best first. */
function ranked(test) {
  if (byRank.of !== content) {
    const ranks = content.rows.rank;
    byRank = { of: content, rows: Array.from({ length: content.count }, (_, row) => row).sort((a, b) => (ranks[a] ?? Infinity) - (ranks[b] ?? Infinity) || a - b) };
  }
  return byRank.rows.filter(test);
}
let byRank = {};

/** Of rows, the best first, as many as wanted: the best half of that, the rest spread evenly over the others. */
function spread(rows, most) {
  if (rows.length <= most) return rows;
  const best = Math.floor(most / 2);
  const step = (rows.length - best) / (most - best);
  return [...rows.slice(0, best), ...Array.from({ length: Math.floor(most - best) }, (_, at) => rows[best + Math.floor(at * step)])];
}

function mask(rows) {
  const kept = new Uint8Array(content.count);
  for (const row of rows) kept[row] = 1;
  return kept;
}

/** The points of a trace whose trial is kept, each line with the gap behind it. */
function partOf(whole, keep) {
  const part = { x: [], y: [], customdata: [], text: whole.text ? [] : undefined };
  if (!keep) return part;
  let on = false;
  let trial = -1;
  for (let at = 0; at < whole.rows.length; at++) {
    const row = whole.rows[at];
    if (row >= 0) {
      on = keep[row] === 1;
      trial = on ? content.rows.trial[row] : -1;
    }
    if (!on) continue;
    part.x.push(whole.x[at]);
    part.y.push(whole.y[at]);
    part.customdata.push([row, trial]);
    if (whole.text) part.text.push(whole.text[at]);
  }
  return part;
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
  const trace = plot.figure.data.find((each) => (each.xaxis ?? "x") === xName && isOfTrials(each));
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
  if (!scale.choices) {
    const asked = scale.gap && from <= scale.left && to >= scale.left;
    if (asked && to < scale.low) return { values: [null] };
    return { min: rounded(from, -1), max: rounded(to, 1), orMissing: asked };
  }
  return { values: [null, ...scale.choices].filter((_, at) => at - 1 >= from - 0.3 && at - 1 <= to + 0.3) };
}

/** Of parallel coordinates: a filter for each axis that a box crosses. */
function brushAxes({ axes, below }, x, y) {
  const filters = new Map(state.filters);
  axes.forEach((scale, at) => {
    if (at < x[0] || at > x[1]) return;
    const asked = scale.gap && y[0] <= below && y[1] >= below;
    if (y[1] < 0 && !asked) return;
    if (scale.choices) {
      const place = (index) => index / Math.max(1, scale.choices.length - 1);
      const values = scale.choices.filter((_, index) => place(index) >= y[0] && place(index) <= y[1]);
      filters.set(scale.column, { values: asked ? [null, ...values] : values });
    } else if (asked && y[1] < 0) {
      filters.set(scale.column, { values: [null] });
    } else {
      const value = (share) => (scale.log ? scale.low * (scale.high / scale.low) ** share : scale.low + share * (scale.high - scale.low));
      filters.set(scale.column, { min: rounded(value(Math.max(0, y[0])), -1), max: rounded(value(Math.min(1, y[1])), 1), orMissing: asked });
    }
  });
  change({ filters });
}

/** The rows that have a point within a box of a figure; null where there is no such figure. */
function rowsInBox(id, { x, y }) {
  const plot = plots.get(id);
  if (!plot) return null;
  plot.whole ??= plot.figure.data.map(wholeTrace);
  const found = new Set();
  for (const points of plot.whole) {
    points?.rows.forEach((row, at) => {
      if (row >= 0 && points.x[at] >= x[0] && points.x[at] <= x[1] && points.y[at] >= y[0] && points.y[at] <= y[1]) found.add(row);
    });
  }
  return found;
}

const KINDS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

/** Values of a trace, which Plotly's Python package writes as base 64 where they are numbers. */
function numbers(values) {
  if (values?.bdata === undefined) return values ?? [];
  const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
  return new KINDS[values.dtype](bytes.buffer);
}
