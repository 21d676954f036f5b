// Markdown of a model as elements of the page. There is no string of HTML on the way: raw HTML in an answer is shown as text,
// links lead to http, https and mailto only, and pictures of other machines are links, so that reading an answer asks nobody.
import type { Definition, Nodes } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmStrikethroughFromMarkdown } from 'mdast-util-gfm-strikethrough';
import { gfmTableFromMarkdown } from 'mdast-util-gfm-table';
import { gfmStrikethrough } from 'micromark-extension-gfm-strikethrough';
import { gfmTable } from 'micromark-extension-gfm-table';
import { h, type ComponentChildren, type VNode } from 'preact';
import { useMemo } from 'preact/hooks';

// Beyond these an answer is shown as it is, for parsing it would hold the page: the longest text, the longest one that still grows
// and is parsed again with each piece, and quotes or lists within one another on a single line, which cost their number squared.
const longest = 60_000;
const longestGrowing = 12_000;
const nested = /^[ \t]*(?:(?:>[ \t]?|[-*+][ \t]+|\d{1,9}[.)][ \t]+)){40}/m;
const deepest = 40;
// A formula in TeX, whose backslashes Markdown would take away.
const formula = /\\[([]|\$\$|\\begin\{/;

/** What the elements of an answer need of the whole of it. */
interface Answer {
  text: string;
  addresses: Map<string, string>; // by the names of its definitions
  named: Set<string>; // those that a link of it refers to
}

function parse(text: string): [Nodes, Answer] {
  const root = fromMarkdown(text, {
    extensions: [gfmTable(), gfmStrikethrough()],
    mdastExtensions: [gfmTableFromMarkdown(), gfmStrikethroughFromMarkdown()],
  });
  const answer: Answer = { text, addresses: new Map(), named: new Set() };
  const look = (node: Nodes) => {
    if (node.type === 'definition' && !answer.addresses.has(node.identifier)) answer.addresses.set(node.identifier, node.url);
    if (node.type === 'linkReference' || node.type === 'imageReference') answer.named.add(node.identifier);
    if ('children' in node) node.children.forEach(look);
  };
  look(root);
  return [root, answer];
}

function safeAddress(address: string): string | null {
  try {
    const url = new URL(address);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null; // relative addresses mean nothing in an answer
  }
}

function link(address: string, inside: ComponentChildren): ComponentChildren {
  const safe = safeAddress(address);
  if (safe == null) return <span>{inside}</span>;
  return <a href={safe} rel="noopener noreferrer nofollow" target="_blank" title={safe}>{inside}</a>;
}

function children(of: { children: Nodes[] }, answer: Answer, depth: number): ComponentChildren {
  return of.children.map((child) => element(child, answer, depth + 1));
}

function textOf(node: Nodes & { value: string }, answer: Answer): string {
  const written = answer.text.slice(node.position?.start.offset, node.position?.end.offset);
  return formula.test(written) ? written : node.value;
}

/** A list of sources that nothing refers to is there to be read. */
function source(of: Definition, answer: Answer): ComponentChildren {
  return answer.named.has(of.identifier) ? null : <p>[{of.label ?? of.identifier}]: {link(of.url, of.url)}</p>;
}

function element(node: Nodes, answer: Answer, depth: number): ComponentChildren {
  if (depth > deepest) return '…';
  switch (node.type) {
    case 'text': return textOf(node, answer);
    case 'html': return <span class="as-written">{node.value}</span>;
    case 'paragraph': return <p>{children(node, answer, depth)}</p>;
    // The page's own headings are h1 and h2.
    case 'heading': return h(`h${Math.min(6, node.depth + 2)}`, null, children(node, answer, depth));
    case 'emphasis': return <em>{children(node, answer, depth)}</em>;
    case 'strong': return <strong>{children(node, answer, depth)}</strong>;
    case 'delete': return <del>{children(node, answer, depth)}</del>;
    case 'inlineCode': return <code>{node.value}</code>;
    case 'code': return <pre tabIndex={0}><code>{node.value}</code></pre>;
    case 'blockquote': return <blockquote>{children(node, answer, depth)}</blockquote>;
    case 'list': return node.ordered ? <ol start={node.start ?? 1}>{children(node, answer, depth)}</ol> : <ul>{children(node, answer, depth)}</ul>;
    case 'listItem': return <li>{children(node, answer, depth)}</li>;
    case 'thematicBreak': return <hr />;
    case 'break': return <br />;
    case 'link': return link(node.url, children(node, answer, depth));
    case 'image': return link(node.url, node.alt || node.url);
    case 'linkReference': return link(answer.addresses.get(node.identifier) ?? '', children(node, answer, depth));
    case 'imageReference': return link(answer.addresses.get(node.identifier) ?? '', node.alt || node.identifier);
    case 'table': return table(node.children, answer, depth);
    case 'definition': return source(node, answer);
    default: return 'children' in node ? children(node, answer, depth) : 'value' in node ? node.value : null;
  }
}

function table(rows: Extract<Nodes, { type: 'table' }>['children'], answer: Answer, depth: number): VNode {
  const [head, ...body] = rows;
  return (
    <div class="table-frame" tabIndex={0}>
      <table>
        <thead><tr>{head?.children.map((cell) => <th scope="col">{children(cell, answer, depth)}</th>)}</tr></thead>
        <tbody>{body.map((row) => <tr>{row.children.map((cell) => <td>{children(cell, answer, depth)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

export function Markdown(props: { text: string; grows: boolean }) {
  const most = props.grows ? longestGrowing : longest;
  const parsed = useMemo(() => (props.text.length > most || nested.test(props.text) ? null : parse(props.text)), [props.text, most]);
  if (parsed == null) return <div class="markdown plain">{props.text}</div>;
  const [root, answer] = parsed;
  return <div class="markdown">{element(root, answer, 0)}</div>;
}
