// A network as a small drawing: a block for each stage, as high as its map and as wide as its channels.
const drawings = new Map();

function layersOf(row) {
  const network = content.network[row];
  return network === null || network === undefined ? null : content.networks[network].map((at) => content.layers[at]);
}

function stagesOf(layers) {
  const stages = [];
  for (const [, , output] of layers) {
    const [size, channels] = output.length === 3 ? [Math.max(output[0], output[1]), output[2]] : [0, output[0]];
    const last = stages[stages.length - 1];
    if (last && last.size === size && last.channels === channels) last.layers += 1;
    else stages.push({ size, channels, layers: 1 });
  }
  return stages;
}

function drawing(row) {
  const network = content.network[row];
  const layers = layersOf(row);
  if (!layers) return make("span", { class: "soft" }, "–");
  if (!drawings.has(network)) drawings.set(network, sketch(stagesOf(layers)));
  return drawings.get(network).cloneNode(true);
}

function sketch(stages) {
  const high = 28;
  const largest = Math.log2(Math.max(2, ...stages.map((stage) => stage.size)) + 1);
  let x = 0;
  const blocks = stages.map((stage) => {
    const height = stage.size ? Math.max(4, (high * Math.log2(stage.size + 1)) / largest) : Math.min(high, 3 + 2 * Math.log2(stage.channels + 1));
    const width = stage.size ? Math.max(3, 2 * Math.log2(stage.channels + 1)) : 3;
    const block = make("svg:rect", { x, y: (30 - height) / 2, width, height, rx: 1, class: stage.size ? "map" : "flat" });
    x += width + 1;
    return block;
  });
  const said = stages.filter((stage) => stage.size).map((stage) => `${stage.size}x${stage.size}x${stage.channels}`).join(", ");
  return make("svg:svg", { class: "net", viewBox: `0 0 ${x} 30`, width: x, height: 30, role: "img", "aria-label": `maps ${said}` }, ...blocks);
}
