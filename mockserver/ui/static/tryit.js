"use strict";
// Asks the endpoint and shows the answer as it comes. Text is only ever set as text.
(() => {
  const root = document.getElementById("try");
  if (!root) return;
  const at = (id) => document.getElementById(id);
  const { mode, url, code } = root.dataset;
  const talk = at("answer");
  let messages = [];
  let running = null;

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const said = (who, text) => {
    const turn = element("div", `turn ${who}`);
    turn.append(element("span", "speaker", who === "user" ? "You" : who === "error" ? "Refused" : "Model"));
    const words = element("p", "words", text);
    turn.append(words);
    talk.append(turn);
    return words;
  };
  const number = (id) => {
    const text = at(id).value.trim();
    return text === "" ? undefined : Number.isNaN(Number(text)) ? text : Number(text);
  };

  const asked = () => {
    const text = at("prompt").value;
    if (mode === "json") return text;
    if (mode === "embeddings") return { input: text.split("\n").filter((line) => line.trim()) };
    const body = mode === "chat" ? { messages: [...messages, { role: "user", content: text }] } : { prompt: text };
    const options = { max_tokens: number("max-tokens"), temperature: number("temperature") };
    for (const [name, value] of Object.entries(options)) if (value !== undefined) body[name] = value;
    if (at("stream").checked) body.stream = true;
    return body;
  };

  const piece = (event) => {
    const choice = event.choices?.[0];
    const content = choice?.delta?.content ?? choice?.message?.content ?? choice?.text ?? "";
    return typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
  };

  const streamed = async (response, words) => {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let raw = "";
    let answer = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      raw += value;
      rest += value;
      const frames = rest.split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const data = frame.split("\n").find((line) => line.startsWith("data: "))?.slice(6);
        if (data && data !== "[DONE]") answer += piece(JSON.parse(data));
      }
      words.textContent = answer;
      at("raw-reply").textContent = raw;
    }
    return answer;
  };

  const cosine = (a, b) => {
    let dot = 0, left = 0, right = 0;
    for (let i = 0; i < a.length; i++) { dot += a[i] * b[i]; left += a[i] * a[i]; right += b[i] * b[i]; }
    return dot / Math.sqrt(left * right);
  };
  const similarity = (texts, data) => {
    const table = element("table", "similarity");
    table.append(element("caption", "quiet", `Cosine similarity; ${data[0].embedding.length} dimensions`));
    const head = element("tr");
    head.append(element("td"));
    texts.forEach((_, i) => { const cell = element("th", "", String(i + 1)); cell.scope = "col"; head.append(cell); });
    table.append(head);
    data.forEach((row, i) => {
      const line = element("tr");
      const title = element("th", "", `${i + 1}. ${texts[i]}`);
      title.scope = "row";
      line.append(title);
      data.forEach((column) => {
        const value = cosine(row.embedding, column.embedding);
        line.append(element("td", `heat-${Math.max(0, Math.min(9, Math.floor(value * 10)))}`, value.toFixed(3)));
      });
      table.append(line);
    });
    return table;
  };

  const shown = (body, reply) => {
    if (mode === "embeddings" && reply.data) talk.replaceChildren(similarity(body.input, reply.data));
    else if (mode === "json") said("model", JSON.stringify(reply, null, 2)).classList.add("mono");
    else said("model", piece(reply));
    return mode === "chat" ? piece(reply) : "";
  };

  const refresh = async (text) => {
    const response = await fetch(code, { method: "POST", body: text, headers: { "Content-Type": "application/json" } });
    const template = document.createElement("template");
    template.innerHTML = await response.text();
    const open = document.querySelector("#snippets details[open] summary")?.textContent;
    for (const each of template.content.querySelectorAll("details")) {
      each.open = each.querySelector("summary").textContent === open;
    }
    at("snippets").replaceWith(template.content.querySelector("#snippets"));
  };

  const send = async () => {
    const body = asked();
    const text = typeof body === "string" ? body : JSON.stringify(body);
    at("raw-request").textContent = typeof body === "string" ? body : JSON.stringify(body, null, 2);
    at("raw-reply").textContent = "";
    if (mode === "chat") said("user", at("prompt").value);
    else talk.replaceChildren();
    running = new AbortController();
    at("send").disabled = true;
    at("halt").hidden = false;
    at("status").textContent = "Asking…";
    const started = performance.now();
    try {
      refresh(text);
      const response = await fetch(url, {
        method: "POST", body: text, headers: { "Content-Type": "application/json" }, signal: running.signal,
      });
      let answer;
      if (response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        answer = await streamed(response, said("model", ""));
      } else {
        const raw = await response.text();
        at("raw-reply").textContent = pretty(raw);
        answer = response.ok ? shown(body, JSON.parse(raw)) : refused(raw);
      }
      at("status").textContent = `${response.status} after ${Math.round(performance.now() - started)} ms`;
      if (mode === "chat" && response.ok) {
        messages = [...body.messages, { role: "assistant", content: answer }];
        at("prompt").value = "";
      }
    } catch (problem) {
      at("status").textContent = problem.name === "AbortError" ? "Halted" : "The connection was lost";
    } finally {
      at("send").disabled = false;
      at("halt").hidden = true;
      at("prompt").focus();
    }
  };
  const pretty = (raw) => {
    try { return JSON.stringify(JSON.parse(raw), null, 2); } catch { return raw; }
  };
  const refused = (raw) => {
    let message = raw;
    try { message = JSON.parse(raw).message ?? raw; } catch { /* not JSON: shown as it is */ }
    said("error", message);
    return "";
  };

  at("ask").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  at("prompt").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); }
  });
  at("halt").addEventListener("click", () => running?.abort());
  at("clear")?.addEventListener("click", () => { messages = []; talk.replaceChildren(); at("prompt").focus(); });
})();
