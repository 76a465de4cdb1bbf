/** What `make(key)` returns, made once for each key. */
function remembered(make) {
  const known = new Map();
  return (key) => known.get(key) || known.set(key, make(key)).get(key);
}

const sumOf = (values) => values.reduce((sum, value) => sum + value, 0);
const largestSize = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function innerProduct(a, b) {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d];
  return sum;
}

const squaredLength = (values) => innerProduct(values, values);

/** An n x n matrix, flat and row after row, from the entries at (row, column). */
const matrixOf = (n, entry) => new Float64Array(n * n).map((_, p) => entry(Math.floor(p / n), p % n));

/** The symmetric matrix of a function of all pairs of n points, (n n). */
function pairMatrix(n, valueOf) {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = valueOf(i, j);
  }
  return matrix;
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
