"use strict";
(() => {
  const made = document.getElementById("made"), age = document.getElementById("age");
  const tell = () => {
    const minutes = Math.floor((Date.now() - Date.parse(made.dateTime)) / 60000);
    const words = minutes < 120 ? `${minutes} minutes` : minutes < 2880 ? `${Math.floor(minutes / 60)} hours` : `${Math.floor(minutes / 1440)} days`;
    age.textContent = minutes < 2 ? "" : `, ${words} ago`;
    age.className = minutes < 120 ? "" : "stale";
  };
  tell();
  setInterval(tell, 60000);

  const search = document.getElementById("search");
  if (!search) return;
  const found = document.getElementById("found"), nothing = document.getElementById("nothing");
  const rows = [...document.getElementById("orders").rows].map((row) => [row, row.textContent.toLowerCase()]);
  const look = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [row, text] of rows) {
      const fits = words.every((word) => text.includes(word));
      row.hidden = !fits;
      if (fits) count += 1;
    }
    found.textContent = words.length ? `${count} of ${rows.length} orders` : `${rows.length} orders`;
    nothing.hidden = count > 0;
  };
  search.addEventListener("input", look);
  look();
})();
