// What this script adds, the page can do without: filtering and sorting the
// findings, sorting the table of rules, and copying commands.
(() => {
  "use strict";

  const natural = new Intl.Collator("en", { numeric: true });

  // reorder puts elements in order behind those of their parent that stay.
  const reorder = (elements, compare) => {
    const parents = new Set(elements.map((e) => e.parentNode));
    for (const parent of parents) {
      parent.append(...elements.filter((e) => e.parentNode === parent).sort(compare));
    }
  };

  const form = document.getElementById("filter");
  if (form) {
    const [text, severity, outcome, sort, status] = ["text", "severity", "outcome", "sort", "count"]
      .map((name) => document.getElementById("filter-" + name));
    const groups = [...document.querySelectorAll(".group")];
    const findings = [...document.querySelectorAll(".finding")];
    // Before buttons are added: what is searched is the report's text only.
    const texts = new Map(findings.map((f) => [f, f.textContent.toLowerCase()]));
    const places = new Map(findings.map((f, i) => [f, i]));

    const filter = () => {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const group of groups) {
        let some = false;
        for (const finding of group.querySelectorAll(".finding")) {
          const matches = Number(finding.dataset.severity) >= Number(severity.value) &&
            (!outcome.value || outcome.value === group.dataset.outcome) &&
            words.every((word) => texts.get(finding).includes(word));
          finding.hidden = !matches;
          some ||= matches;
          shown += matches;
        }
        group.hidden = !some;
      }
      // On paper, where the form is not, it says that something is left out.
      form.toggleAttribute("data-filtered", shown < findings.length);
      status.textContent = `Showing ${shown} of ${findings.length} findings`;
    };

    const orders = {
      severity: () => 0,
      subject: (a, b) => natural.compare(a.dataset.subject, b.dataset.subject),
      check: (a, b) => natural.compare(a.dataset.check, b.dataset.check),
      // Findings without a known start come last.
      since: (a, b) => natural.compare(a.dataset.since || "9999", b.dataset.since || "9999"),
    };
    const order = () => reorder(findings, (a, b) => orders[sort.value](a, b) || places.get(a) - places.get(b));

    form.addEventListener("input", filter);
    sort.addEventListener("input", order);
    form.addEventListener("submit", (event) => event.preventDefault());
    const clear = () => {
      form.reset();
      filter();
      order();
    };
    document.getElementById("filter-reset").addEventListener("click", clear);
    // A link to a finding that is filtered out shows it again.
    window.addEventListener("hashchange", () => {
      const target = document.getElementById(location.hash.slice(1));
      if (target && target.closest("[hidden]")) {
        clear();
        target.scrollIntoView();
      }
    });
    form.hidden = false;
    // A browser may keep what was chosen before the page was loaded again.
    filter();
    if (sort.value !== "severity") order();
  }

  const table = document.getElementById("rules-table");
  if (table) {
    const heads = [...table.querySelectorAll("thead th")];
    const rows = [...table.querySelectorAll("tbody tr")];
    const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        // Failures: the rules with the worst ones first.
        const first = head.textContent === "Failures" ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const direction = head.getAttribute("aria-sort") === first ? other : first;
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        reorder(rows, (a, b) => sign * natural.compare(key(a, column), key(b, column)));
      });
    });
  }

  const announced = document.createElement("p");
  announced.className = "hidden-text";
  announced.setAttribute("role", "status");
  document.body.append(announced);
  for (const command of document.querySelectorAll(".command")) {
    const code = command.querySelector("code");
    const button = document.createElement("button");
    button.type = "button";
    const { subject, check } = command.closest(".finding").dataset;
    button.setAttribute("aria-label", `Copy the command for ${subject}, ${check}`);
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      let done = "Copied";
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
        done = "Selected";
      }
      button.textContent = announced.textContent = done;
      setTimeout(() => { button.textContent = "Copy"; announced.textContent = ""; }, 2000);
    });
    command.append(button);
  }

  // For browsers that keep closed details out of print whatever the style says.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((d) => { d.open = true; });
  });
  window.addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));
})();
