// From an empty box to a model that answers and is removed again, with nothing but keys. What it met goes to the standard output as JSON.
// usage: node keyboard.mjs TOOLS BROWSER URL MODEL     TOOLS: the folder that tests/web/install has filled; BROWSER: chrome or firefox
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [tools, kind, url, model] = process.argv.slice(2);
const puppeteer = createRequire(join(tools, 'package.json'))('puppeteer-core');
const programs = { chrome: '/usr/bin/chromium', firefox: '/usr/bin/firefox-esr' };
const patience = 60_000; // milliseconds
const farthest = 150; // elements of a page
const met = { browser: '', faults: [], unseen: [], keys: 0, seconds: 0, answer: '', removed: false };

const browser = await puppeteer.launch({ browser: kind, executablePath: programs[kind], headless: true, args: kind === 'chrome' ? ['--no-sandbox'] : [] });
try {
  met.browser = await browser.version();
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', (error) => met.faults.push(`exception: ${error.message}`));
  const until = (look, ...args) => page.waitForFunction(look, { timeout: patience, polling: 100 }, ...args);
  const press = (key) => { met.keys += 1; return page.keyboard.press(key); };
  const type = (text) => { met.keys += text.length; return page.keyboard.type(text); };
  /** Goes on, or back, with the tab key until what it stands on is called that; a person must see where. Behind the last element of a
   page is the browser's own frame, from which no driver comes back. */
  const reach = async (name, back = false) => {
    for (let i = 0; i < farthest; ++i) {
      if (back) await page.keyboard.down('Shift');
      await press('Tab');
      if (back) await page.keyboard.up('Shift');
      const here = await page.evaluate(() => {
        const at = document.activeElement;
        const frame = at.closest('.composer') ?? at;
        return { name: at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent, box: at.getBoundingClientRect().width > 0, bare: at === document.body, 
          ring: [at, frame].some((one) => getComputedStyle(one).outlineStyle !== 'none') };
      });
      if (!here.bare && !(here.box && here.ring)) met.unseen.push(here.name.slice(0, 40));
      if (here.name.trim() === name) return;
    }
    throw new Error(`${name} is not reached`);
  };
  /** By a link, which moves the focus to where the new page begins; a tab key before that would go on from the old one. */
  const go = async (link, name, back = true) => {
    await reach(link, back);
    await press('Enter');
    await until((of) => document.activeElement.id === 'main' && location.hash === `#/${of}`, name);
  };
  const shows = (text) => until((words) => document.body.innerText.includes(words), text);

  await page.goto(url);
  await shows('This box has no models yet.');
  const begun = Date.now();
  await go('Add a model', 'models', false);
  await until((name) => document.querySelector(`[aria-label="Get ${name}"]`), model);
  await reach('Search the catalogue');
  await type(model);
  await reach(`Get ${model}`);
  await press('Enter');
  await shows(`${model} is installed.`);
  await go('Chat', 'chat');
  await until(() => document.querySelector('#message'));
  await reach('Message');
  await type('Hello');
  await press('Enter');
  await until(() => document.querySelector('article.assistant .figures'));
  met.answer = await page.evaluate(() => document.querySelector('article.assistant .markdown').textContent);
  met.seconds = (Date.now() - begun) / 1000;
  await go('Models', 'models');
  await reach(`Remove ${model}`);
  await press('Enter');
  await until(() => document.querySelector('dialog[open] .danger:enabled'));
  await reach('Remove');
  await press('Enter');
  await until((name) => document.querySelector(`[aria-label="Get ${name}"]`), model);
  met.removed = true;
} catch (error) {
  met.faults.push(`the way ended: ${error.message}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify(met));
