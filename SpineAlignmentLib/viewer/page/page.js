// What a template cannot do: sending dropped files, keys, and no menu on the film's right mouse button.
(function () {
  "use strict";

  async function send(files) {
    const frame = document.querySelector(".frame");
    // saved landmarks go onto their film, which has to be there before
    const isSaved = (file) => /\.(json|mrb)$/.test(file.name.toLowerCase());
    let come = "&first";
    for (const file of Array.from(files).sort((a, b) => isSaved(a) - isSaved(b))) {
      frame?.setAttribute("data-sending", file.name);
      try {
        await fetch("upload?name=" + encodeURIComponent(file.name) + come, { method: "POST", body: file });
      } catch (error) {
        // the page says by itself that the connection was lost
      }
      frame?.removeAttribute("data-sending");
      come = "";
    }
  }

  function over(event) {
    if (!event.dataTransfer || !Array.from(event.dataTransfer.types).includes("Files")) return;
    event.preventDefault();
    document.querySelector(".frame")?.classList.toggle("dropping", event.type === "dragover");
  }

  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", over);
  document.addEventListener("drop", (event) => {
    over(event);
    if (event.dataTransfer?.files.length) send(event.dataTransfer.files);
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "files") return;
    send(Array.from(event.target.files));
    event.target.value = "";
  });
  document.addEventListener("contextmenu", (event) => {
    if (event.target.closest(".film")) event.preventDefault();
  });

  let ended = false;

  window.addEventListener("beforeunload", (event) => {
    if (!ended && document.querySelector(".films .unsaved")) event.preventDefault();
  });

  // whether the session is there is asked of the door, which answers for a session that died as well
  async function watch() {
    const WAIT_MS = 3000;
    let silent = 0;
    let shown = false;
    while (!ended) {
      await new Promise((done) => setTimeout(done, WAIT_MS));
      try {
        const answer = await fetch("session", { cache: "no-store" });
        silent = 0;
        // a connection that is cut takes the page's content away; the session goes on
        const cut = shown && answer.ok && !document.querySelector(".frame");
        shown ||= Boolean(document.querySelector(".frame"));
        if (cut) tell("The connection was cut.", "Your films and corrections are still there.");
        if (answer.status === 410) tell("This session has ended.", "Open the film again: corrections that were not saved are kept and offered with it.");
        if (answer.status === 401) tell("The viewer was started anew.", "Open the address that it printed. Corrections that were not saved are kept and offered when the film is opened again.");
      } catch (error) {
        if (++silent === 3) tell("The viewer does not answer.", "When it is started again, corrections that were not saved are kept and offered when the film is opened again.");
      }
    }
  }

  function tell(what, next) {
    ended = true;
    const box = document.createElement("div");
    box.className = "ended";
    box.setAttribute("role", "alertdialog");
    box.innerHTML = "<div><h2></h2><p></p><button id='go-on'>Go on</button></div>";
    box.querySelector("h2").textContent = what;
    box.querySelector("p").textContent = next;
    box.querySelector("button").addEventListener("click", () => location.assign("./"));
    document.body.append(box);
  }

  watch();

  const KEYS = {
    d: ["detect"], u: ["undo"], y: ["redo"], f: ["fit"], s: ["fit_spine"], g: ["gray"], n: ["next_low"],
    a: ["accept"], r: ["review_all"], h: ["size_heads"], v: ["open_levels"],
    ".": ["step", [1]], ",": ["step", [-1]],
    "+": ["zoom", [true]], "=": ["zoom", [true]], "-": ["zoom", [false]],
    1: ["toggle_group", ["pelvis"]], 2: ["toggle_group", ["lumbar"]], 3: ["toggle_group", ["thoracic"]],
    4: ["toggle_group", ["cervical"]], 5: ["toggle_group", ["global"]],
    l: ["toggle_drawn", ["names"]], p: ["toggle_drawn", ["points"]], c: ["toggle_drawn", ["curve"]],
    Delete: ["missing"], Escape: ["escape"],
  };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  document.addEventListener("keydown", (event) => {
    // the browser's own, such as Alt and an arrow for the page before
    if (event.altKey) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) {
      if (event.key !== "Escape") return;
      // keys mean the film again
      event.target.blur();
    }
    let action = KEYS[event.key] || KEYS[event.key.toLowerCase()];
    if (event.ctrlKey || event.metaKey) {
      action = { z: [event.shiftKey ? "redo" : "undo"], y: ["redo"], o: ["open"] }[event.key.toLowerCase()];
    } else if (event.key in ARROWS) {
      const step = event.shiftKey ? 10 : 1;
      action = ["nudge", ARROWS[event.key].map((v) => v * step)];
    } else if (event.key.toLowerCase() === "o") {
      action = ["open"];
    }
    if (!action) return;
    event.preventDefault();
    if (action[0] === "open") document.getElementById("files")?.click();
    else if (action[0] === "open_levels") document.getElementById("levels-tab")?.click();
    else window.trame?.trigger(action[0], action[1] || []);
  });
})();
