// The figures of a page in its address: `#RandomNetwork?depth=4&ComplexityMap.seed=2`.
//
// In front of the question mark stands an anchor of the page, behind it what differs from the start
// of each figure; a setting without a name in front of it is of the figure that is the anchor.
// There are entries of the history that this script has seen, and those that a link has just made:
// a link without settings, such as one to a heading, leaves the figures as they are.

const ADDRESS_MS = 250; // browsers refuse an address that changes many times in a second

const addressed = new Map(); // the figures of the page by their names
let addressWanted = null; // what the address asked for when it was read last
let rewriting = 0;

/** Whether the page has an address for its reader: a frame has none, and JupyterLab has its own. */
const hasAddress = () => root.top === root && !document.body.dataset.jpThemeLight;

/** The name of an explorer in the address: its kind, and a number from the second of a kind on. */
function addressName(element) {
  const kind = (other) => other.model?.get("kind");
  const same = [...document.querySelectorAll("ib-explorer")].filter((other) => kind(other) === kind(element));
  return element.id || kind(element) + (same.length > 1 ? `-${same.length}` : "");
}

/** The anchor of the address and its settings: name of the figure, name of the setting, text. */
function readAddress() {
  const [anchor, ...rest] = location.hash.slice(1).split("?");
  const pairs = [...new URLSearchParams(rest.join("?"))].map(([key, text]) => {
    const dot = key.lastIndexOf(".");
    return dot < 0 ? [anchor, key, text] : [key.slice(0, dot), key.slice(dot + 1), text];
  });
  return { anchor, pairs, given: rest.length > 0 };
}

/** A value as it stands in the address. */
const addressText = (value) =>
  typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value ?? "none");

/** The value that a text means, or undefined; a slider takes any number between its ends. */
function addressValue({ values, nearest }, text) {
  const same = values.find((value) => addressText(value) === text);
  if (same !== undefined || !nearest || !text.trim()) return same;
  const inside = Number(text) >= Math.min(...values) && Number(text) <= Math.max(...values);
  return inside ? nearest(Number(text)) : undefined;
}

/** What differs from the start of a figure, as pairs; null if no address can hold it. */
function addressPairs({ settings, params, initial }) {
  const changed = Object.keys(settings).filter((name) => params[name] !== initial[name]);
  const held = changed.every((name) => settings[name].values.includes(params[name]));
  return held ? changed.map((name) => [name, addressText(params[name])]) : null;
}

/** The address of the page with an anchor and the settings of some figures; slides end in a slash. */
function addressOf(anchor, names) {
  const pairs = names.flatMap((name) =>
    (addressPairs(addressed.get(name)) || []).map(([key, text]) => [name === anchor ? key : `${name}.${key}`, text]),
  );
  const slash = /^\/.*[^/]$/.test(anchor) ? "/" : "";
  const url = new URL(location.href);
  url.hash = pairs.length ? `${anchor}${slash}?${new URLSearchParams(pairs)}` : anchor;
  return url.href;
}

/** The anchor of a link to a figure: the slide on which it is, or itself. */
const anchorOf = (name) => (readAddress().anchor.startsWith("/") ? readAddress().anchor : name);

/** Mark this entry of the history as seen, and perhaps change its address. */
function replaceEntry(url) {
  try {
    history.replaceState({ ...history.state, ibExplorers: true }, "", url);
  } catch {
    // the browser forbids it, here or so often: the figures work without it
  }
}

/** Write the state of all figures; the anchor of the page stays unless it is a figure. */
function writeAddress(moved) {
  clearTimeout(rewriting);
  const { anchor } = readAddress();
  const free = !anchor || addressed.has(anchor);
  replaceEntry(addressOf(moved && free ? moved : anchor, [...addressed.keys()]));
}

/** A figure has moved: write the address once it rests. */
function addressLater(name) {
  clearTimeout(rewriting);
  rewriting = setTimeout(() => writeAddress(name), ADDRESS_MS);
}

/** Give a figure what the address asks for; if it has no such state, its start and a word. */
function takeAddress(name, own, take) {
  const pairs = addressWanted.pairs.filter(([figure]) => figure === name).map(([, ...pair]) => pair);
  const read = ([key, text]) => (Object.hasOwn(own.settings, key) ? addressValue(own.settings[key], text) : undefined);
  const wrong = pairs.find((pair) => read(pair) === undefined);
  const asked = wrong ? [] : pairs.map((pair) => [pair[0], read(pair)]);
  take({ ...own.initial, ...Object.fromEntries(asked) });
  if (wrong) own.warn(`The address has ${inShort(wrong)}, which is not possible here; the default is shown.`);
}

const inShort = ([key, text]) => `${key}=${text}`.slice(0, 60);

/** All figures have their names: name what the address asks of others, and go to its anchor. */
function endAddress(scrolls) {
  const [stranger] = addressWanted.pairs.filter(([name]) => !addressed.has(name));
  const [first] = addressed.values();
  if (stranger) {
    first.warn(`The address has ${inShort(stranger.slice(1))} for \u201c${stranger[0].slice(0, 40)}\u201d, but no figure here has this name.`);
  }
  const place = document.getElementById(addressWanted.anchor);
  if (place && scrolls && addressWanted.given) place.scrollIntoView();
}

/** The address was changed: by a link, by hand, or back and forward in the history. */
function addressChanged() {
  const seen = Boolean(history.state?.ibExplorers);
  const asked = readAddress();
  if (seen || asked.given) {
    addressWanted = asked;
    for (const [name, own] of addressed) takeAddress(name, own, own.visit);
    clearTimeout(rewriting); // this address stands
    endAddress(!seen);
    replaceEntry();
  } else writeAddress();
}

/** Enter a figure; the first one reads the address and listens to it. */
function enterAddress(name, own) {
  const again = addressed.has(name); // it was taken out of the page and put back
  addressed.set(name, own);
  if (!addressWanted) beginAddress();
  if (!again) takeAddress(name, own, own.begin);
}

function beginAddress() {
  addressWanted = readAddress();
  replaceEntry();
  root.addEventListener("hashchange", addressChanged);
  const [entry] = performance.getEntriesByType("navigation");
  const end = () => endAddress(!entry || entry.type === "navigate"); // else the browser scrolls to where it was
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", end);
  else queueMicrotask(end);
}

/** Copy the address of a figure; `say` gets what has become of it. */
async function copyAddress(name, say) {
  writeAddress(name);
  if (!addressPairs(addressed.get(name))) return say("No link can hold this state.");
  try {
    await navigator.clipboard.writeText(addressOf(anchorOf(name), [name]));
    say("The link to this state is copied.");
  } catch {
    say("The browser does not let this page copy; the link stands in the address bar.");
  }
}
