"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const made = at("made"), age = at("age");
  const tell = () => {
    const minutes = Math.floor((Date.now() - Date.parse(made.dateTime)) / 60000);
    const words = minutes < 120 ? `${minutes} minutes` : minutes < 2880 ? `${Math.floor(minutes / 60)} hours` : `${Math.floor(minutes / 1440)} days`;
    age.textContent = minutes < 2 ? "" : `, ${words} ago`;
    age.className = minutes < 120 ? "" : "stale";
  };
  tell();
  setInterval(tell, 60000);
  for (const link of document.links) {
    if (link.protocol.startsWith("http")) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
  }

  // The list, and what of it is shown: #store=eu&state=attention&reason=unknown_sku&q=mug&order=eu-57
  const fields = ["store", "state", "reason", "q"], list = at("orders");
  if (!at("filters")) return;
  for (const each of document.querySelectorAll(".scripted")) each.hidden = false;
  const rows = [...list.children], total = rows.length;
  const storeOf = (row) => row.id.slice(0, row.id.lastIndexOf("-"));
  const rowOf = (id) => rows.includes(at(id)) ? at(id) : null;
  const texts = new Map();
  const text = (row) => texts.get(row) ??
    texts.set(row, [...row.children].map((cell) => cell.textContent).join(" ").toLowerCase()).get(row);
  let open = "";

  const apply = () => {
    const [store, state, reason, q] = fields.map((name) => at(name).value);
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = (!store || storeOf(row) === store) && (!state || row.className === state) &&
        (!reason || row.dataset.reason === reason) && words.every((word) => text(row).includes(word));
      if (row.hidden === fits) row.hidden = !fits;
      if (fits) count += 1;
    }
    const shown = count.toLocaleString("en"), all = total.toLocaleString("en");
    at("found").textContent = count < total ? `${shown} of ${all} orders` : `${all} orders`;
    at("nothing").hidden = count > 0;
  };
  const keep = () => {
    const said = new URLSearchParams();
    for (const name of fields) if (at(name).value) said.set(name, at(name).value);
    if (open) said.set("order", open);
    history.replaceState(null, "", `#${said}`);
  };
  const read = (address, move) => {
    const said = new URLSearchParams(address.includes("=") ? address : "");
    for (const name of fields) {
      at(name).value = said.get(name) ?? "";
      if (at(name).selectedIndex === -1) at(name).value = "";
    }
    const row = rowOf(said.get("order") || address);
    apply();
    open = "";
    if (row) {
      open = row.id;
      row.hidden = false;
      row.querySelector("details").open = true;
      row.scrollIntoView({ block: "center" });
    } else if (move) at("recent").scrollIntoView();
  };
  const readAll = () => {
    const address = location.hash.slice(1) || location.search.slice(1);
    if (!address || address.includes("=") || rowOf(address)) read(address, address.includes("="));
    else {
      // a place on the page, which leaves the filters as they are
      apply();
      keep();
    }
  };

  for (const name of fields) {
    for (const event of ["input", "change"]) at(name).addEventListener(event, () => { open = ""; apply(); keep(); });
  }
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.addEventListener("click", () => { read(button.dataset.filter, true); keep(); list.focus({ preventScroll: true }); });
  }
  list.addEventListener("toggle", (event) => {
    const row = event.target.parentElement;
    if (event.target.open) open = row.id;
    else if (open === row.id) open = "";
    keep();
  }, true);
  addEventListener("hashchange", readAll);
  readAll();
})();
