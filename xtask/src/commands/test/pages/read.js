// What a page says: its whole text, also that of closed parts; the commands of each system; its links.
const commands = (part) => [...part.querySelectorAll(".step .commands code")].map((code) => code.textContent);
const parts = [...document.querySelectorAll("details")];
const systems = parts.map((part) => ({ title: part.querySelector("summary").textContent, commands: commands(part) }));
const only = commands(document);
if (parts.length === 0 && only.length > 0) {
  systems.push({ title: document.querySelector("h1").textContent, commands: only });
}
const links = [...document.querySelectorAll("a[href]")].map((link) => [link.getAttribute("href"), link.href]);
return { text: document.documentElement.textContent, systems, links };
