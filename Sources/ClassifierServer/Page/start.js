// Starts the page, and says why if that fails. This script is no module, because a proxy may make the service refuse
// modules, which browsers request with the page's address.

import("./page.js").catch(async (error) => {
  const status = document.getElementById("status");
  status.dataset.state = "failed";
  let reason = error.message;
  try {
    // A POST carries the page's address, too, and its answer can be read.
    const reply = await fetch("healthz", { method: "POST" });
    if (reply.status === 403) reason = `the service refuses it: ${(await reply.json()).message}`;
  } catch { /* The first reason stays. */ }
  status.textContent = `The page cannot start: ${reason}.`;
});
