// Uses the API as any client does: sign in with a password, find the course, ask for an export.
"use strict";

const found = (id) => document.getElementById(id);
let course = null;

async function call(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const answer = await fetch(`/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

async function show() {
  const person = await call("GET", "/members/current");
  if (!person) return;
  course = (await call("GET", "/items/accessible")).data[0] ?? null;
  found("who").textContent = person.name;
  found("course").textContent = course?.name ?? "";
  found("exports").hidden = !course;
  const owns = course?.permission === "admin";
  for (const button of document.querySelectorAll('[data-for="admin"]')) button.hidden = !owns;
  found("limited").hidden = owns;
  found("try").hidden = false;
}

async function signIn(button) {
  const { email, password } = button.dataset;
  await call("POST", "/login-password", { email, password, captcha: "development" });
  found("answer").textContent = "";
  await show();
}

async function ask(button) {
  await call("POST", `/items/${course.id}/${button.dataset.ask}`);
  found("answer").textContent = `${button.textContent}: asked for. Follow it under Jobs; its mail arrives in the mailbox.`;
}

document.addEventListener("click", async ({ target }) => {
  const act = target.dataset.email ? signIn : target.dataset.ask ? ask : null;
  if (!act) return;
  try {
    await act(target);
  } catch (error) {
    found("try").hidden = false;
    found("answer").textContent = error.message;
  }
});

show().catch(() => {});
