/** What clouds are drawn from; kept for the last seed, as dragging a slider asks for it again. */
function cloudDraws({ streams, features, choices }) {
  const most = choices.points[choices.points.length - 1];
  let known = null;
  return (seed) => {
    if (!known || known.seed !== seed) {
      const sizes = [2, 2, features, features].map((width) => width * most);
      known = { seed, numbers: streams.map((stream, i) => firstOf(sizes[i], normalStream(stream + seed))) };
    }
    return known.numbers;
  };
}

/** Both clouds, as ibcore.explorers.portable_random.clouds. */
function cloudPair({ centers, spread, features }, [around, blur, one, other], p) {
  const angle = (p.rotation * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [first, second] = [one, other].map((drawn) =>
    Array.from({ length: p.points }, (_, i) => {
      const row = new Float64Array(2 + p.noise);
      row.set(drawn.subarray(i * features, i * features + p.noise), 2);
      return row;
    }),
  );
  first.forEach((row, i) => {
    centers[i % centers.length].forEach((middle, d) => (row[d] = middle + spread * around[2 * i + d]));
    const a = p.stretch * row[0] + p.shear * row[1] + p.blur * blur[2 * i];
    const b = row[1] + p.blur * blur[2 * i + 1];
    second[i].set([cos * a - sin * b, sin * a + cos * b]);
    second[i].forEach((value, d) => (second[i][d] = p.scale * value));
  });
  return [first, second].map(centeredCloud);
}

/** Rows of features around their mean, and the points in the plane of the first two. */
function centeredCloud(rows) {
  const plane = rows.map(([x, y]) => [x, y]);
  const mean = new Float64Array(rows[0].length);
  for (const row of rows) for (let d = 0; d < mean.length; d++) mean[d] += row[d] / rows.length;
  for (const row of rows) for (let d = 0; d < mean.length; d++) row[d] -= mean[d];
  return { rows, plane };
}

/** Squared distances of all pairs from their inner products. */
const squaredDistances = (gram, n) =>
  pairMatrix(n, (i, j) => Math.max(0, gram[i * n + i] + gram[j * n + j] - 2 * gram[i * n + j]));

/** The values of the pairs i < j. */
function pairsOf(matrix, n) {
  const values = [];
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) values.push(matrix[i * n + j]);
  return Float64Array.from(values);
}

/** Inner products of pairs around the mean of some points, from a Gram matrix, (n n). */
function productsAround(gram, n, points) {
  const means = Array.from(
    { length: n },
    (_, i) => sumOf(points.map((j) => gram[i * n + j])) / points.length,
  );
  const all = sumOf(points.map((i) => means[i])) / points.length;
  return (i, j) => gram[i * n + j] - means[i] - means[j] + all;
}

/** The Gram matrix of the RBF kernel whose width is the median distance, centered. */
function radialGram(squares, n) {
  const sorted = pairsOf(squares, n).sort();
  const median = sorted[(sorted.length - 1) >> 1];
  const gram = squares.map((square) => Math.exp(-square / (2 * median)));
  return pairMatrix(n, productsAround(gram, n, [...Array(n).keys()]));
}

/** The biased criterion of centered Gram matrices, up to a factor that the ratio does not see. */
const biasedHsic = (k, l) => innerProduct(k, l);

/** The unbiased one, of matrices without their diagonals. */
function unbiasedHsic(k, l, n) {
  let [trace, rows, first, second] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    let [left, right] = [0, 0];
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const [a, b] = [k[i * n + j], l[i * n + j]];
      trace += a * b;
      left += a;
      right += b;
    }
    rows += left * right;
    first += left;
    second += right;
  }
  return trace + (first * second) / ((n - 1) * (n - 2)) - (2 * rows) / (n - 2);
}

const alignmentOf = (hsic, k, l, n) => hsic(k, l, n) / Math.sqrt(hsic(k, k, n) * hsic(l, l, n));

/** Pearson's correlation of the distances of all pairs. */
function distanceCorrelation(squares, others, n) {
  const [a, b] = [squares, others].map((matrix) => {
    const distances = pairsOf(matrix, n).map(Math.sqrt);
    const mean = sumOf(distances) / distances.length;
    return distances.map((distance) => distance - mean);
  });
  return innerProduct(a, b) / Math.sqrt(squaredLength(a) * squaredLength(b));
}

/** Rows in a basis of the space that they span if there are fewer of them than features. */
function narrowRows(rows) {
  if (rows[0].length <= rows.length) return rows;
  const rests = rows.map((row) => row.slice());
  const narrow = rows.map(() => new Float64Array(rows.length));
  rests.forEach((rest, k) => {
    const length = Math.sqrt(squaredLength(rest));
    if (length === 0) return;
    const unit = rest.map((value) => value / length);
    for (let i = k; i < rows.length; i++) {
      const part = innerProduct(unit, rests[i]);
      narrow[i][k] = part;
      for (let d = 0; d < unit.length; d++) rests[i][d] -= part * unit[d];
    }
  });
  return narrow;
}

/** The sum of singular values: rotate pairs of columns until all are orthogonal (Jacobi). */
function nuclearNorm(columns) {
  const squaresOf = () => Float64Array.from(columns, (column) => squaredLength(column));
  let squares = squaresOf();
  const least = 1e-15 * sumOf(squares);
  for (let sweep = 0, turned = true; turned && sweep < 40; sweep++) {
    turned = false;
    for (let i = 1; i < columns.length; i++) {
      for (let j = 0; j < i; j++) turned = orthogonalize(columns, squares, i, j, least) || turned;
    }
    squares = squaresOf();
  }
  return sumOf(squares.map(Math.sqrt));
}

/** Rotate two columns so that they are orthogonal; whether they were not. */
function orthogonalize(columns, squares, i, j, least) {
  const [a, b] = [columns[i], columns[j]];
  const product = innerProduct(a, b);
  if (Math.abs(product) <= Math.max(least, 1e-5 * Math.sqrt(squares[i] * squares[j]))) return false;
  const zeta = (squares[j] - squares[i]) / (2 * product);
  const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const cos = 1 / Math.hypot(1, t);
  const sin = cos * t;
  for (let d = 0; d < a.length; d++) {
    const value = a[d];
    a[d] = cos * value - sin * b[d];
    b[d] = sin * value + cos * b[d];
  }
  squares[i] = Math.max(0, squares[i] - t * product);
  squares[j] += t * product;
  return true;
}

/** How well the best orthogonal map takes one cloud to the other. */
function procrustesOf(first, second) {
  const [a, b] = [narrowRows(first), narrowRows(second)];
  const [p, q] = [a[0].length, b[0].length];
  const columns = Array.from({ length: q }, () => new Float64Array(p));
  columns.forEach((column, e) => {
    for (let i = 0; i < a.length; i++) for (let d = 0; d < p; d++) column[d] += a[i][d] * b[i][e];
  });
  const squares = [first, second].map((rows) => sumOf(rows.map((row) => squaredLength(row))));
  return nuclearNorm(columns) / Math.sqrt(squares[0] * squares[1]);
}

/**
 * The held-out share of the second cloud that ridge regression reads from the first.  A
 * prediction is a weighted sum of the points that were seen, so both Gram matrices are enough.
 */
function ridgeOf(k, l, n, { penalty, folds, orders }) {
  const order = orders[n];
  const size = n / folds;
  let [unexplained, total] = [0, 0];
  const squareOf = (weights) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += weights[i] * innerProduct(weights, l.subarray(i * n, i * n + n));
    return sum;
  };
  for (let fold = 0; fold < folds; fold++) {
    const held = order.slice(fold * size, (fold + 1) * size);
    const seen = [...order.slice(0, fold * size), ...order.slice((fold + 1) * size)];
    const m = seen.length;
    const product = productsAround(k, n, seen);
    const own = pairMatrix(m, (i, j) => product(seen[i], seen[j]));
    const strength = (penalty * sumOf(seen.map((i) => product(i, i)))) / m;
    for (let i = 0; i < m; i++) own[i * m + i] += strength;
    factorize(own, m);
    for (const point of held) {
      const away = new Float64Array(n);
      away[point] = 1;
      for (const i of seen) away[i] = -1 / m;
      total += squareOf(away);
      const side = seen.map((i) => product(point, i));
      const solved = solveFactored(own, m, side);
      seen.forEach((i, place) => (away[i] -= solved[place])); // they add up to 0
      unexplained += squareOf(away);
    }
  }
  return 1 - unexplained / total;
}

/** All measures by name, as ibcore.explorers.random_network.similarities. */
function cloudSimilarities(setup, [first, second]) {
  const n = first.rows.length;
  const [k, l] = [first, second].map(({ rows }) => pairMatrix(n, (i, j) => innerProduct(rows[i], rows[j])));
  const [near, far] = [k, l].map((gram) => squaredDistances(gram, n));
  return {
    biased: alignmentOf(biasedHsic, k, l, n),
    unbiased: alignmentOf(unbiasedHsic, k, l, n),
    rbf: alignmentOf(unbiasedHsic, radialGram(near, n), radialGram(far, n), n),
    rsa: distanceCorrelation(near, far, n),
    procrustes: procrustesOf(first.rows, second.rows),
    ridge: ridgeOf(k, l, n, setup),
  };
}
