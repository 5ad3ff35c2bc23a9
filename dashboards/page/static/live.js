// Follows running sweeps: how far they are every few seconds, all else when there is something new.
const SOON = 3000;
const LATER = 15000; // after a request that failed
let drawn = "";

async function follow() {
  let next = SOON;
  try {
    const answer = await fetch(`${content.live}/progress${location.search}`, { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json()).problem ?? answer.statusText);
    const said = await answer.json();
    const text = JSON.stringify(said.sweeps);
    if (text !== drawn) drawSweeps(said.sweeps); // what is the same stays, with what is open and marked in it
    drawn = text;
    if (said.version !== content.version) await refetch();
    fill(byId("problem"));
  } catch (error) {
    next = LATER;
    fill(byId("problem"), make("p", { class: "alert", role: "status" }, `No news: ${error.message.replace(/\.$/, "")}. The page shows what it had; it asks again.`));
  }
  setTimeout(follow, next);
}

async function refetch() {
  const answer = await fetch(`${content.live}/content${location.search}`, { cache: "no-store" });
  if (!answer.ok) throw new Error((await answer.json()).problem ?? answer.statusText);
  show(await answer.json());
}
