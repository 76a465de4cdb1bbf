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

/**
 * The sixteen objects as some networks see them, a board for each: a cross lies over an object
 * that is misjudged, and a frame stands around those that were shown.  `hits` and `shown` hold a
 * character for each object.
 */
function objectBoards() {
  const [heading, note] = [div("ibx-heading"), div("ibx-note")];
  const boards = node("div", { class: "ibx-boards", role: "img" });
  const cell = (shown) => (hit, object) =>
    node("span", { class: "ibx-token", "data-hit": hit, "data-shown": shown[object] }, glyph(object));
  return {
    element: div("ibx-thing", heading, note, boards),
    draw(title, words, shown, networks) {
      [heading.textContent, note.textContent] = [title, words];
      const said = networks.map(([name, hits]) => [name, hits, [...hits].filter((hit) => hit === "1").length]);
      boards.replaceChildren(
        ...said.map(([name, hits, right]) =>
          div("ibx-board", div("ibx-note", `${name}: `, node("b", {}, right)), div("ibx-cells", ...Array.from(hits, cell(shown)))),
        ),
      );
      boards.style.cssText = `--across:${said.length};--narrow:${said.length > 4 ? said.length / 2 : said.length}`;
      const list = said.map(([name, , right]) => `${name} ${right}`).join(", ");
      boards.setAttribute("aria-label", `${title} Objects that each network judges rightly, of 16: ${list}.`);
    },
  };
}
