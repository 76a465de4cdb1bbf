/** A model with anywidget's interface and no kernel behind it. */
class StaticModel {
  constructor(state) {
    this.state = state;
    this.listeners = {};
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    for (const listener of this.listeners["change:" + name] || []) listener();
  }
  save_changes() {}
  on(event, listener) {
    (this.listeners[event] = this.listeners[event] || []).push(listener);
  }
  off(event, listener) {
    this.listeners[event] = (this.listeners[event] || []).filter((f) => f !== listener);
  }
}

/** Bytes of a synchronised trait (DataView or typed array) as float32 numbers. */
function floats(bytes) {
  if (!bytes || !bytes.byteLength) return new Float32Array(0);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** The element of the static page: JSON inside, figure outside. */
function defineElement() {
  if (!root.customElements || root.customElements.get("ib-explorer")) return;
  root.customElements.define(
    "ib-explorer",
    class extends root.HTMLElement {
      connectedCallback() {
        const source = this.querySelector('script[type="application/json"]');
        if (!this.model && source) this.model = new StaticModel(JSON.parse(source.textContent));
        if (this.model) this.show();
        else if (document.readyState === "loading") {
          // the script ran before the children were read
          document.addEventListener("DOMContentLoaded", () => this.connectedCallback(), { once: true });
        }
      }
      show() {
        if (this.close) return;
        const place = node("div");
        this.style.cssText = "display: block; margin-bottom: 16px";
        try {
          this.close = render({ model: this.model, el: place });
          this.replaceChildren(place);
          this.dataset.ready = "1";
        } catch (error) {
          // the poster stays
          this.dataset.ready = "error";
          this.append(node("p", { role: "alert" }, `The figure cannot be drawn: ${error.message}`));
        }
      }
      disconnectedCallback() {
        queueMicrotask(() => {
          // not when it was only moved
          if (this.isConnected || !this.close) return;
          this.close();
          this.close = null;
        });
      }
    },
  );
}
