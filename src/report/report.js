// What a mark says, under the pointer or the keyboard's focus. The page reads without it: tables stand behind the charts.
(function () {
  "use strict";
  var tip = document.getElementById("tip");

  function show(mark) {
    var at = mark.getBoundingClientRect();
    tip.textContent = mark.getAttribute("aria-label");
    tip.classList.add("on");
    var box = tip.getBoundingClientRect();
    var left = Math.min(Math.max(at.left + at.width / 2 - box.width / 2, 8), document.documentElement.clientWidth - box.width - 8);
    var top = at.top - box.height - 8;
    tip.style.left = Math.max(left, 8) + "px";
    tip.style.top = (top < 8 ? at.bottom + 8 : top) + "px";
  }

  function hide() {
    tip.classList.remove("on");
  }

  function markOf(target) {
    return target && target.closest ? target.closest(".m") : null;
  }

  document.addEventListener("mouseover", function (event) {
    var mark = markOf(event.target);
    if (mark) show(mark);
    else hide();
  });
  document.addEventListener("focusin", function (event) {
    var mark = markOf(event.target);
    if (mark) show(mark);
    else hide();
  });
  document.addEventListener("focusout", hide);
  window.addEventListener("scroll", function () {
    // The keyboard's mark has often just been scrolled to: what it says goes along.
    var mark = markOf(document.activeElement);
    if (mark) show(mark);
    else hide();
  }, { passive: true });

  // One stop of the Tab key for each chart; arrows go from mark to mark within it.
  function marksOf(chart) {
    return Array.prototype.slice.call(chart.querySelectorAll(".m"));
  }

  Array.prototype.forEach.call(document.querySelectorAll("svg.chart"), function (chart) {
    var first = chart.querySelector(".m");
    if (first) first.setAttribute("tabindex", "0");
  });

  function go(mark, next) {
    if (!next || next === mark) return;
    mark.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  document.addEventListener("keydown", function (event) {
    var mark = markOf(event.target);
    if (!mark || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      hide();
      return;
    }
    var step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    var marks = marksOf(mark.ownerSVGElement);
    if (step) go(mark, marks[marks.indexOf(mark) + step]);
    else if (event.key === "Home") go(mark, marks[0]);
    else if (event.key === "End") go(mark, marks[marks.length - 1]);
    else return;
    event.preventDefault();
  });
})();
