const cosines = new Map();

/** The orthonormal DCT-II as a matrix: row k holds frequency k. */
function cosineMatrix(n) {
  if (!cosines.has(n)) {
    const matrix = new Float64Array(n * n);
    for (let k = 0; k < n; k++) {
      const size = Math.sqrt((k === 0 ? 1 : 2) / n);
      for (let j = 0; j < n; j++) matrix[k * n + j] = size * Math.cos((Math.PI * (j + 0.5) * k) / n);
    }
    cosines.set(n, matrix);
  }
  return cosines.get(n);
}

/** A B^T for n x n matrices. */
function timesTransposed(a, b, n) {
  const product = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      let sum = 0;
      for (let j = 0, p = i * n, q = k * n; j < n; j++) sum += a[p + j] * b[q + j];
      product[i * n + k] = sum;
    }
  }
  return product;
}

/** Orthonormal DCT-II of n x n values along both axes: coefficient number u * n + v. */
function dct2(values, n) {
  const matrix = cosineMatrix(n);
  const alongRows = timesTransposed(values, matrix, n); // (i, v)
  return timesTransposed(matrix, transpose(alongRows, n), n); // (u, v)
}

function transpose(a, n) {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) result[j * n + i] = a[i * n + j];
  return result;
}

/** Smallest and largest value, and whether they are equal up to rounding. */
function range(values) {
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

/**
 * Magnitudes of the discrete Fourier transform of n x n real values: number u * n + v.  With
 * "hann" the mean is removed and the rest multiplied by a periodic Hann window along each axis.
 */
function fourierMagnitudes(values, n, transform) {
  const windowed = transform === "hann" ? hannWindowed(values, n) : values;
  const { cosine, sine } = fourierMatrices(n);
  // (sum over j of x[i, j] w^(jv)) as real and imaginary part, then the same along i
  const real = transpose(timesTransposed(windowed, cosine, n), n);
  const imaginary = transpose(timesTransposed(windowed, sine, n), n);
  const [a, b] = [timesTransposed(cosine, real, n), timesTransposed(sine, imaginary, n)];
  const [c, d] = [timesTransposed(sine, real, n), timesTransposed(cosine, imaginary, n)];
  return a.map((_, p) => Math.hypot(a[p] - b[p], c[p] + d[p]));
}

const fourier = new Map();

/** The cosines and sines of the discrete Fourier transform: row k holds frequency k. */
function fourierMatrices(n) {
  if (!fourier.has(n)) {
    const entry = (f) =>
      Float64Array.from({ length: n * n }, (_, p) =>
        f((2 * Math.PI * ((Math.floor(p / n) * (p % n)) % n)) / n),
      );
    fourier.set(n, { cosine: entry(Math.cos), sine: entry(Math.sin) });
  }
  return fourier.get(n);
}

function hannWindowed(values, n) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const window = Float64Array.from({ length: n }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n));
  return Float64Array.from(values, (value, p) => (value - mean) * window[Math.floor(p / n)] * window[p % n]);
}

/** Largest frequency of a transform: half waves for the cosine transform, whole waves otherwise. */
const topFrequency = (n, transform) => Math.SQRT2 * (transform === "dct" ? n - 1 : Math.floor(n / 2));

/**
 * Complexity and radial spectrum of n x n values from one transform: "dct", "fft" or "hann".
 * Complexity is the amplitude-weighted mean frequency as a fraction of the largest, NaN for a
 * constant function.  The spectrum is the mean amplitude over round(k) = 1, 2, ..., largest = 1.
 */
function analyze(values, n, transform = "dct") {
  const top = topFrequency(n, transform);
  const bins = Math.round(top);
  const sums = new Float64Array(bins + 1);
  const counts = new Float64Array(bins + 1);
  if (range(values).constant) return { complexity: NaN, frequency: [], amplitude: [], top };
  const cosine = transform === "dct";
  const coefficients = cosine ? dct2(values, n) : fourierMagnitudes(values, n, transform);
  const step = (u) => (cosine ? u : Math.min(u, n - u));
  let total = 0;
  let weighted = 0;
  for (let u = 0; u < n; u++) {
    for (let v = u === 0 ? 1 : 0; v < n; v++) {
      const k = Math.sqrt(step(u) ** 2 + step(v) ** 2);
      const size = Math.abs(coefficients[u * n + v]);
      const bin = Math.round(k);
      total += size;
      weighted += size * k;
      sums[bin] += size;
      counts[bin] += 1;
    }
  }
  const frequency = [];
  const mean = [];
  for (let k = 1; k <= bins; k++)
    if (counts[k]) {
      frequency.push(k);
      mean.push(sums[k] / counts[k]);
    }
  const largest = Math.max(...mean);
  return { complexity: weighted / (top * total), frequency, amplitude: mean.map((a) => a / largest), top };
}

/** Complexity in [0, 1]; NaN for a constant function. */
const complexity = (values, n, transform) => analyze(values, n, transform).complexity;

/** Radial spectrum: {frequency, amplitude}, empty for a constant function. */
function spectrum(values, n, transform) {
  const { frequency, amplitude } = analyze(values, n, transform);
  return { frequency, amplitude };
}

const references = new Map();

/** Complexity of three known functions on the same grid: what the number is to be read against. */
function referencePoints(n) {
  if (!references.has(n)) {
    const along = (f) => Float64Array.from({ length: n * n }, (_, p) => f(Math.floor(p / n) / (n - 1)));
    references.set(n, [
      {
        name: "linear ramp",
        complexity: complexity(
          along((x) => x),
          n,
        ),
      },
      {
        name: "one wave",
        complexity: complexity(
          along((x) => Math.sin(2 * Math.PI * x)),
          n,
        ),
      },
      { name: "white noise", complexity: complexity(uniforms(0, n * n), n) },
    ]);
  }
  return references.get(n);
}
