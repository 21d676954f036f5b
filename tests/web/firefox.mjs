// The core path of the page in Firefox: log-in, each page wide and on a phone, a chat streamed. What it met goes to the standard
// output as JSON; pictures go to a folder.
// usage: node firefox.mjs TOOLS URL KEY PICTURES     TOOLS: the folder that tests/web/install has filled
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [tools, url, key, pictures] = process.argv.slice(2);
const puppeteer = createRequire(join(tools, 'package.json'))('puppeteer-core');
const pages = ['overview', 'requests', 'models', 'logs', 'incidents', 'health', 'keys', 'settings', 'chat'];
const sizes = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const patience = 90_000; // milliseconds; a busy machine takes more than 30 s to start Firefox
const met = { browser: '', faults: [], pages: [], too_wide: [], answer: '', stopped: '', pieces: 0, edited: '', found: 0 };

const browser = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true });
try {
  met.browser = await browser.version();
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', (error) => met.faults.push(`exception: ${error.message}`));
  // Before the log-in the box refuses the session, which a browser calls an error.
  page.on('console', (line) => { if (line.type() === 'error') met.faults.push(`console: ${line.text()}`); });
  page.on('request', (asked) => { if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(asked.url())) met.faults.push(`asked ${asked.url()}`); });
  const send = async (text) => {
    await page.locator('#message').fill(text);
    await page.locator('.composer button.primary').click();
  };
  const last = (selector) => page.evaluate((of) => [...document.querySelectorAll(of)].at(-1)?.textContent ?? '', selector);
  const until = (look, ...args) => page.waitForFunction(look, { timeout: patience, polling: 'raf' }, ...args);

  await page.setViewport(sizes.wide);
  await page.goto(url);
  await page.locator('input[type=password]').fill(key);
  await page.locator('form button.primary').click();
  await page.locator('.connection[data-state=live]').wait();
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewport(viewport);
    for (const name of pages) {
      await page.evaluate((to) => { location.hash = `#/${to}`; }, name);
      await until((to) => document.querySelector('nav [aria-current=page]')?.getAttribute('href') === `#/${to}`, name);
      await until(() => !document.body.textContent.includes('Loading …'));
      if (name === 'incidents') {
        await page.locator('main button.link').click();
        await page.locator('.timeline li').wait();
      }
      if (name === 'chat' && size === 'wide') {
        await send('[[text=**hello** there]]');
        await page.locator('article.assistant .figures').wait();
        met.answer = await last('article.assistant strong');
        await send('[[n=2000]]');
        await until(() => [...document.querySelectorAll('article.assistant')].at(-1).textContent.includes('three'));
        met.pieces = (await last('article.assistant')).length;
        // By no place on the page: what has just come may still be drawn where the pointer would go.
        await page.evaluate(() => document.querySelector('.composer button.danger').click());
        await until(() => [...document.querySelectorAll('article.assistant')].at(-1).textContent.includes('Stopped.'));
        met.stopped = 'yes';
        // By the keyboard alone: the first question asked otherwise, which takes back what came behind it.
        await page.evaluate(() => [...document.querySelectorAll('article.user button')].at(0).focus());
        await page.keyboard.press('Enter');
        await until(() => document.activeElement.matches('article.user textarea'));
        await page.keyboard.down('Control');
        await page.keyboard.press('a');
        await page.keyboard.up('Control');
        await page.keyboard.type('[[text=again]]');
        for (let i = 0; i < 5 && !(await page.evaluate(() => document.activeElement.textContent === 'Ask again')); ++i) await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await until(() => document.querySelectorAll('article').length === 2 && document.querySelector('article.assistant .figures'));
        met.edited = await last('article.assistant p');
        await page.reload();
        await until(() => document.querySelectorAll('article.assistant').length === 1);
      }
      if (name === 'models' && size === 'wide') {
        await page.locator('input[type=search]').fill('qwen3:4b');
        await until(() => document.querySelectorAll('.catalogue tbody tr').length === 1);
        met.found = 1;
      }
      met.pages.push(`${name} ${size}`);
      await page.screenshot({ path: join(pictures, `${name}-firefox-${size}.png`) });
      if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) met.too_wide.push(`${name} ${size}`);
    }
  }
} catch (error) {
  met.faults.push(`the way ended behind ${met.pages.at(-1) ?? 'nothing'}: ${error.message}`);
} finally {
  await browser.close();
}
console.log(JSON.stringify(met));
