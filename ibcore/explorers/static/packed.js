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
