// Builds elements of text alone: nothing that a sweep holds is ever read as HTML.
function make(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map((child) => child instanceof Node ? child : String(child)));
  return element;
}

/** An address of MLflow's pages, where it is one of the web's: a store may say anything. */
function webAddress(address) {
  return typeof address === "string" && /^https?:\/\//i.test(address) ? address : null;
}

function byId(id) {
  return document.getElementById(id);
}

function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

const counted = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A value as people read it: accuracies with four places, counts with separators, what is not there as a dash. */
function readable(value, column) {
  if (isMissing(value)) return column && column.setting ? "not asked" : "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (column && column.format === "accuracy") return value.toFixed(4);
  if (column && column.format === "seconds") return value < 0.1 ? `${(value * 1000).toPrecision(3)} ms` : `${value.toPrecision(3)} s`;
  if (Number.isInteger(value)) return counted.format(value);
  return Number(value.toPrecision(4)).toString();
}

function isMissing(value) {
  return value === null || value === undefined || Number.isNaN(value);
}
