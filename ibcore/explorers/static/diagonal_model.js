/** The regression problem of the setup with typed arrays; rows are points. */
function diagonalProblem({ x, y, truth }) {
  const flat = (numbers) => Float64Array.from(numbers);
  return { n: y.length, d: truth.length, rows: x.map((row) => flat(row)), y: flat(y), truth: flat(truth) };
}

/** The product X beta. */
const outputsOf = ({ rows, y }, beta) => y.map((_, k) => innerProduct(rows[k], beta));

/** The combination of points with the weights nu: X^T nu. */
function anglesOf({ rows, d }, nu) {
  const angles = new Float64Array(d);
  rows.forEach((row, k) => {
    for (let i = 0; i < d; i++) angles[i] += row[i] * nu[k];
  });
  return angles;
}

/** The matrix X diag(curvature) X^T, flat. */
function curvedGram({ rows, n }, curvature) {
  const curved = rows.map((row) => row.map((value, i) => value * curvature[i]));
  return pairMatrix(n, (k, l) => innerProduct(curved[k], rows[l]));
}

/**
 * The interpolator of least potential at a scale, by Newton's method with shortened steps on its
 * dual; the same as ibcore.memory.woodworth_solution.
 */
function woodworthSolution(problem, scale, tolerance = 1e-9) {
  const { n, y } = problem;
  const amplitude = 2 * scale * scale;
  const nu = new Float64Array(n);
  const allowed = tolerance * Math.max(largestSize(y), Number.MIN_VALUE);
  for (let step = 0; step < 500; step++) {
    const z = anglesOf(problem, nu);
    const beta = z.map((a) => amplitude * Math.sinh(a));
    const outputs = outputsOf(problem, beta);
    const residual = y.map((label, k) => label - outputs[k]);
    if (largestSize(residual) <= allowed) return beta;
    const curvature = z.map((a) => amplitude * Math.cosh(a));
    const move = solveFactored(factorize(curvedGram(problem, curvature), n), n, residual);
    const reach = largestSize(anglesOf(problem, move));
    const shorter = reach > 0 ? Math.log1p(reach) / reach : 1;
    for (let k = 0; k < n; k++) nu[k] += shorter * move[k];
  }
  throw new Error(`no interpolator found at scale ${scale}`);
}

/**
 * Gradient flow with decay from p = q = scale, in n dual coordinates by a Rosenbrock method of
 * order 4; the same as ibcore.memory.DiagonalNet.flow.  `reach(time)` returns the net there.
 */
function flowOf(problem, scale, decay, tolerance = 1e-7) {
  const { n, y } = problem;
  const rate = 4 / n;
  const A = [[2], [48 / 25, 6 / 25]];
  const C = [[], [-8], [372 / 25, 12 / 5], [-112 / 125, -54 / 125, -2 / 5]];
  const B = [19 / 9, 1 / 2, 25 / 108, 125 / 108];
  const E = [17 / 54, 7 / 36, 0, 125 / 108];
  const D = [1 / 2, -3 / 2, 121 / 50, 29 / 250];
  let nu = new Float64Array(n);
  let now = 0;
  let size = 1e-3;
  const amplitude = (time) => 2 * scale * scale * Math.exp(-2 * decay * time);
  const weighted = (weights, vectors, k) => weights.reduce((sum, w, j) => sum + w * vectors[j][k], 0);

  function slopeAt(place, time) {
    const a = amplitude(time);
    const beta = anglesOf(problem, place).map((z) => a * Math.sinh(z));
    const outputs = outputsOf(problem, beta);
    return { outputs, slope: y.map((label, k) => rate * (label - outputs[k])) };
  }

  function stages(h) {
    const a = amplitude(now);
    const curvature = anglesOf(problem, nu).map((z) => rate * a * Math.cosh(z));
    const matrix = curvedGram(problem, curvature);
    for (let k = 0; k < n; k++) matrix[k * n + k] += 2 / h;
    factorize(matrix, n);
    let { outputs, slope } = slopeAt(nu, now);
    const drift = outputs.map((value) => 2 * rate * decay * value);
    const g = [];
    for (let stage = 0; stage < 4; stage++) {
      if (stage === 1 || stage === 2) {
        const place = nu.map((value, k) => value + weighted(A[stage - 1], g, k));
        ({ slope } = slopeAt(place, now + (stage === 1 ? 1 : 3 / 5) * h));
      }
      const before = (k) => (stage ? weighted(C[stage], g, k) / h : 0);
      const side = slope.map((value, k) => value + h * D[stage] * drift[k] + before(k));
      g.push(solveFactored(matrix, n, side));
    }
    return [B, E].map((weights) => nu.map((_, k) => weighted(weights, g, k)));
  }

  function advance(end) {
    const left = end - now;
    const last = left <= size * (1 + 1e-9);
    const h = last ? left : size;
    const [change, error] = stages(h);
    const ratio = largestSize(anglesOf(problem, error)) / tolerance;
    const worst = Number.isFinite(ratio) ? ratio : 1e9;
    const taken = worst <= 1;
    const power = taken ? -1 / 4 : -1 / 3;
    const factor = Math.min(3, Math.max(0.2, 0.9 * Math.max(worst, 1e-12) ** power));
    size = taken && last ? Math.max(size, h * factor) : h * factor;
    if (!taken) return;
    nu = nu.map((value, k) => value + change[k]);
    now = last ? end : now + h;
  }

  return {
    /** Work until the time, or until the clock says stop; true if it is reached. */
    reach(time, mayGoOn) {
      while (now < time && mayGoOn()) advance(time);
      return now >= time;
    },
    net() {
      const root = scale * Math.exp(-decay * now);
      const z = anglesOf(problem, nu);
      return { p: z.map((a) => root * Math.exp(a / 2)), q: z.map((a) => root * Math.exp(-a / 2)) };
    },
    explicit: () => 2 * decay * now,
  };
}

/** The streams of points and of label noise start from these seeds plus that of the figure. */
const STREAM_SEEDS = [1000, 2000];

/**
 * Gradient descent with coupled decay from p = q = scale, on all points (batch "all") or on a few
 * drawn with replacement; the same as ibcore.memory.DiagonalNet.step after step.
 */
function stepsOf(problem, { scale, decay, rate, batch, labelNoise, seed }) {
  const { n, d, rows, y } = problem;
  const [p, q] = [scale, scale].map((value) => new Float64Array(d).fill(value));
  const points = uniformStream(STREAM_SEEDS[0] + seed);
  const noise = normalStream(STREAM_SEEDS[1] + seed);
  const size = batch === "all" ? n : batch;
  const kept = 1 - rate * decay;
  const beta = new Float64Array(d);
  const gradient = new Float64Array(d);
  let done = 0;

  function step() {
    for (let i = 0; i < d; i++) {
      beta[i] = p[i] * p[i] - q[i] * q[i];
      gradient[i] = 0;
    }
    for (let k = 0; k < size; k++) {
      const point = batch === "all" ? k : Math.floor(points() * n);
      const row = rows[point];
      let residual = -y[point] - (labelNoise ? labelNoise * noise() : 0);
      for (let i = 0; i < d; i++) residual += row[i] * beta[i];
      for (let i = 0; i < d; i++) gradient[i] += residual * row[i];
    }
    const gain = (2 * rate) / size;
    for (let i = 0; i < d; i++) {
      p[i] *= kept - gain * gradient[i];
      q[i] *= kept + gain * gradient[i];
    }
    done += 1;
  }

  return {
    reach(time, mayGoOn) {
      const end = Math.round(time / rate);
      while (done < end && mayGoOn()) for (let k = 0; k < 64 && done < end; k++) step();
      return done >= end;
    },
    net: () => ({ p: p.slice(), q: q.slice() }),
    explicit: () => -2 * done * Math.log(kept),
  };
}

/** What the figure reads off a net: coefficients, scale, risk, and both parts of the clock. */
function measureNet(problem, { p, q }, scale, explicit) {
  const beta = p.map((value, i) => value * value - q[i] * q[i]);
  const logs = sumOf(p.map((value, i) => Math.log(Math.abs(value * q[i])))) / problem.d;
  const outputs = outputsOf(problem, beta);
  return {
    beta,
    effective: Math.exp(logs / 2),
    risk: riskOf(problem, beta),
    error: squaredLength(outputs.map((value, k) => value - problem.y[k])) / problem.n,
    explicit,
    noise: 2 * Math.log(scale) - logs - explicit,
  };
}

const riskOf = ({ truth }, beta) => squaredLength(beta.map((value, i) => value - truth[i]));

/**
 * Train a diagonal net and look at it at each time: `work(mayGoOn)` goes on while it may and
 * returns whether all is done; `looks` grows.  A net that is no longer finite ends the run.
 */
function diagonalRun(problem, params, times) {
  const { weight_scale: scale, weight_decay: decay, learning_rate: rate, batch, seed } = params;
  const labelNoise = params.label_noise ? 1 : 0;
  const trainer =
    batch === "flow"
      ? flowOf(problem, scale, decay)
      : stepsOf(problem, { scale, decay, rate, batch, labelNoise, seed });
  const run = { looks: [], diverged: false, work };
  function work(mayGoOn = () => true) {
    while (!run.diverged && run.looks.length < times.length) {
      const time = times[run.looks.length];
      if (!trainer.reach(time, mayGoOn)) return false;
      const look = measureNet(problem, trainer.net(), scale, trainer.explicit());
      run.diverged = !Number.isFinite(look.risk + look.effective);
      if (!run.diverged) run.looks.push({ ...look, time });
    }
    return true;
  }
  return run;
}
