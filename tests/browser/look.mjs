// Looks at the page of a daemon in headless Chromium; see README.md.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";

const require = createRequire(process.env.NODE_PATH ? process.env.NODE_PATH + "/" : import.meta.url);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [base, shots, briefly] = process.argv.slice(2);
if (!base || !shots) throw new Error("usage: look.mjs URL FOLDER [briefly]");
mkdirSync(shots, { recursive: true });

const wrong = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// One view of a page: what is wrong with it is noted, and a picture taken.
async function look(name, path, options, act) {
  // The page's own policy refuses axe's script as it should; it is looked at with that set aside,
  // and once more as people have it.
  for (const bypassCSP of [false, true]) {
    const context = await browser.newContext({ bypassCSP, ...options });
    const page = await context.newPage();
    const note = words => wrong.push(`${name}: ${words}`);
    page.on("console", line => { if (line.type() === "error") note(`console: ${line.text()}`); });
    page.on("pageerror", error => note(`error: ${error.message}`));
    page.on("request", request => {
      const url = request.url();
      if (!url.startsWith(base) && !url.startsWith("data:")) note(`asks elsewhere: ${url}`);
    });
    if (options.media) await page.emulateMedia({ media: options.media });
    const answer = await page.goto(base + path);
    if (answer.status() !== 200) note(`answers ${answer.status()}`);
    const width = await page.evaluate(() => document.documentElement.scrollWidth).catch(() => 0);
    if (width > options.viewport.width) note(`is ${width} px wide`);
    if (bypassCSP && options.javaScriptEnabled !== false) {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      for (const one of violations) {
        note(`axe ${one.id}: ${one.nodes.map(node => node.target.join(" ")).slice(0, 5).join("; ")}`);
      }
    } else {
      await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
      if (act) await act(page, note);
    }
    await context.close();
  }
}

const wide = { width: 1440, height: 900 }, narrow = { width: 390, height: 844 };
const history = await (await fetch(base + "api/history?n=200")).json();
const runs = [
  ["over", history.find(run => ["succeeded", "failed", "timed_out"].includes(run.state))],
  ["lost", history.find(run => run.job === "lost-answer" && run.state === "succeeded")],
].filter(([, run]) => run);
const pages = [["front", ""], ...runs.map(([name, run]) => [`run-${name}`, `runs/${run.id}`])];
for (const [what, path] of briefly ? pages.slice(0, 2) : pages) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of [["wide", wide], ["narrow", narrow]]) {
      // Of a page that takes long each is seen once: light and wide, dark and narrow.
      if (briefly && (colorScheme === "light") !== (viewport === wide)) continue;
      await look(`${what}-${colorScheme}-${size}`, path, { viewport, colorScheme });
    }
  }
  await look(`${what}-without-script`, path, { viewport: wide, javaScriptEnabled: false });
  // Paper is light, whatever the screen is: A4 at 96 dots an inch.
  const paper = { viewport: { width: 794, height: 1123 }, colorScheme: "dark", media: "print" };
  await look(`${what}-print`, path, { ...paper, javaScriptEnabled: false });
}

// It follows what happens, and keeps the focus and what somebody types.
await look("front-live", "", { viewport: wide }, async (page, note) => {
  const asOf = () => page.textContent("#as-of");
  await page.fill("#q", "some");
  await page.focus("#q");
  const before = await asOf();
  await page.waitForFunction(words => document.getElementById("as-of").textContent !== words,
    before, { timeout: 40000 }).catch(() => note("does not follow"));
  if (await page.inputValue("#q") !== "some") note("loses what is typed");
  if (await page.evaluate(() => document.activeElement.id) !== "q") note("loses the focus");
  const link = await page.textContent("#link");
  if (link !== "Live" && !/problem|well/.test(link)) note(`says "${link}" of its stream`);
});

// By keyboard alone: the first stop leads past the head, and each stop is seen.
await look("front-keyboard", "", { viewport: wide }, async (page, note) => {
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => document.activeElement.className);
  if (skip !== "skip") note(`the first stop is "${skip}"`);
  await page.keyboard.press("Enter");
  const main = await page.evaluate(() => document.activeElement.id);
  if (main !== "main") note(`the skip link leads to "${main}"`);
  for (let stop = 0; stop < 8; stop++) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return document.activeElement === document.body || style.outlineStyle !== "none";
    });
    if (!seen) note(`stop ${stop} is not seen`);
  }
});

await browser.close();
for (const words of [...new Set(wrong)]) console.error(words);
console.log(wrong.length === 0 ? "nothing is wrong" : `${wrong.length} things are wrong`);
process.exit(wrong.length === 0 ? 0 : 1);
