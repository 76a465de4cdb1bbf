const MEASURES = ["dct", "fft", "hann"];

/** The complexity of a full bar; white noise has about 0.54. */
const BAR_END = 0.6;

/** Bytes to base64. */
const textOf = (bytes) => root.btoa(String.fromCharCode(...bytes));

/** Paint a disc on n x n gray levels; row and column may lie between pixels. */
function paintDisc(picture, n, row, column, radius, level) {
  const within = (middle, half) => [
    Math.max(0, Math.ceil(middle - half)),
    Math.min(n - 1, Math.floor(middle + half)),
  ];
  const [top, bottom] = within(row, radius);
  for (let i = top; i <= bottom; i++) {
    const [from, to] = within(column, Math.sqrt(Math.max(0, radius * radius - (i - row) ** 2)));
    for (let j = from; j <= to; j++) picture[i * n + j] = level;
  }
}

/** Paint discs along a line, close enough to leave no gap. */
function paintLine(picture, n, from, to, radius, level) {
  const steps = Math.ceil(2 * Math.hypot(to.row - from.row, to.column - from.column)) || 1;
  for (let s = 0; s <= steps; s++) {
    const t = s / steps;
    const row = from.row + t * (to.row - from.row);
    const column = from.column + t * (to.column - from.column);
    paintDisc(picture, n, row, column, radius, level);
  }
}

/** The mean of each pixel and its neighbors in a 3 x 3 square; beyond the border lies its mirror. */
function blurred(picture, n) {
  const near = (i) => [i - 1, i, i + 1].map((place) => clamp(place, 0, n - 1));
  return picture.map((_, p) => {
    const columns = near(p % n);
    const square = near(Math.floor(p / n)).flatMap((i) => columns.map((j) => picture[i * n + j]));
    return Math.round(sumOf(square) / 9);
  });
}

/** The middle square of an image file as n x n gray levels: a promise; nothing leaves the page. */
async function readImage(file, n) {
  const bitmap = await root.createImageBitmap(file);
  const size = Math.min(bitmap.width, bitmap.height);
  const canvas = node("canvas", { width: n, height: n });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // behind what is transparent
  context.fillRect(0, 0, n, n);
  context.imageSmoothingQuality = "high";
  const [left, top] = [(bitmap.width - size) / 2, (bitmap.height - size) / 2];
  context.drawImage(bitmap, left, top, size, size, 0, 0, n, n);
  bitmap.close();
  const { data } = context.getImageData(0, 0, n, n);
  return Uint8Array.from({ length: n * n }, (_, p) =>
    Math.round(0.299 * data[4 * p] + 0.587 * data[4 * p + 1] + 0.114 * data[4 * p + 2]),
  );
}

/** Mean difference between opposite borders, as a fraction of the range of the values. */
function borderJump(values, n, { min, max }) {
  let across = 0;
  let along = 0;
  for (let i = 0; i < n; i++) {
    across += Math.abs(values[i * n] - values[i * n + n - 1]);
    along += Math.abs(values[i] - values[(n - 1) * n + i]);
  }
  return Math.max(across, along) / n / (max - min);
}

/** Why the plain and the cosine transform agree or differ on this picture. */
function differenceInWords(state) {
  if (state.constant)
    return "A constant picture has only frequency zero: no transform gives it a complexity.";
  const [dct, fft] = [state.measures.dct.complexity, state.measures.fft.complexity];
  const ratio = fft / dct;
  const numbers = `plain ${fft.toFixed(3)}, cosine ${dct.toFixed(3)}`;
  const jump = `${Math.round(100 * state.jump)} % of the range`;
  if (ratio > 1.25 && state.jump > 0.1)
    return `The plain transform reads more (${numbers}): it repeats the picture like a tile, and opposite borders differ by ${jump}. This jump leaks into high frequencies; the cosine transform mirrors the picture and sees no jump.`;
  if (ratio > 1.25)
    return `The plain transform reads more (${numbers}), though opposite borders differ by only ${jump}: the shape itself is spread differently over whole and half waves.`;
  if (ratio < 0.8)
    return `The plain transform reads less (${numbers}): the picture fits whole periods, opposite borders differ by ${jump}, and the mirror of the cosine transform bends what was smooth.`;
  return `The two transforms nearly agree (${numbers}): opposite borders differ by ${jump}, and what the picture itself holds outweighs the jump.`;
}

/** Complexity, spectrum and border jump of a picture of gray levels. */
function measurePicture(picture, n) {
  const values = Float64Array.from(picture, (level) => level / 255);
  const measures = Object.fromEntries(MEASURES.map((name) => [name, analyze(values, n, name)]));
  const spread = rangeOf(values);
  return { measures, jump: spread.constant ? 0 : borderJump(values, n, spread), ...spread };
}

/** The three complexities as numbers and bars in the line styles of the spectrum. */
function complexityBars() {
  const bars = namedBars(MEASURES.map((name, i) => [i, swatch(i), TRANSFORM_NAMES[name]]));
  return {
    element: chartBox("", "Complexity", "mean frequency (highest = 1)", ...bars.rows),
    draw: (measures) =>
      bars.draw(
        MEASURES.map((name) => {
          const value = measures[name].complexity;
          return Number.isNaN(value) ? [0, "none"] : [Math.min(1, value / BAR_END), value.toFixed(3)];
        }),
      ),
  };
}

/** The spectra of a picture in the three transforms; frequencies are fractions of the highest. */
function spectraChart(n) {
  const decades = 4;
  const powers = ["1", "10\u207b\u00b9", "10\u207b\u00b2", "10\u207b\u00b3", "10\u207b\u2074"];
  const chart = lineChart({
    heading: "Spectrum",
    note: "mean amplitude by frequency, both as a fraction of the highest",
    names: MEASURES.map((name) => TRANSFORM_NAMES[name]),
    x: logarithmicAxis([1 / (Math.SQRT2 * (n - 1)), 1]),
    y: (amplitude) => (-100 * Math.log10(Math.max(amplitude, 1e-12))) / decades,
    xTicks: textPairs([0.02, 0.05, 0.1, 0.2, 0.5, 1]),
    yTicks: powers.map((text, i) => [10 ** -i, text]),
  });
  return {
    element: chart.element,
    describe: chart.describe,
    draw({ measures, constant }) {
      const series = MEASURES.map((name) => {
        const { frequency, amplitude, top } = measures[name];
        return { points: frequency.map((k, i) => [k / top, amplitude[i]]) };
      });
      chart.draw(series, constant ? "a constant has no spectrum" : "");
    },
  };
}

/**
 * A square of gray levels on which the reader draws with a pointer, or with the arrow keys and
 * the space bar.  `painted(from, to)` is called with places in pixels, `lifted()` at the end.
 */
function easel(n, { painted, lifted, radius }) {
  const canvas = node("canvas", { width: n, height: n, tabindex: 0, role: "application" });
  const ring = node("span", { class: "ibx-ring", "aria-hidden": "true", hidden: true });
  let last = null; // where the pointer was
  let cursor = { row: (n - 1) / 2, column: (n - 1) / 2 };

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = ((event.clientX - box.left) / box.width) * n - 0.5;
    return { row: ((event.clientY - box.top) / box.height) * n - 0.5, column };
  };
  const moveRing = () => {
    const percent = (pixels) => `${(100 * pixels) / n}%`;
    const size = percent(2 * radius() + 1);
    const [left, top] = [percent(cursor.column + 0.5), percent(cursor.row + 0.5)];
    ring.style.cssText = `left:${left};top:${top};width:${size};height:${size}`;
  };
  const end = () => {
    if (last) lifted();
    last = null;
  };
  const listeners = {
    pointerdown(event) {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      ring.hidden = true;
      last = placeOf(event);
      painted(last, last);
    },
    pointermove(event) {
      if (!last) return;
      const places = event.getCoalescedEvents ? event.getCoalescedEvents().map(placeOf) : [];
      for (const place of places.length ? places : [placeOf(event)]) {
        painted(last, place);
        last = place;
      }
    },
    pointerup: end,
    pointercancel: end,
    keydown(event) {
      const step = event.shiftKey ? 8 : 2;
      const moves = {
        ArrowUp: [-step, 0],
        ArrowDown: [step, 0],
        ArrowLeft: [0, -step],
        ArrowRight: [0, step],
      };
      const move = moves[event.key];
      const paints = event.key === " " || event.key === "Enter";
      if (!move && !paints) return;
      event.preventDefault();
      ring.hidden = false;
      if (paints) {
        painted(cursor, cursor);
        lifted();
      } else {
        const [row, column] = [cursor.row + move[0], cursor.column + move[1]];
        cursor = { row: clamp(row, 0, n - 1), column: clamp(column, 0, n - 1) };
      }
      moveRing();
    },
    focus() {
      ring.hidden = !canvas.matches(":focus-visible");
      moveRing();
    },
    blur() {
      ring.hidden = true;
    },
  };
  for (const name in listeners) canvas.addEventListener(name, listeners[name]);
  return {
    element: div("ibx-easel", canvas, ring),
    moveRing,
    draw(picture) {
      const context = canvas.getContext("2d", { willReadFrequently: true }); // in memory: it is small
      const image = context.createImageData(n, n);
      picture.forEach((level, p) => image.data.set([level, level, level, 255], 4 * p));
      context.putImageData(image, 0, 0);
    },
    describe: describer(canvas),
  };
}

/** A button that opens a file dialog; `opened(file)` gets what the reader chose. */
function fileButton(label, opened) {
  const id = freshId();
  const input = node("input", { type: "file", accept: "image/*", id, class: "ibx-file" });
  input.addEventListener("change", () => {
    if (input.files.length) opened(input.files[0]);
    input.value = ""; // the same file can be opened again
  });
  return node("span", { class: "ibx-open" }, input, node("label", { for: id }, label));
}

/** Draw the explorer of pictures and their spectra; returns what closes it. */
function imageSpectrum(context) {
  const { model } = context;
  const setup = model.get("setup");
  const n = setup.side;
  const [fewest, most] = setup.cycles;
  const cycleSteps = Array.from({ length: Math.round(2 * (most - fewest)) + 1 }, (_, i) => fewest + 0.5 * i);
  const tool = { radius: 3, level: 255 };
  let shown = null;

  const own = liveFigure(context, {
    title: "Spectrum of a picture explorer",
    className: "ibx-image",
    draw,
    tables: () => [resultTable(), spectrumTable()],
    controlled: (params) => ({ ...params, ...tool, preset: params.picture ? "" : params.preset }),
    idle: ({ picture, preset }) =>
      !picture && REPEATED.includes(preset) ? {} : { cycles: "this picture has none" },
    sent: (params) => ({ ...params, picture: params.picture && textOf(gray) }),
    others: { preset: { values: Object.keys(PRESET_NAMES) }, picture: { values: [""] } }, // not one's own
    arriving(params) {
      gray = pictureOf(params);
    },
  });
  let gray = pictureOf(own.params);
  const { story, status } = own;
  const board = easel(n, {
    painted: (from, to) => {
      const picture = gray.slice();
      paintLine(picture, n, from, to, tool.radius + 0.3, tool.level);
      replace(picture, false);
    },
    lifted: () => replace(gray),
    radius: () => tool.radius,
  });
  const bars = complexityBars();
  const chart = spectraChart(n);
  const presets = [...Object.entries(PRESET_NAMES), ["", "own picture"]];
  const inks = [
    [255, "light"],
    [0, "dark"],
  ];
  const controls = {
    preset: dropdown("Start from", presets, (value) => value && startFrom({ preset: value })),
    cycles: slider("Cycles", cycleSteps, String, (value, settled) => startFrom({ cycles: value }, settled)),
    radius: slider("Brush size", [0, 1, 2, 3, 4, 6, 8], (v) => `${2 * v + 1} px`, setTool("radius")),
    level: choice("Ink", inks, setTool("level")),
  };
  const tools = div(
    "ibx-tools",
    button("Clear", "", () => replace(new Uint8Array(n * n))),
    button("Invert", "", () => replace(gray.map((level) => 255 - level))),
    button("Blur", "", () => replace(blurred(gray, n))),
    fileButton("Open image\u2026", open),
  );
  const hint = "Draw with the pointer, or with arrow keys and space. The picture stays in this page.";

  // what the reader does
  function setTool(name) {
    return (value) => {
      tool[name] = value;
      board.moveRing();
    };
  }

  /** Take a picture that is no preset any more. */
  function replace(picture, settled = true) {
    gray = picture;
    own.goTo({ picture: "own" }, settled);
  }

  function pictureOf({ picture, preset, cycles }) {
    return picture ? bytesOf(picture) : presetPicture(preset, cycles, setup);
  }

  function startFrom(some, settled = true) {
    const params = { ...own.params, picture: "", ...some };
    gray = pictureOf(params);
    own.goTo(params, settled);
  }

  async function open(file) {
    try {
      const picture = await readImage(file, n);
      if (!own.closed) replace(picture);
    } catch {
      const problem = `${file.name} cannot be read as an image.`;
      status.textContent = `${problem} Try PNG or JPEG.`;
      own.host.announce(problem);
    }
  }

  // from a picture to its numbers and to the figure
  function draw(params, resting) {
    const start = performance.now();
    shown = measurePicture(gray, n);
    if (resting) own.ask();
    const answer = resting && own.answer();
    if (answer) for (const name of MEASURES) shown.measures[name].complexity = answer[name] ?? NaN;
    board.draw(gray);
    bars.draw(shown.measures);
    chart.draw(shown);
    story.textContent = differenceInWords(shown);
    const numbers = Object.fromEntries(MEASURES.map((name) => [name, shown.measures[name].complexity]));
    const ms = (performance.now() - start).toFixed(1);
    own.write({ ...numbers, engine: answer ? "kernel" : "browser", ms });
    const where = answer ? "measured by ibcore in the kernel" : `measured here in ${ms} ms`;
    status.textContent = `${n} × ${n} gray levels, ${where}`;
    if (resting) finish(params);
  }

  function finish(params) {
    const name = params.picture ? "own picture" : PRESET_NAMES[params.preset];
    const complexities = MEASURES.map(
      (measure) => `${TRANSFORM_NAMES[measure]} ${complexityText(shown.measures[measure].complexity)}`,
    ).join(", ");
    const numbers = shown.constant ? "" : `Complexity: ${complexities}. `;
    const words = `${name}. ${numbers}${story.textContent}`;
    board.describe(`Drawing area, ${n} by ${n}: ${words} Arrow keys move the brush, space paints.`);
    chart.describe(`Spectra in three transforms. ${words}`);
    own.finish(words);
  }

  function resultTable() {
    const rows = MEASURES.map((name) => [
      TRANSFORM_NAMES[name],
      complexityText(shown.measures[name].complexity),
    ]);
    const jump = shown.constant ? "none" : shown.jump.toFixed(3);
    return table("Complexity", ["name", "value"], [...rows, ["difference of opposite borders", jump]]);
  }

  function spectrumTable() {
    const amplitude = (name, k) => {
      const { frequency, amplitude: found } = shown.measures[name];
      return found[frequency.indexOf(k)]?.toExponential(2) ?? "none";
    };
    const rings = shown.measures.dct.frequency;
    const rows = rings.map((k) => [k, ...MEASURES.map((name) => amplitude(name, k))]);
    const title = "Spectrum: mean amplitude by frequency (cosine: half waves, others: whole waves)";
    return table(title, ["frequency", ...MEASURES.map((name) => TRANSFORM_NAMES[name])], rows);
  }

  own.layOut({
    heading: "The spectrum of a picture",
    actions: [button("Reset", "", () => own.visit(own.initial))],
    picture: div("ibx-both", div("ibx-draws", board.element), div("ibx-reads", bars.element, chart.element)),
    panel: controlPanel(controls, tools, div("ibx-note ibx-wide", hint)),
    parts: [story],
    controls,
  });
  own.start();
  return own.close;
}
