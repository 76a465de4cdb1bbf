// What lies on each other on a page: texts on texts, on controls and on the curves of figures; and
// text of drawings that is too pale.  The page must be shown at its whole height.
(() => {
  const SLACK = 2; // pixels that two boxes may share
  const round = (box) => [box.left, box.top, box.right, box.bottom].map(Math.round).join(" ");
  const shown = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  /** Whether an element floats above the page, or is for ears alone. */
  const apart = (e) => {
    for (let at = e; at && at !== document.body; at = at.parentElement) {
      const { position, clipPath, clip } = getComputedStyle(at);
      if (position === "fixed" || (position === "sticky" && at.localName === "header")) return true;
      if (clipPath !== "none" || clip !== "auto" || at.matches("mjx-assistive-mml, .ibx-live")) return true;
    }
    return false;
  };

  /** The part of a box that no ancestor cuts off. */
  const cut = (box, e) => {
    let { left, top, right, bottom } = box;
    for (let at = e.parentElement; at; at = at.parentElement) {
      if (getComputedStyle(at).overflow === "visible" || at === document.documentElement || at === document.body) continue;
      const edge = at.getBoundingClientRect();
      [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
      [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
    }
    return { left, top, right, bottom };
  };

  /** Letters are lower than the line in which they stand. */
  const ofLetters = (box, size) => {
    const spare = Math.max(0, (box.bottom - box.top - 0.8 * size) / 2);
    return { ...box, top: box.top + spare, bottom: box.bottom - spare };
  };

  const isWide = ({ left, top, right, bottom }) => right - left > 1 && bottom - top > 1;

  /** The lines of a text node, as boxes of what can be seen of them. */
  const linesOf = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const size = parseFloat(getComputedStyle(node.parentElement).fontSize);
    return [...range.getClientRects()].map(({ left, top, right, bottom }) =>
      cut(ofLetters({ left, top, right, bottom }, size), node.parentElement));
  };

  const texts = () => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { currentNode: node } = walker;
      const e = node.parentElement;
      if (!node.data.trim() || e.closest("mjx-container, script, style, noscript, select, option, defs, title, desc, svg")) continue;
      if (!shown(e) || apart(e)) continue;
      for (const box of linesOf(node).filter(isWide)) found.push({ e, box, text: node.data.trim().slice(0, 40) });
    }
    for (const e of document.querySelectorAll("svg text, mjx-container")) {
      if (!shown(e) || apart(e) || e.closest("defs")) continue;
      const { left, top, right, bottom } = e.getBoundingClientRect();
      const turned = e.localName === "text" && bottom - top > right - left;
      const size = parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM?.().a || 1);
      const whole = { left, top, right, bottom };
      const box = cut(e.localName === "text" && !turned ? ofLetters(whole, size) : whole, e);
      if (isWide(box)) found.push({ e, box, text: e.textContent.trim().slice(0, 40) });
    }
    return found;
  };

  const controls = () =>
    [...document.querySelectorAll("button, select, input, textarea, summary, [role=gridcell]")]
      .filter((e) => shown(e) && !apart(e))
      .map((e) => ({ e, box: cut(e.getBoundingClientRect(), e), text: `<${e.localName} ${e.className || e.type || ""}>` }))
      .filter(({ box }) => isWide(box));

  const share = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK;
  const related = (a, b) => a === b || a.contains(b) || b.contains(a);
  const ground = (e) => !/, 0\)$/.test(getComputedStyle(e).backgroundColor);

  /** Pairs of boxes that share more than their edges; one sweep from the top. */
  const pairs = (first, second) => {
    const found = [];
    const sorted = [...second].sort((a, b) => a.box.top - b.box.top);
    for (const a of first) {
      for (const b of sorted) {
        if (b.box.top > a.box.bottom) break;
        if (b.box.bottom > a.box.top && share(a.box, b.box) && !related(a.e, b.e)) found.push([a, b]);
      }
    }
    return found;
  };

  /** Points along the curves of figures, on the screen. */
  const curves = () =>
    [...document.querySelectorAll(".ib-figure [id*=line2d] path, .ibx-frame path")].filter(shown).flatMap((e) => {
      const { stroke, clipPath } = getComputedStyle(e);
      const length = e.getTotalLength();
      if (stroke === "none" || !length || length < 12 || clipPath === "") return [];
      const matrix = e.getScreenCTM();
      const edge = e.closest(".ibx-frame, svg").getBoundingClientRect();
      return Array.from({ length: 200 }, (_, i) => e.getPointAtLength((length * (i + 0.5)) / 200).matrixTransform(matrix))
        .filter(({ x, y }) => x > edge.left && x < edge.right && y > edge.top && y < edge.bottom)
        .map((point) => ({ e, point }));
    });

  const struck = (all) => {
    const inside = ({ left, top, right, bottom }, { x, y }) =>
      x > left + SLACK && x < right - SLACK && y > top + SLACK && y < bottom - SLACK;
    const points = curves();
    return all
      .filter(({ e }) => e.closest(".ib-figure, .ibx-frame") && !ground(e))
      .filter(({ e, box }) => points.some((own) => own.e.closest(".ib-figure svg, .ibx-frame") === e.closest(".ib-figure svg, .ibx-frame") && inside(box, own.point)))
      .map(({ text, box }) => `a curve through \u201c${text}\u201d at ${round(box)}`);
  };

  const name = ({ text, box }) => `\u201c${text}\u201d at ${round(box)}`;

  window.overlaps = () => {
    const all = texts();
    // each pair once; a cell of a table of tokens or of a code line holds its own neighbours
    const seen = new Set();
    const of = pairs(all, all).filter(([a, b]) => {
      const key = [name(a), name(b)].sort().join();
      return !seen.has(key) && seen.add(key);
    });
    const on = pairs(all, controls()).filter(([a, b]) => !b.e.labels || ![...b.e.labels].some((label) => label.contains(a.e)) || b.e.type === "range");
    return [...[...of, ...on].map(([a, b]) => `${name(a)} and ${name(b)}`), ...struck(all)];
  };

  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  /** Red, green, blue and opacity of any color that a style sheet may name. */
  const channels = (color) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const opaque = (color) => color !== "none" && channels(color)[3] === 255;

  /** What is painted behind a text of a drawing: a shape of it, or the page. */
  const behind = (e) => {
    const { left, top, right, bottom } = e.getBoundingClientRect();
    const at = document.elementsFromPoint((left + right) / 2, (top + bottom) / 2);
    for (const each of at) {
      if (each === e || each.closest("text")) continue;
      const { fill, fillOpacity, backgroundColor } = getComputedStyle(each);
      if (each.localName === "image") return null;
      if (each instanceof SVGGeometryElement && opaque(fill) && fillOpacity === "1") return fill;
      if (!(each instanceof SVGElement) && opaque(backgroundColor)) return backgroundColor;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };

  window.paleDrawings = () =>
    [...document.querySelectorAll("main svg text, .reveal svg text, section svg text")]
      .filter((e) => shown(e) && e.textContent.trim())
      .flatMap((e) => {
        const [ink, paper] = [getComputedStyle(e).fill, behind(e)];
        if (!opaque(ink) || !paper || !opaque(paper)) return [];
        const [low, high] = [luminance(ink), luminance(paper)].sort((a, b) => a - b);
        const ratio = (high + 0.05) / (low + 0.05);
        const own = e.textContent.trim().slice(0, 30);
        return ratio < 4.5 ? [`\u201c${own}\u201d ${ink} on ${paper}: ${ratio.toFixed(1)}`] : [];
      });
})();
