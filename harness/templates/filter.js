(function () {
  "use strict";
  var form = document.querySelector("form.filter");
  var tools = document.querySelector(".tools");
  var rows = Array.prototype.slice.call(document.querySelectorAll("[data-row]"));
  function apply() {
    var shown = 0;
    var words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach(function (row) {
      var fits = words.every(function (word) { return row.dataset.text.indexOf(word) >= 0; });
      ["show", "region", "grade", "operation"].forEach(function (name) {
        var field = form.elements[name];
        if (field && field.value) fits = fits && (row.dataset[name] || "").split("|").indexOf(field.value) >= 0;
      });
      row.hidden = !fits;
      if (fits) shown += 1;
    });
    form.querySelector("output").textContent = shown + " of " + rows.length + " shown";
  }
  if (form) {
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("reset", function () { setTimeout(apply); });
    apply();
  }
  if (tools) {
    tools.hidden = false;
    tools.addEventListener("click", function (event) {
      var open = event.target.dataset.open;
      if (open) document.querySelectorAll("details.case").forEach(function (part) { part.open = open === "yes"; });
    });
  }
  function reveal() {
    var target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  }
  window.addEventListener("hashchange", reveal);
  reveal();
})();
