// Writes the page's files into a folder, flat: index.html, the script and the style by their hashes, logo and colours, and a compressed form
// beside each.
// usage: node build.mjs [DIR]     by default share/ui of the tree
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = process.argv[2] ?? join(here, '../share/ui');
const most = 120_000; // bytes, compressed

const made = await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx', page: 'src/style.css' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome109', 'firefox115'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  charset: 'utf8',
  define: { 'process.env.NODE_ENV': '"production"' },
  entryNames: '[name]-[hash]',
  outdir: out,
  write: false,
  metafile: true,
  logLevel: 'warning',
});

const files = new Map(made.outputFiles.map((file) => [basename(file.path), Buffer.from(file.contents)]));
const named = (ending) => [...files.keys()].find((name) => name.endsWith(ending));
const html = readFileSync(join(here, 'src/index.html'), 'utf8').replace('{{css}}', named('.css')).replace('{{js}}', named('.js'));
files.set('index.html', Buffer.from(html));
// The two that a maker may put others in the place of.
for (const name of ['logo.svg', 'brand.css']) files.set(name, readFileSync(join(here, 'src', name)));

/** The packages that are in the script or the style, with their licences, which ask to go along. */
function licences() {
  const roots = Object.keys(made.metafile.inputs).map((input) => /^node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(input)?.[0]);
  return [...new Set(roots.filter((root) => root != null))].sort().map((root) => {
    const about = JSON.parse(readFileSync(join(here, root, 'package.json'), 'utf8'));
    const file = readdirSync(join(here, root)).find((name) => /^licen[cs]e/i.test(name));
    if (file == null) throw new Error(`${root} has no file with its licence: look whether it may go along`);
    return `${about.name} ${about.version} (${about.license})\n\n${readFileSync(join(here, root, file), 'utf8').trim()}\n`;
  }).join(`\n${'-'.repeat(80)}\n\n`);
}
files.set('notices.txt', Buffer.from(licences()));

mkdirSync(out, { recursive: true });
// What earlier builds have left; other files of the folder are not of this build.
for (const old of readdirSync(out).filter((name) => /^(app|page)-\w+\.(js|css)(\.gz)?$/.test(name))) rmSync(join(out, old));
let total = 0;
for (const [name, content] of files) {
  const compressed = gzipSync(content, { level: 9 });
  total += compressed.length;
  writeFileSync(join(out, name), content);
  writeFileSync(join(out, `${name}.gz`), compressed);
}
console.log(`${files.size} files, ${total} bytes compressed`);
if (total > most) {
  console.error(`The page has ${total} bytes compressed, above ${most}: leave something out.`);
  process.exit(1);
}
