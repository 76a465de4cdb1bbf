/** The product X beta: rows of x are points. */
function outputsOf({ n, d, x }, beta) {
  const outputs = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    let sum = 0;
    for (let i = 0, at = k * d; i < d; i++) sum += x[at + i] * beta[i];
    outputs[k] = sum;
  }
  return outputs;
}

/** The combination of points with the weights nu: X^T nu. */
function anglesOf({ n, d, x }, nu) {
  const angles = new Float64Array(d);
  for (let k = 0; k < n; k++) {
    for (let i = 0, at = k * d; i < d; i++) angles[i] += x[at + i] * nu[k];
  }
  return angles;
}

/** The matrix X diag(curvature) X^T as rows. */
function curvedGram({ n, d, x }, curvature) {
  const gram = new Float64Array(n * n);
  const row = new Float64Array(d);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < d; i++) row[i] = x[k * d + i] * curvature[i];
    for (let l = 0; l <= k; l++) {
      let sum = 0;
      for (let i = 0, at = l * d; i < d; i++) sum += row[i] * x[at + i];
      gram[k * n + l] = gram[l * n + k] = sum;
    }
  }
  return gram;
}

/** Replace the lower half of a symmetric positive matrix by its Cholesky factor. */
function factorize(a, n) {
  for (let k = 0; k < n; k++) {
    for (let l = 0; l <= k; l++) {
      let sum = a[k * n + l];
      for (let m = 0; m < l; m++) sum -= a[k * n + m] * a[l * n + m];
      a[k * n + l] = l === k ? Math.sqrt(sum) : sum / a[l * n + l];
    }
  }
  return a;
}

/** Solve a system by its Cholesky factor. */
function solveFactored(a, n, side) {
  const v = Float64Array.from(side);
  for (let k = 0; k < n; k++) {
    for (let l = 0; l < k; l++) v[k] -= a[k * n + l] * v[l];
    v[k] /= a[k * n + k];
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let l = k + 1; l < n; l++) v[k] -= a[l * n + k] * v[l];
    v[k] /= a[k * n + k];
  }
  return v;
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * The interpolator of least potential at a scale, by Newton's method with shortened steps on its
 * dual; the same as ibcore.memory.woodworth_solution.
 */
function woodworthSolution(problem, scale, tolerance = 1e-9) {
  const { n, y } = problem;
  const amplitude = 2 * scale * scale;
  const nu = new Float64Array(n);
  const allowed = tolerance * Math.max(largest(y), Number.MIN_VALUE);
  for (let step = 0; step < 500; step++) {
    const z = anglesOf(problem, nu);
    const beta = z.map((a) => amplitude * Math.sinh(a));
    const outputs = outputsOf(problem, beta);
    const residual = y.map((label, k) => label - outputs[k]);
    if (largest(residual) <= allowed) return beta;
    const hessian = curvedGram(
      problem,
      z.map((a) => amplitude * Math.cosh(a)),
    );
    const move = solveFactored(factorize(hessian, n), n, residual);
    const reach = largest(anglesOf(problem, move));
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
  const combine = (weights, vectors, k) => weights.reduce((sum, w, j) => sum + w * vectors[j][k], 0);

  function slopeAt(place, time) {
    const a = amplitude(time);
    const outputs = outputsOf(
      problem,
      anglesOf(problem, place).map((z) => a * Math.sinh(z)),
    );
    return { outputs, slope: y.map((label, k) => rate * (label - outputs[k])) };
  }

  function stages(h) {
    const a = amplitude(now);
    const matrix = curvedGram(
      problem,
      anglesOf(problem, nu).map((z) => rate * a * Math.cosh(z)),
    );
    for (let k = 0; k < n; k++) matrix[k * n + k] += 2 / h;
    factorize(matrix, n);
    let { outputs, slope } = slopeAt(nu, now);
    const drift = outputs.map((value) => 2 * rate * decay * value);
    const g = [];
    for (let stage = 0; stage < 4; stage++) {
      if (stage === 1 || stage === 2) {
        const place = nu.map((value, k) => value + combine(A[stage - 1], g, k));
        ({ slope } = slopeAt(place, now + (stage === 1 ? 1 : 3 / 5) * h));
      }
      const side = slope.map(
        (value, k) => value + h * D[stage] * drift[k] + (stage ? combine(C[stage], g, k) / h : 0),
      );
      g.push(solveFactored(matrix, n, side));
    }
    return { change: nu.map((_, k) => combine(B, g, k)), error: nu.map((_, k) => combine(E, g, k)) };
  }

  function advance(end) {
    const left = end - now;
    const last = left <= size * (1 + 1e-9);
    const h = last ? left : size;
    const { change, error } = stages(h);
    const ratio = largest(anglesOf(problem, error)) / tolerance;
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

/** An endless stream of the numbers that `uniforms` gives. */
function uniformStream(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The streams of points and of label noise start from these seeds plus that of the figure. */
const STREAM_SEEDS = [1000, 2000];

/**
 * Gradient descent with coupled decay from p = q = scale, on all points (batch "all") or on a few
 * drawn with replacement; the same as ibcore.memory.DiagonalNet.step after step.
 */
function stepsOf(problem, { scale, decay, rate, batch, labelNoise, seed }) {
  const { n, d, x, y } = problem;
  const p = new Float64Array(d).fill(scale);
  const q = new Float64Array(d).fill(scale);
  const [points, noise] = STREAM_SEEDS.map((first) => uniformStream(first + seed));
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
      let residual = -y[point];
      if (labelNoise) {
        const radius = Math.sqrt(-2 * Math.log(1 - noise()));
        residual -= labelNoise * radius * Math.cos(2 * Math.PI * noise());
      }
      const at = point * d;
      for (let i = 0; i < d; i++) residual += x[at + i] * beta[i];
      for (let i = 0; i < d; i++) gradient[i] += residual * x[at + i];
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
    net: () => ({ p: Float64Array.from(p), q: Float64Array.from(q) }),
    explicit: () => -2 * done * Math.log(kept),
  };
}

/** What the figure reads off a net: coefficients, scale, risk, and both parts of the clock. */
function measureNet(problem, { p, q }, scale, explicit) {
  const beta = p.map((value, i) => value * value - q[i] * q[i]);
  const logs = p.reduce((sum, value, i) => sum + Math.log(Math.abs(value * q[i])), 0) / problem.d;
  const outputs = outputsOf(problem, beta);
  const square = (values) => values.reduce((sum, value) => sum + value * value, 0);
  return {
    beta,
    effective: Math.exp(logs / 2),
    risk: square(beta.map((value, i) => value - problem.truth[i])),
    error: square(outputs.map((value, k) => value - problem.y[k])) / problem.n,
    explicit,
    noise: 2 * Math.log(scale) - logs - explicit,
  };
}

/**
 * Train a diagonal net and look at it at each time: `work(mayGoOn)` goes on while it may and
 * returns whether all is done; `looks` grows.  A net that is no longer finite ends the run.
 */
function diagonalRun(problem, params, times) {
  const { weight_scale: scale, weight_decay: decay, learning_rate: rate, batch } = params;
  const labelNoise = params.label_noise ? 1 : 0;
  const trainer =
    batch === "flow"
      ? flowOf(problem, scale, decay)
      : stepsOf(problem, { scale, decay, rate, batch, labelNoise, seed: params.seed });
  const run = { looks: [], diverged: false, work };
  function work(mayGoOn = () => true) {
    while (!run.diverged && run.looks.length < times.length) {
      const time = times[run.looks.length];
      if (!trainer.reach(time, mayGoOn)) return false;
      const look = measureNet(problem, trainer.net(), scale, trainer.explicit());
      run.diverged = !Number.isFinite(look.risk + look.effective);
      if (!run.diverged) run.looks.push(Object.assign(look, { time }));
    }
    return true;
  }
  return run;
}

/** The regression problem of the setup with typed arrays. */
function diagonalProblem({ x, y, truth }) {
  const flat = (rows) => Float64Array.from(rows);
  return { n: y.length, d: truth.length, x: flat(x.flat()), y: flat(y), truth: flat(truth) };
}
