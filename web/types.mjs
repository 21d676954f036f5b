// Prints the types of what the box answers, made from share/ui/openapi.json. What the document does not require is optional, so that the
// page can't take it for granted.
// usage: node types.mjs [FILE] > src/api/types.ts     FILE: by default share/ui/openapi.json of the tree
import { readFileSync } from 'node:fs';

const { schemas } = JSON.parse(readFileSync(process.argv[2] ?? new URL('../share/ui/openapi.json', import.meta.url), 'utf8')).components;
const plain = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' };

function referred(ref) {
  const [name, ...inside] = ref.replace('#/components/schemas/', '').split('/');
  return inside.length === 0 ? name : `${name}['${inside.at(-1)}']`;
}

function members(of, indent) {
  const required = new Set(of.required ?? []);
  const lines = Object.entries(of.properties).map(([name, schema]) => `${indent}  ${name}${required.has(name) ? '' : '?'}: ${typeOf(schema, `${indent}  `)};`);
  if (of.additionalProperties === true) lines.push(`${indent}  [other: string]: unknown;`);
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function typeOf(schema, indent) {
  if (schema.$ref) return referred(schema.$ref);
  if (schema.oneOf) return schema.oneOf.map((one) => typeOf(one, indent)).join(' | ');
  if (schema.enum) return schema.enum.map((one) => `'${one}'`).join(' | ');
  if (schema.properties) return members(schema, indent);
  const types = [schema.type ?? []].flat();
  if (types.includes('array')) {
    const item = typeOf(schema.items, indent);
    return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
  }
  if (types.includes('object')) return 'Record<string, unknown>';
  return types.length === 0 ? 'unknown' : types.map((one) => plain[one]).join(' | ');
}

const out = ['// Made by web/types.mjs from share/ui/openapi.json.'];
for (const [name, schema] of Object.entries(schemas)) {
  const text = typeOf(schema, '');
  out.push(text.startsWith('{') ? `export interface ${name} ${text}` : `export type ${name} = ${text};`);
}
console.log(out.join('\n\n'));
