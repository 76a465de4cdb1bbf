/**
 * Slides: starts reveal.js once mathematics and explorers stand, and makes every slide fit.
 *
 * Four ways to show the same sections: as a presentation; as a column of cards on a phone or
 * without this script; one page each with ?print-pdf; beside what is said with ?handout.  No network.
 */
(function () {
  "use strict";

  const WIDTH = 1280;
  const HEIGHT = 720;
  const STEPS = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5];
  const LARGER = [1.25, 1.15, 1.05];
  const STAGE = [1.9, 1.8, 1.7, 1.6, 1.5]; // of an explorer, whose letters have 12 px
  const html = document.documentElement;

  /** Shrink a slide's content, never its frame, until nothing is cut off. */
  function fit(section) {
    const body = section.querySelector(".ib-stage") || section.querySelector(".ib-slide-body");
    if (!body || !section.offsetHeight) return;
    const grows = !section.matches(".ib-slide-title, .ib-slide-explorer, .ib-slide-figure");
    const isStage = body.matches(".ib-stage");
    body.classList.remove("ib-scrolls");
    for (const zoom of isStage ? STAGE : grows ? [...LARGER, ...STEPS] : STEPS) {
      body.style.zoom = zoom;
      section.dataset.zoom = zoom;
      if (fits(section, body)) return;
    }
    if (isStage) body.classList.add("ib-scrolls");
  }

  function fits(section, body) {
    const frame = section.querySelector(".ib-slide-inner");
    const boxes = [frame, body, section.querySelector(".ib-slide-body")];
    return boxes.every((box) => box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth);
  }

  /** An explorer may grow once its data are inflated, or when a control is used. */
  function refitWhatGrows() {
    const observer = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const section = target.closest(".ib-slide");
        if (section.offsetHeight && !fits(section, target.parentElement)) fit(section);
      }
    });
    document.querySelectorAll(".ib-stage > *").forEach((explorer) => observer.observe(explorer));
  }

  /** Space and Enter belong to the control that has the focus, arrows to sliders and choices. */
  function isForDeck(event) {
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest("input, select, textarea")) return false;
    const pressed = [" ", "Enter"].includes(event.key);
    return !(pressed && target.closest("a, button, summary, [tabindex], [role]"));
  }

  /** Escape gives the arrows back to the deck. */
  function leaveControl(event) {
    const control = document.activeElement;
    if (event.key !== "Escape" || !control || !control.closest(".ib-slide")) return;
    control.blur();
    event.stopPropagation();
    event.preventDefault();
  }

  function present() {
    html.dataset.slides = "deck";
    const deck = new window.Reveal({
      width: WIDTH,
      height: HEIGHT,
      margin: 0,
      center: false,
      hash: true,
      slideNumber: "c/t",
      transition: "none",
      viewDistance: 1,
      scrollActivationWidth: 0,
      keyboardCondition: isForDeck,
      plugins: [window.RevealNotes],
    });
    document.addEventListener("keydown", leaveControl, true);
    const show = (event) => requestAnimationFrame(() => fit(event.currentSlide)); // once laid out
    deck.on("ready", show);
    deck.on("slidechanged", show);
    window.ibDeck = deck;
    return deck.initialize();
  }

  function print(way) {
    html.dataset.slides = way;
    document.querySelectorAll(".ib-slide").forEach(fit);
  }

  /** Mathematics must be set while it is visible: a hidden formula has no size. */
  async function start() {
    const mathjax = window.MathJax && window.MathJax.startup;
    if (mathjax && mathjax.promise) await mathjax.promise;
    const asked = new URLSearchParams(window.location.search);
    if (asked.has("print-pdf")) print("print");
    else if (asked.has("handout")) print("handout");
    else if (window.matchMedia("(min-width: 640px)").matches) await present();
    else html.dataset.slides = "column";
    if (html.dataset.slides !== "column") refitWhatGrows();
    html.dataset.ready = "1";
  }

  window.addEventListener("load", start);
})();
