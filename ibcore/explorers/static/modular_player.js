/** Base64 to bytes. */
const bytesOf = (text) => Uint8Array.from(root.atob(text), (character) => character.charCodeAt(0));

/**
 * Pictures packed by ibcore.explorers.stored.pack_pictures: a promise of arrays of n * n levels
 * from 0 to levels - 1.  The bytes are inflated by the browser.
 */
async function unpackPictures(text, n) {
  if (!root.DecompressionStream) throw new Error("this browser is too old: it cannot inflate the pictures");
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  const pictures = [];
  for (let first = 0; first < all.length; first += n * n) {
    const picture = all.subarray(first, first + n * n);
    for (let p = 0; p < n * n; p++) {
      const [i, j] = [Math.floor(p / n), p % n];
      const left = j ? picture[p - 1] : 0;
      const above = i ? picture[p - n] : 0;
      picture[p] += left + above - (i && j ? picture[p - n - 1] : 0); // modulo 256
    }
    pictures.push(picture);
  }
  return pictures;
}

/** Draw the player of modular addition; returns what closes it. */
function modularPlayer({ model, el }) {
  const setup = model.get("setup");
  const live = model.get("engine") === "kernel";
  const { choices, side } = setup;
  const initial = Object.assign({}, model.get("initial"));
  const unit = { min: 0, max: 1, constant: false };
  let params = Object.assign({}, model.get("params"));
  let pictures = null; // until they are inflated
  let shown = null;
  let touched = false;
  let playing = 0;
  let closed = false;

  const host = frame(el, "Modular addition explorer");
  host.figure.classList.add("ibx-player");
  const target = picture("ibx-target", ["0", "15"]);
  const learned = picture("ibx-learned", ["0", "15"]);
  const factors = choices.prefactor;
  const measured = Object.values(setup.curves).flatMap(Object.values).flat();
  const known = [...new Set(factors.concat(measured.map(([at]) => at)))].sort((a, b) => a - b);
  const place = logarithmicAxis(known, 4);
  const chart = lineChart({
    heading: "Accuracy over the prefactor",
    note: "mean; band: 95 % interval",
    names: ["test", "train"],
    x: place,
    y: (accuracy) => 100 * (1 - accuracy),
    xTicks: spacedTicks(known, place),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((t) => [t, String(t)]),
  });
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [curveTable(), networkTable()]);
  const controls = {
    prefactor: slider("Prefactor", factors, scaleText, set("prefactor")),
    activation: dropdown(
      "Activation",
      choices.activation.map((name) => [name, ACTIVATION_NAMES[name] || name]),
      set("activation"),
    ),
    modulus: choice(
      "Modulus M",
      choices.modulus.map((modulus) => [modulus, String(modulus)]),
      set("modulus"),
    ),
  };
  const still = root.matchMedia("(prefers-reduced-motion: reduce)");
  const play = button("", "ibx-pin", () => (playing ? stop() : start()));
  const reset = button("Reset", "", () => {
    stop();
    goTo(initial);
  });
  const title = node("div", { class: "ibx-title" }, "Learning modular addition");
  host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, play, reset)),
    node("div", { class: "ibx-two" }, target.element, learned.element),
    chart.element,
    result,
    node("div", { class: "ibx-controls" }, ...Object.values(controls).map((control) => control.element)),
    status,
    folded.element,
  );
  const pace = pacer(update);

  function set(name) {
    return (value, settled) => {
      stop();
      goTo({ [name]: value }, settled);
    };
  }

  function goTo(some, settled = true) {
    touched = true;
    params = Object.assign({}, params, some);
    showControls();
    pace.changed(settled);
  }

  /** Run through the prefactors; a reader who wants less motion steps by hand. */
  function start() {
    const step = () => goTo({ prefactor: factors[(factors.indexOf(params.prefactor) + 1) % factors.length] });
    if (!still.matches) playing = setInterval(step, 900);
    step();
    namePlay();
  }

  function stop() {
    clearInterval(playing);
    playing = 0;
    namePlay();
  }

  function namePlay() {
    play.textContent = playing ? "Pause" : still.matches ? "Next prefactor" : "Play prefactors";
  }

  function showControls() {
    for (const name in controls) controls[name].show(params[name]);
  }

  const indexOf = (p) =>
    ["activation", "prefactor", "modulus"].reduce(
      (index, name) => index * choices[name].length + choices[name].indexOf(p[name]),
      0,
    );

  const curve = () => setup.curves[params.activation][String(params.modulus)];

  function update(resting) {
    if (!pictures) return;
    if (resting) {
      model.set("params", Object.assign({}, params));
      if (live) model.save_changes();
    }
    const answer = live && resting ? kernelState() : null;
    show(answer || browserState(), answer ? "kernel" : "browser", resting);
  }

  function browserState() {
    const values = Float64Array.from(pictures[indexOf(params)], (level) => level / (setup.levels - 1));
    const [train, test] = setup.networks[indexOf(params)];
    return { params, values, train, test };
  }

  /** What the kernel answered; null if it answers another question. */
  function kernelState() {
    const answer = model.get("answer");
    const values = floats(model.get("frame"));
    if (!answer || values.length !== side * side || !sameParams(params, answer.params)) return null;
    return { params, values, train: answer.train_accuracy, test: answer.test_accuracy };
  }

  function answered() {
    const answer = pictures && kernelState();
    if (answer) show(answer, "kernel", true);
  }

  function show(state, engine, resting) {
    shown = Object.assign(state, { engine });
    const p = shown.params;
    target.draw(Float64Array.from(setup.targets[p.modulus], Number), side, unit);
    learned.draw(shown.values, side, unit);
    target.caption.textContent = `target: (x\u2081 + x\u2082) mod ${p.modulus} < ${p.modulus / 2}`;
    const accuracy = `train ${shown.train.toFixed(2)}, test ${shown.test.toFixed(2)}`;
    learned.caption.textContent = `learned, probability of 1: ${accuracy}`;
    chart.draw([2, 1].map((at) => series(curve(), at)));
    chart.mark(p.prefactor, `prefactor ${scaleText(p.prefactor)}`);
    result.textContent = resultInWords();
    const { train, test } = shown;
    Object.assign(host.figure.dataset, p, { engine, train, test, ready: "1" });
    const where = engine === "kernel" ? "picture from the kernel" : `picture in ${setup.levels} levels`;
    status.textContent = `${sourceInWords(setup.source)}; ${where}`;
    if (resting) finish();
  }

  /** A line of the chart with its band, where the means have intervals. */
  function series(rows, at) {
    const points = rows.map((row) => [row[0], row[at][0]]);
    const band = rows.filter((row) => row[at][1] !== null).map((row) => [row[0], row[at][1], row[at][2]]);
    return { points, band };
  }

  /** Mean accuracy at the prefactor of the picture, and where the test accuracy is best. */
  function resultInWords() {
    const rows = curve();
    const row = rows.find(([at]) => at === params.prefactor);
    const best = rows.reduce((a, b) => (b[2][0] > a[2][0] ? b : a));
    const mean = ([value, low, high, n]) =>
      value.toFixed(2) +
      (low === null ? `, n = ${n}` : ` (${low.toFixed(2)} to ${high.toFixed(2)}, n = ${n})`);
    const here = row
      ? `At prefactor ${scaleText(row[0])}: train accuracy ${mean(row[1])}, test accuracy ${mean(row[2])}. `
      : `No curve is stored at prefactor ${scaleText(params.prefactor)}. `;
    return `${here}The best mean test accuracy, ${best[2][0].toFixed(2)}, is at prefactor ${scaleText(best[0])}.`;
  }

  function finish() {
    const p = shown.params;
    const name = ACTIVATION_NAMES[p.activation] || p.activation;
    const words = `${name}, prefactor ${scaleText(p.prefactor)}, modulus ${p.modulus}. ${resultInWords()}`;
    target.describe(
      `Target: stripes along the other diagonal, modulus ${p.modulus}, x1 and x2 from 0 to 15.`,
    );
    const own = `train accuracy ${shown.train.toFixed(2)}, test accuracy ${shown.test.toFixed(2)}`;
    learned.describe(`Learned function of one network: ${own}. ${words}`);
    chart.describe(`Accuracy over the prefactor. ${words}`);
    if (touched) host.announce(words);
    folded.refresh();
  }

  function curveTable() {
    const p = shown.params;
    const number = (value) => (value === null ? "none" : value.toFixed(3));
    const rows = curve().map(([at, train, test]) => [
      scaleText(at),
      ...train.slice(0, 3).map(number),
      ...test.slice(0, 3).map(number),
      test[3],
    ]);
    const head = ["prefactor", "train", "low", "high", "test", "low", "high", "n"];
    return table(
      `Accuracy: ${ACTIVATION_NAMES[p.activation] || p.activation}, modulus ${p.modulus}`,
      head,
      rows,
    );
  }

  function networkTable() {
    const rows = [
      ...Object.entries(shown.params),
      ["train accuracy", shown.train],
      ["test accuracy", shown.test],
    ];
    return table("The network in the picture", ["name", "value"], rows);
  }

  if (live) model.on("change:answer", answered);
  namePlay();
  showControls();
  unpackPictures(setup.pictures, side).then(
    (unpacked) => {
      pictures = unpacked;
      if (!closed) update(true);
    },
    (error) => {
      status.setAttribute("role", "alert");
      status.textContent = `The pictures cannot be shown: ${error.message}`;
    },
  );
  return () => {
    closed = true;
    stop();
    host.close();
    pace.close();
    if (live) model.off("change:answer", answered);
  };
}

/** Ticks at some of the values, no two closer than a label needs. */
function spacedTicks(values, place) {
  let last = -Infinity;
  return values
    .filter((value) => {
      if (place(value) - last < 11) return false;
      last = place(value);
      return true;
    })
    .map((value) => [value, String(Number(value.toPrecision(2)))]);
}
