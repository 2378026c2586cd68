// What the tests ask of a page in the browser. Each function returns a list of
// complaints.
const look = (() => {
  "use strict";

  // Colours as [red, green, blue, alpha], the first three of 255.
  const color = (css) => {
    const numbers = css.match(/[\d.]+/g).map(Number);
    const [r, g, b, a = 1] = numbers;
    if (css.startsWith("rgb")) return [r, g, b, a];
    if (css.startsWith("color(srgb")) return [r * 255, g * 255, b * 255, a];
    throw new Error("cannot read colour " + css);
  };
  const over = (top, below) => {
    const a = top[3] + below[3] * (1 - top[3]);
    return a === 0 ? [0, 0, 0, 0] : [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / a).concat(a);
  };
  // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  // https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
  const ratio = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const background = (element) => {
    let seen = [0, 0, 0, 0];
    for (let e = element; e; e = e.parentElement) {
      const style = getComputedStyle(e);
      if (style.backgroundImage !== "none") throw new Error("cannot judge contrast on an image");
      if (style.opacity !== "1") throw new Error("cannot judge contrast with opacity");
      seen = over(seen, color(style.backgroundColor));
      if (seen[3] === 1) return seen;
    }
    throw new Error("no opaque background behind " + element.outerHTML.slice(0, 80));
  };
  const visible = (element) => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && box.width > 1 && box.height > 1;
  };
  const named = (element) => element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") + [...element.classList].map((c) => "." + c).join("");

  // texts lists what a person reads: elements with text of their own, and the
  // pseudo-elements that have some.
  const texts = () => {
    const out = [];
    for (const e of document.body.querySelectorAll("*")) {
      if (!visible(e) || e.closest("svg")) continue;
      const own = [...e.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.data.trim()).join(" ").trim();
      if (own || e.matches("input, select")) out.push({ element: e, style: getComputedStyle(e), text: own || e.value });
      for (const pseudo of ["::before", "::after"]) {
        const style = getComputedStyle(e, pseudo);
        const content = style.content.match(/^"(.+)"/);
        if (content) out.push({ element: e, style, text: content[1] });
      }
    }
    return out;
  };

  const contrast = (least) => {
    const found = texts();
    if (found.length < 5) return ["only " + found.length + " texts found"];
    return found.flatMap(({ element, style, text }) => {
      const back = background(element);
      const got = ratio(over(color(style.color), back), back);
      return got < least ? [`${got.toFixed(2)}: ${named(element)} ${JSON.stringify(text.slice(0, 40))} ${style.color} on ${back}`] : [];
    });
  };

  // drawn judges what is not text but tells something: columns, marks, the
  // borders of controls and the strokes that colour the tally.
  const drawn = (least) => {
    const parts = [...document.querySelectorAll(".series rect, .mark path, .severities li:not(.nil), input, select, button")].filter(visible);
    return parts.flatMap((e) => {
      const style = getComputedStyle(e);
      const of = e.matches("rect:not(.at-least)") ? style.fill : e.closest("svg") ? style.stroke :
        e.matches("li") && style.borderTopWidth === "0px" ? style.borderLeftColor : style.borderTopColor;
      if (e.matches("button") && style.borderTopWidth === "0px") return [];
      const back = background(e.closest("svg")?.parentElement ?? e.parentElement);
      const got = ratio(over(color(of), back), back);
      return got < least ? [`${got.toFixed(2)}: ${named(e.closest(".series") ?? e)} ${of} on ${back}`] : [];
    });
  };

  // sideways complains of a page that scrolls sideways, and of what sticks out
  // of it, unless it does so within something that scrolls by itself.
  const sideways = () => {
    const width = document.documentElement.clientWidth;
    const out = [];
    if (document.scrollingElement.scrollWidth > width) out.push(`the page is ${document.scrollingElement.scrollWidth} wide, the window ${width}`);
    for (const e of document.body.querySelectorAll("*")) {
      const box = e.getBoundingClientRect();
      if (visible(e) && !e.closest(".scroll, svg, .skip") && (box.right > width + 1 || box.left < -1)) {
        out.push(`${named(e)} reaches from ${box.left} to ${box.right} of ${width}`);
      }
    }
    return out.slice(0, 20);
  };

  // focus says how the focus shows on the element that has it.
  const focus = () => {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const style = getComputedStyle(e);
    return {
      name: named(e), text: (e.textContent || "").trim().slice(0, 40),
      shows: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 &&
        ratio(color(style.outlineColor), background(e.parentElement)) >= 3,
      seen: visible(e) && e.getBoundingClientRect().top < innerHeight && e.getBoundingClientRect().bottom > 0,
    };
  };
  const focusable = () => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true })).length;

  const open = () => document.querySelectorAll("details").forEach((d) => { d.open = true; });

  return { contrast, drawn, sideways, focus, focusable, open, visible };
})();
