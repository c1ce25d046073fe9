// How a page looks, with every part open: how far it is too wide, and the least contrast of a text with what is behind it.
document.querySelectorAll("details").forEach((part) => { part.removeAttribute("name"); part.open = true; });

const colour = (text) => text.match(/[\d.]+/g).map(Number);
const channel = (value) => {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};
const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const back = colour(getComputedStyle(at).backgroundColor);
    if (back.length === 3 || back[3] > 0) return back;
  }
  return [255, 255, 255];
};

let contrast = [21, ""];
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()).join("");
  if (text === "" || element.getClientRects().length === 0) continue;
  const [front, back] = [luminance(colour(getComputedStyle(element).color)), luminance(behind(element))];
  const here = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  if (here < contrast[0]) contrast = [here, text.slice(0, 40)];
}
return { overflow: document.documentElement.scrollWidth - window.innerWidth, contrast };
