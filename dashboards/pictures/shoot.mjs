// Serves what vite built and takes a picture of each dashboard: node shoot.mjs BUILT DASHBOARDS PROMETHEUS OUT NAME...
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

const [built, dashboards, prometheus, out, ...names] = process.argv.slice(2);
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json' };
const WIDTH_PX = 1600;
// Tables below the edge of the window would stay empty.
const HEIGHT_PX = 4000;
const READY_MS = 120_000;

const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, 'http://x').pathname);
  const file = [join(built, path === '/' ? 'index.html' : path), join(dashboards, path)].find((file) => existsSync(file));
  response.writeHead(file ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/html' });
  response.end(file ? readFileSync(file) : '');
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

const browser = await chromium.launch({
  executablePath: process.env.SUAR_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let broken = 0;
for (const name of names) {
  const page = await browser.newPage({ viewport: { width: WIDTH_PX + 24, height: HEIGHT_PX }, timezoneId: 'Asia/Jakarta' });
  page.on('pageerror', (error) => console.log(`${name}: ${error.message}`));
  const query = new URLSearchParams({ dashboard: name, prometheus, width: WIDTH_PX, site: process.env.SUAR_SITE ?? '' });
  await page.goto(`http://127.0.0.1:${server.address().port}/?${query}`);
  await page.waitForFunction(() => document.title !== 'loading', null, { timeout: READY_MS });
  const title = await page.title();
  const panels = await page.$$eval('[data-broken]', (found) => found.map((one) => one.textContent));
  if (title !== 'ready' || panels.length) {
    broken += 1;
    console.log(`${name}: ${title}\n${panels.join('\n')}`);
  }
  const file = join(out, `${name.replace('/', '-')}.png`);
  const bottom = await page.$eval('#root', (root) => Math.ceil(root.getBoundingClientRect().bottom) + 16);
  await page.screenshot({ path: file, clip: { x: 0, y: 0, width: WIDTH_PX + 24, height: bottom } });
  console.log(file);
  await page.close();
}
await browser.close();
server.close();
process.exit(broken ? 1 : 0);
