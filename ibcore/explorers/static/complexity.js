/** The orthonormal DCT-II as a matrix: row k holds frequency k. */
const cosineMatrix = remembered((n) =>
  matrixOf(n, (k, j) => Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (j + 0.5) * k) / n)),
);

/** Orthonormal DCT-II of n x n values along both axes: coefficient number u * n + v. */
function dct2(values, n) {
  const matrix = cosineMatrix(n);
  return timesTransposed(matrix, timesTransposed(matrix, values, n), n);
}

/** Smallest and largest value, and whether they are equal up to rounding. */
function rangeOf(values) {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const size = Math.max(Math.abs(min), Math.abs(max));
  const epsilon = values instanceof Float32Array ? 2 ** -23 : Number.EPSILON;
  return { min, max, constant: max - min <= 32 * epsilon * size };
}

/** The cosines and sines of the discrete Fourier transform: row k holds frequency k. */
const fourierMatrices = remembered((n) =>
  [Math.cos, Math.sin].map((wave) => matrixOf(n, (k, j) => wave((2 * Math.PI * ((k * j) % n)) / n))),
);

/**
 * Magnitudes of the discrete Fourier transform of n x n real values: number u * n + v.  With
 * "hann" the mean is removed and the rest multiplied by a periodic Hann window along each axis.
 */
function fourierMagnitudes(values, n, transform) {
  const windowed = transform === "hann" ? hannWindowed(values, n) : values;
  const [cosine, sine] = fourierMatrices(n);
  // (sum over j of x[i, j] w^(jv)) as real and imaginary part, then the same along i
  const [real, imaginary] = [cosine, sine].map((wave) => timesTransposed(wave, windowed, n));
  const [a, b] = [timesTransposed(cosine, real, n), timesTransposed(sine, imaginary, n)];
  const [c, d] = [timesTransposed(sine, real, n), timesTransposed(cosine, imaginary, n)];
  return a.map((_, p) => Math.hypot(a[p] - b[p], c[p] + d[p]));
}

function hannWindowed(values, n) {
  const mean = sumOf(values) / values.length;
  const hann = (i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n);
  return matrixOf(n, (i, j) => (values[i * n + j] - mean) * hann(i) * hann(j));
}

const TRANSFORM_NAMES = { dct: "cosine transform", fft: "plain Fourier", hann: "Hann window" };

/** Largest frequency of a transform: half waves for the cosine transform, whole waves otherwise. */
const topFrequency = (n, transform) => Math.SQRT2 * (transform === "dct" ? n - 1 : Math.floor(n / 2));

/**
 * Complexity and radial spectrum of n x n values from one transform: "dct", "fft" or "hann".
 * Complexity is the amplitude-weighted mean frequency as a fraction of the largest, NaN for a
 * constant function.  The spectrum is the mean amplitude over round(k) = 1, 2, ..., largest = 1.
 */
function analyze(values, n, transform = "dct") {
  const top = topFrequency(n, transform);
  if (rangeOf(values).constant) return { complexity: NaN, frequency: [], amplitude: [], top };
  const sums = new Float64Array(Math.round(top) + 1);
  const counts = sums.slice();
  const cosine = transform === "dct";
  const coefficients = cosine ? dct2(values, n) : fourierMagnitudes(values, n, transform);
  const step = (u) => (cosine ? u : Math.min(u, n - u));
  let total = 0;
  let weighted = 0;
  for (let u = 0; u < n; u++) {
    for (let v = u === 0 ? 1 : 0; v < n; v++) {
      const k = Math.sqrt(step(u) ** 2 + step(v) ** 2);
      const size = Math.abs(coefficients[u * n + v]);
      total += size;
      weighted += size * k;
      sums[Math.round(k)] += size;
      counts[Math.round(k)] += 1;
    }
  }
  const frequency = [...counts.keys()].filter((k) => k > 0 && counts[k]);
  const mean = frequency.map((k) => sums[k] / counts[k]);
  const highest = Math.max(...mean);
  return { complexity: weighted / (top * total), frequency, amplitude: mean.map((a) => a / highest), top };
}

/** Complexity in [0, 1]; NaN for a constant function. */
const complexityOf = (values, n, transform) => analyze(values, n, transform).complexity;

/** Complexity of three known functions on the same grid: what the number is to be read against. */
const referencePoints = remembered((n) => {
  const along = (f) => matrixOf(n, (i) => f(i / (n - 1)));
  const known = {
    "linear ramp": along((x) => x),
    "one wave": along((x) => Math.sin(2 * Math.PI * x)),
    "white noise": uniforms(0, n * n),
  };
  return Object.entries(known).map(([name, values]) => ({ name, complexity: complexityOf(values, n) }));
});
