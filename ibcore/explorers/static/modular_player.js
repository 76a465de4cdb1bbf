const MODULAR_KEYS = ["activation", "prefactor", "modulus"];

/** Draw the player of modular addition; returns what closes it. */
function modularPlayer(context) {
  const { choices, side, levels, targets, networks, curves, ...setup } = context.model.get("setup");
  const unit = { min: 0, max: 1, constant: false };
  let pictures = null; // until they are inflated
  const target = picture("ibx-target", ["0", "15"]);
  const learned = picture("ibx-learned", ["0", "15"]);
  const measured = Object.values(curves).flatMap(Object.values).flat();
  const known = [...new Set(choices.prefactor.concat(measured.map(([at]) => at)))].sort((a, b) => a - b);
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
  const unpacked = unpackPictures(setup.pictures, side).then((found) => (pictures = found));

  function state(p) {
    const place = (sum, name) => sum * choices[name].length + choices[name].indexOf(p[name]);
    const index = MODULAR_KEYS.reduce(place, 0);
    const [train, test] = networks[index];
    const name = ACTIVATION_NAMES[p.activation] || p.activation;
    return { p, name, picture: pictures[index], train, test, rows: curves[p.activation][p.modulus] };
  }

  const accuracies = ({ train, test }) => [train.toFixed(2), test.toFixed(2)];

  function draw(shown, words) {
    const { p, rows } = shown;
    const [train, test] = accuracies(shown);
    target.draw(Float64Array.from(targets[p.modulus], Number), side, unit);
    learned.draw(Float64Array.from(shown.picture, (level) => level / (levels - 1)), side, unit);
    target.caption.textContent = `target: (x\u2081 + x\u2082) mod ${p.modulus} < ${p.modulus / 2}`;
    learned.caption.textContent = `learned, probability of 1: train ${train}, test ${test}`;
    const prefactors = rows.map(([at]) => at);
    chart.draw([2, 1].map((at) => banded(rows.map((row) => row[at]), prefactors)));
    chart.mark(p.prefactor, `prefactor ${scaleText(p.prefactor)}`);
    target.describe(
      `Target: stripes along the other diagonal, modulus ${p.modulus}, x1 and x2 from 0 to 15.`,
    );
    const own = `train accuracy ${train}, test accuracy ${test}`;
    learned.describe(`Learned function of one network: ${own}. ${told(shown, words)}`);
    chart.describe(`Accuracy over the prefactor. ${told(shown, words)}`);
  }

  /** Mean accuracy at the prefactor of the picture, and where the test accuracy is best. */
  function sentence({ p, rows }) {
    const row = rows.find(([at]) => at === p.prefactor);
    const best = rows.reduce((a, b) => (b[2][0] > a[2][0] ? b : a));
    const mean = ([value, low, high, n]) =>
      value.toFixed(2) +
      (low === null ? `, n = ${n}` : ` (${low.toFixed(2)} to ${high.toFixed(2)}, n = ${n})`);
    const here = row
      ? `At prefactor ${scaleText(row[0])}: train accuracy ${mean(row[1])}, test accuracy ${mean(row[2])}. `
      : `No curve is stored at prefactor ${scaleText(p.prefactor)}. `;
    return `${here}The best mean test accuracy, ${best[2][0].toFixed(2)}, is at prefactor ${scaleText(best[0])}.`;
  }

  const told = ({ p, name }, words) =>
    `${name}, prefactor ${scaleText(p.prefactor)}, modulus ${p.modulus}. ${words}`;

  function curveTable({ p, name, rows }) {
    const number = (value) => (value === null ? "none" : value.toFixed(3));
    const three = (mean) => mean.slice(0, 3).map(number);
    return [
      `Accuracy: ${name}, modulus ${p.modulus}`,
      ["prefactor", "train", "low", "high", "test", "low", "high", "n"],
      rows.map(([at, train, test]) => [scaleText(at), ...three(train), ...three(test), test[3]]),
    ];
  }

  function networkTable({ p, train, test }) {
    const chosen = MODULAR_KEYS.map((name) => [name, p[name]]);
    const rows = [...chosen, ["train accuracy", train], ["test accuracy", test]];
    return ["The network in the picture", ["name", "value"], rows];
  }

  return drawStored(context, {
    name: "Modular addition explorer",
    className: "ibx-player",
    title: "Learning modular addition",
    play: { name: "prefactor", words: ["Play prefactors", "Next prefactor"], loops: true },
    names: { activation: (name) => ACTIVATION_NAMES[name] },
    ready: unpacked,
    picture: div("ibx-two", target.element, learned.element),
    body: ({ story }) => [chart.element, story],
    state,
    draw,
    sentence,
    told,
    data: ({ train, test }) => ({ train, test }),
    status: () => `picture in ${levels} levels`,
    tables: (shown) => [curveTable(shown), networkTable(shown)],
  });
}
