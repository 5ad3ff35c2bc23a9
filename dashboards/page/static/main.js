// Puts the page together, and keeps it together when the filters or the sweep change.
function drawSweeps(sweeps) {
  const open = [...document.querySelectorAll("#sweeps details")].map((each) => each.open);
  fill(byId("sweeps"), ...sweeps.map((sweep) => sweepSection(sweep, sweeps.length > 1)));
  document.querySelectorAll("#sweeps details").forEach((each, at) => { each.open = open[at] ?? false; });
}

function sweepSection(sweep, named) {
  const cards = sweep.figures.map((figure) => make("div", {}, make("dt", {}, figure.label), make("dd", {}, figure.value), figure.note ? make("dd", { class: "note" }, figure.note) : null));
  const running = sweep.running
    ? make(
        "div",
        { class: "running" },
        make("p", {}, sweep.running.line),
        sweep.running.done === null ? null : make("progress", { max: 1, value: sweep.running.done, "aria-label": `how far ${sweep.name} is` }),
        sweep.running.trials.length ? make("ul", {}, ...sweep.running.trials.map((text) => make("li", {}, text))) : null,
      )
    : null;
  const link = webAddress(sweep.sweep_link) ? make("a", { href: sweep.sweep_link, target: "_blank", rel: "noopener noreferrer" }, "Its runs in MLflow") : null;
  const command = sweep.command ? make("span", { class: "soft" }, sweep.sweep_link ? ", once MLflow is started by " : "See its runs in MLflow: ", make("code", {}, sweep.command)) : null;
  return make(
    "section",
    { "aria-label": sweep.name },
    named ? make("h2", {}, sweep.name) : null,
    make("p", {}, make("strong", { class: "state" }, sweep.state)),
    sweep.problem ? make("p", { class: "alert" }, sweep.problem) : null,
    ...sweep.notes.map((text) => make("p", { class: "soft" }, text)),
    sweep.answer.length ? make("section", { class: "answer", "aria-label": "Answer" }, make("h2", {}, "Answer"), ...sweep.answer.map((text) => make("p", {}, text))) : null,
    running,
    make("dl", { class: "figures" }, ...cards),
    make("p", {}, link, command),
    sweep.asked.length ? make("details", {}, make("summary", {}, "What was asked"), make("dl", { class: "facts" }, ...sweep.asked.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]))) : null,
    sweep.next.length ? make("p", { class: "soft" }, "Next: ", ...sweep.next.flatMap((text, at) => [at ? ", " : "", make("code", {}, text)])) : null,
  );
}

/** Links to the parts of the page; they scroll, since the address is the filters'. */
function drawContents() {
  const parts = [["trials-title", "Trials"], ...content.plots.map((plot) => [`title-${plot.id}`, plot.name]), ["pair-title", "Two networks side by side"], ...(content.pictures.length ? [["pictures-title", "What the winner learnt"]] : [])];
  fill(byId("contents"), ...parts.map(([id, text]) => make("li", {}, make("a", { href: `#${id}`, onclick: (event) => goTo(event, id) }, text))));
}

function goTo(event, id) {
  event.preventDefault();
  byId(id).scrollIntoView();
  byId(id).setAttribute("tabindex", "-1");
  byId(id).focus({ preventScroll: true });
}

function drawPictures() {
  byId("pictures").hidden = content.pictures.length === 0;
  fill(
    byId("picture-list"),
    ...content.pictures.map((picture) => make("figure", {}, make("img", { src: picture.src, alt: picture.title, loading: "lazy" }), make("figcaption", {}, make("strong", {}, picture.title), ` ${picture.text}`))),
  );
}

function show(fresh) {
  takeContent(fresh);
  drawings.clear();
  document.title = `${content.title} · Convscape`;
  byId("title").textContent = content.title;
  byId("made").textContent = content.made;
  drawSweeps(content.sweeps);
  takePlots();
  drawPictures();
  drawContents();
  redraw(new Set(["all"]));
}

function redraw(changed) {
  const has = (...names) => changed.has("all") || names.some((name) => changed.has(name));
  if (has("filters", "boxes", "words", "sort")) {
    arrange();
    drawBar();
  }
  if (has("filters", "boxes", "words", "sort", "page", "columns")) drawTable();
  if (has("columns")) drawColumnChoice();
  if (has("trial")) drawTrial();
  if (has("pair", "filters", "words", "boxes")) drawPair();
  if (has("filters", "boxes", "words")) markPlots();
}

/** What the page was made of: JSON, packed with gzip where it is long. */
async function readContent() {
  const { type, textContent } = byId("content");
  if (type === "application/json") return JSON.parse(textContent);
  const bytes = Uint8Array.from(atob(textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

async function begin() {
  const told = await readContent();
  readAddress();
  onChange(redraw);
  show(told);
  addEventListener("hashchange", readAddress);
  let typing = null;
  byId("words").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => change({ words: event.target.value.trim() }), 60);
  });
  byId("clear").addEventListener("click", () => change({ filters: new Map(), boxes: new Map(), words: "" }));
  byId("skip").addEventListener("click", (event) => goTo(event, "trials-title"));
  byId("csv").addEventListener("click", downloadCsv);
  byId("copy").addEventListener("click", copyLink);
  byId("trial").addEventListener("close", () => state.trial !== null && change({ trial: null }));
  byId("trial-close").addEventListener("click", () => byId("trial").close());
  ["a", "b"].forEach((id, at) =>
    byId(`pair-${id}`).addEventListener("change", (event) => {
      const pair = [...state.pair];
      pair[at] = event.target.value.trim() || null;
      if (pair[at] && !pair[at].includes("/") && content.sweeps.length === 1) pair[at] = `${content.sweeps[0].name}/${pair[at]}`;
      change({ pair });
    }),
  );
  addEventListener("beforeprint", () => refreshPlots(true));
  if (content.live !== null) follow();
  document.documentElement.dataset.ready = "yes";
  performance.mark("convscape ready");
}

begin().catch((error) => {
  console.error(error);
  fill(byId("problem"), make("p", { class: "alert" }, `This page cannot draw itself here: ${error.message}`));
});
