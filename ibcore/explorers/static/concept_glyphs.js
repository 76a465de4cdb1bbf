const GLYPH_WORDS = [
  ["red", "blue"],
  ["square", "triangle"],
  ["large", "small"],
  ["filled", "striped"],
];

/** The values of the four features of an object, 0 or 1: color, shape, size, stripes. */
const featuresOf = (object) => [3, 2, 1, 0].map((place) => (object >> place) & 1);

/** An object in words, as "large red square, striped". */
function objectInWords(object) {
  const [color, shape, size, stripes] = featuresOf(object).map((value, i) => GLYPH_WORDS[i][value]);
  return `${size} ${color} ${shape}, ${stripes}`;
}

/** A small drawing of an object; its color is written beside it in words. */
function glyph(object) {
  const [color, shape, small, striped] = featuresOf(object);
  const [low, high] = small ? [12, 28] : [3, 37];
  const outline = shape
    ? `M20 ${low}L${high} ${high}L${low} ${high}Z`
    : `M${low} ${low}H${high}V${high}H${low}Z`;
  const stripes = [];
  for (let y = low + 3; y < high; y += 5) {
    const half = shape ? ((high - low) / 2) * ((y - low) / (high - low)) : (high - low) / 2;
    stripes.push(`M${20 - half} ${y}H${20 + half}`);
  }
  const edge = node("path", { d: outline, class: striped ? "ibx-hollow" : "ibx-solid" });
  const bars = striped ? [node("path", { d: stripes.join(""), class: "ibx-stripes" })] : [];
  const box = { viewBox: "0 0 40 40", class: `ibx-glyph ibx-hue-${color}`, "aria-hidden": "true" };
  return node("svg", box, edge, ...bars);
}
