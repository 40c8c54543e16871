// The dialog in which operators say why, and in which the server says why not.
import { $ } from "./dom.js";

/** Whether there are buttons for operators at all: the server refuses others anyway. */
export const operator = "operator" in document.body.dataset;

let act = null;

/** `fields`: elements asked beside the reason. `send(reason)` does it; what it throws is shown, and the dialog stays. */
export function ask({ title, text = "", verb, danger = false, required = false, fields = [], send }) {
  act = send;
  $("action-title").textContent = title;
  $("action-text").textContent = text;
  $("action-fields").replaceChildren(...fields);
  $("action-go").textContent = verb;
  $("action-go").className = danger ? "danger" : "strong";
  $("action-go").disabled = false;
  $("action-reason").value = "";
  $("action-reason").required = required;
  trouble("");
  $("action").showModal();
  ($("action-fields").querySelector("input, select") ?? $("action-reason")).focus();
}

function trouble(text) {
  $("action-trouble").hidden = !text;
  $("action-trouble").textContent = text;
}

async function submitted(event) {
  event.preventDefault();
  $("action-go").disabled = true;
  try {
    await act($("action-reason").value.trim());
    $("action").close();
  } catch (error) {
    trouble(`Not done: ${error.message}`);
  }
  $("action-go").disabled = false;
}

if (operator) {
  $("action").querySelector("form").onsubmit = submitted;
  $("action-cancel").onclick = () => $("action").close();
}
