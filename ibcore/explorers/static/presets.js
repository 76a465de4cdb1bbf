const PRESET_NAMES = {
  ramp: "ramp",
  wave: "wave",
  checkerboard: "checkerboard",
  noise: "noise",
  digit: "a digit",
  blank: "blank",
};

/** The presets that the number of cycles changes. */
const REPEATED = ["ramp", "wave", "checkerboard"];

/**
 * A picture of n x n gray levels (0 to 255), rows from the top: the same bytes as
 * ibcore.explorers.random_network.preset_picture.  `digit` holds its rows as words of 16 bits.
 */
function presetPicture(preset, cycles, { side: n, digit }) {
  const noise = preset === "noise" ? uniforms(0, n * n) : null;
  const field = (i) => Math.floor((2 * cycles * i) / n);
  const bits = n / 16;
  const levels = {
    ramp: (i, j) => 255 * (((cycles * j) / n) % 1),
    wave: (i, j) => 127.5 + 126 * Math.sin((2 * Math.PI * cycles * j) / n),
    checkerboard: (i, j) => 255 * ((field(i) + field(j)) % 2),
    noise: (i, j) => 256 * noise[i * n + j],
    digit: (i, j) => 255 * ((digit[Math.floor(i / bits)] >> (15 - Math.floor(j / bits))) & 1),
    blank: () => 0,
  };
  const level = levels[preset];
  return Uint8Array.from({ length: n * n }, (_, p) => Math.floor(level(Math.floor(p / n), p % n)));
}
