// One drawing at a time: asked for with POST, followed as server-sent events, and kept step by step so that it can be gone through afterwards.
const $ = id => document.getElementById(id);
const wallMost = 24;
// A step of a small picture takes less than a screen's frame; shown at this pace it can be seen.
const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 45;

let model, drawing = null, source = null, frames = [], shown = 0, timer = 0;

function say(text, problem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", problem);
}

function number(value, digits = 1) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

async function problem(response) {
  try { return (await response.json()).detail ?? `The gallery answered ${response.status}.`; }
  catch { return `The gallery answered ${response.status}.`; }
}

function picture(figure, png, alt) {
  const image = figure.querySelector("img");
  if (png) image.src = `data:image/png;base64,${png}`;
  else image.removeAttribute("src");
  image.alt = alt;
}

function show(step) {
  shown = step;
  const frame = frames[step - 1];
  $("step").value = step;
  $("step-value").textContent = frame ? `${step} of ${frame.steps}` : "0";
  $("step").setAttribute("aria-valuetext", frame ? `step ${step} of ${frame.steps}` : "not begun");
  const what = drawing ? `${drawing.prompt ? `“${drawing.prompt}” ` : ""}after step ${step}` : "";
  picture($("float32"), frame?.float32, frame ? `FP32: ${what}` : "");
  picture($("quantized"), frame?.quantized, frame ? `Quantized: ${what}` : "");
  const until = frames.slice(0, step);
  $("float32").querySelector(".figure").textContent = frame?.float32Ms ? `${number(median(until.map(f => f.float32Ms)))} ms a step` : "";
  $("quantized").querySelector(".figure").textContent = frame ? `${number(median(until.map(f => f.quantizedMs)))} ms a step, ${frame.bits}-bit activations` : "";
  $("agreement").textContent = !frame?.float32 ? "" : frame.snrDb === null ? "Both states are equal" : `The states differ by ${number(100 * 10 ** (-frame.snrDb / 20))} %, ${number(frame.snrDb)} dB`;
  curve();
}

// Signal to noise over the steps, as far as they are shown: higher is closer to FP32.
function curve() {
  const values = frames.map(f => f.snrDb), known = values.filter(v => v !== null);
  $("agreement-chart").hidden = known.length < 2;
  if (known.length < 2) return;
  const least = Math.min(...known), most = Math.max(...known), last = Math.max(1, frames[0].steps - 1);
  const points = values.slice(0, shown).flatMap((v, i) => v === null ? [] : [`${(100 * i / last).toFixed(2)} ${(34 - 30 * (v - least) / Math.max(1, most - least)).toFixed(2)}`]);
  const line = points.length ? `M${points.join("L")}` : "";
  $("curve").querySelector(".line").setAttribute("d", line);
  $("curve").querySelector(".area").setAttribute("d", line && `${line}L${points.at(-1).split(" ")[0]} 40L${points[0].split(" ")[0]} 40Z`);
  $("range").textContent = `Signal to noise of the state after each step: ${number(least)} to ${number(most)} dB.`;
}

function play() {
  clearTimeout(timer);
  if (shown >= frames.length) return settle();
  show(pace === 0 ? frames.length : shown + 1);
  timer = setTimeout(play, pace);
}

function busy(on) {
  $("draw").disabled = on;
  $("cancel").disabled = !on;
}

function reset() {
  source?.close();
  clearTimeout(timer);
  [source, frames, drawing] = [null, [], null];
  $("downloads").hidden = true;
  $("step").disabled = true;
  $("step").max = model.steps;
  show(0);
}

function follow(entered) {
  reset();
  drawing = entered;
  history.replaceState(null, "", `#${drawing.id}`);
  busy(true);
  say("Drawing…");
  source = new EventSource(`/drawings/${drawing.id}/events`);
  source.addEventListener("waiting", () => say("Waiting for its turn…"));
  source.addEventListener("step", e => {
    const frame = JSON.parse(e.data);
    if (frame.step === 1) say("Drawing…");
    // A stream that was broken may repeat itself.
    frames[frame.step - 1] = frame;
    if (shown === frame.step - 1) play();
  });
  source.addEventListener("end", e => {
    source.close();
    source = null;
    drawing.state = JSON.parse(e.data).state;
    if (shown >= frames.length) settle();
  });
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return say("The connection was lost. Trying again…");
    busy(false);
    say("This drawing is gone: the gallery was started anew. Draw it again.", true);
  };
}

// The last frame is shown and the server has said how it ended.
function settle() {
  if (!drawing || drawing.settled || !["done", "cancelled", "failed"].includes(drawing.state)) return;
  drawing.settled = true;
  busy(false);
  $("step").disabled = frames.length === 0;
  $("step").max = Math.max(1, frames.length);
  $("step").value = shown;
  if (drawing.state === "failed") return say("The drawing failed; the gallery’s window says why.", true);
  if (drawing.state === "cancelled") return say(`Cancelled after ${frames.length} of ${model.steps} steps.`);
  const small = frames.reduce((sum, f) => sum + f.quantizedMs, 0), large = frames.reduce((sum, f) => sum + (f.float32Ms ?? 0), 0);
  say(`Done: ${number(small, 0)} ms quantized${large ? `, ${number(large, 0)} ms in FP32` : ""}.`);
  for (const [link, precision] of [["download-quantized", "quantized"], ["download-float32", "fp32"]]) {
    $(link).href = `/drawings/${drawing.id}/${precision}.png`;
    $(link).setAttribute("download", "");
  }
  $("downloads").hidden = false;
  hang(drawing, frames);
}

function hang(finished, itsFrames) {
  if ([...document.querySelectorAll("#wall button")].some(b => b.dataset.id === finished.id)) return;
  const item = document.createElement("li"), button = document.createElement("button"), image = document.createElement("img"), text = document.createElement("span");
  image.src = `data:image/png;base64,${itsFrames.at(-1).quantized}`;
  image.alt = "";
  text.textContent = [finished.prompt, `seed ${finished.seed}`].filter(Boolean).join(", ");
  button.dataset.id = finished.id;
  button.append(image, text);
  button.addEventListener("click", () => {
    if (source) return say("Let the drawing finish, or cancel it, first.", true);
    reset();
    [drawing, frames] = [finished, itsFrames];
    history.replaceState(null, "", `#${finished.id}`);
    drawing.settled = false;
    $("step").max = frames.length;
    show(frames.length);
    settle();
  });
  item.append(button);
  const list = $("wall").querySelector("ul");
  list.prepend(item);
  while (list.children.length > wallMost) list.lastChild.remove();
  $("wall").hidden = false;
}

async function draw() {
  busy(true);
  say("Asking…");
  try {
    const guided = !$("guidance-field").hidden;
    const response = await fetch("/drawings", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: $("prompt").value, seed: $("seed").valueAsNumber, guidance: guided ? $("guidance").valueAsNumber : null }),
    });
    if (response.ok) return follow(await response.json());
    say(await problem(response), true);
  } catch {
    say("The gallery does not answer. Is it still running?", true);
  }
  busy(false);
}

function pressExample() {
  for (const chip of $("examples").children) chip.setAttribute("aria-pressed", chip.textContent === $("prompt").value.trim());
}

function showGuidance() {
  $("guidance-value").textContent = number($("guidance").valueAsNumber);
}

async function open() {
  model = await (await fetch("/model")).json();
  $("about").textContent = model.reference
    ? `The same noise twice, step by step: the FP32 network (${number(model.float32Bytes / 1e6)} MB) and the sampler compiled from it (${number(model.bytes / 1e6)} MB).`
    : `From noise to picture with ${number(model.bytes / 1e6)} MB of weights. FP32 is not shown: the gallery was started with --reference false.`;
  $("pictures").classList.toggle("alone", !model.reference);
  for (const id of ["float32", "download-float32"]) $(id).hidden = !model.reference;
  for (const example of model.examples) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = example;
    chip.addEventListener("click", () => { $("prompt").value = example; pressExample(); });
    $("examples").append(chip);
  }
  $("prompt-label").textContent = model.asks === "prompt" ? "Prompt" : "What";
  $("prompt-field").hidden = model.asks === "nothing";
  $("prompt").required = model.asks !== "nothing";
  $("prompt").value = model.examples[0] ?? "";
  $("guidance").min = model.guidanceMinimum;
  $("guidance").max = model.guidanceMaximum;
  $("guidance").value = model.guidance;
  $("guidance-field").hidden = model.guidanceMinimum === model.guidanceMaximum;
  showGuidance();
  pressExample();
  reset();

  $("ask").addEventListener("submit", e => { e.preventDefault(); draw(); });
  $("cancel").addEventListener("click", () => {
    if (source) return fetch(`/drawings/${drawing.id}`, { method: "DELETE" });
    // The server was quicker; what is left is only to be shown.
    show(frames.length);
    play();
  });
  $("dice").addEventListener("click", () => { $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0]; });
  $("prompt").addEventListener("input", pressExample);
  $("guidance").addEventListener("input", showGuidance);
  $("step").addEventListener("input", () => { clearTimeout(timer); show($("step").valueAsNumber); });

  // A page that was loaded again goes on with its drawing.
  if (location.hash.length > 1) {
    const response = await fetch(`/drawings/${encodeURIComponent(location.hash.slice(1))}`);
    if (!response.ok) return history.replaceState(null, "", location.pathname);
    const kept = await response.json();
    $("prompt").value = kept.prompt;
    $("seed").value = kept.seed;
    if (kept.guidance !== null) $("guidance").value = kept.guidance;
    showGuidance();
    pressExample();
    follow(kept);
  }
}

open().catch(() => say("The gallery does not answer. Is it still running?", true));
