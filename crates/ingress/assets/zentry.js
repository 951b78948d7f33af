"use strict";

const code = document.getElementById("confirm-code");
const copy = document.getElementById("copy");

// Hidden until it is known to work: without this script the code is copied by hand.
if (code && copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent.trim());
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Please copy it by hand";
    }
  });
}
