// @ts-check
// The patient's sex, as the browser's own select.

import { make } from "./elements.js";

const CHOICES = [["", "not given"], ["F", "female"], ["M", "male"]];

export class Sex {
  constructor() {
    this.select = make("select", "", {}, CHOICES.map(([value, text]) => make("option", "", { value, text })));
    this.element = make("label", "ct-sex", {}, [make("span", "", { text: "Sex (optional)" }), this.select]);
  }

  /**
   * Keeps the select and the component's value the same, whoever changes one of them.
   * @param {{ value: any }} props
   * @param {(name: string, act: () => void) => void} watch
   */
  bind(props, watch) {
    const take = () => (this.select.value = props.value || "");
    take();
    watch("value", take);
    this.select.addEventListener("change", () => (props.value = this.select.value));
  }
}
