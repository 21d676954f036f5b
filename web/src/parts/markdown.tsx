// Markdown of a model as elements of the page. There is no string of HTML on the way: raw HTML in an answer is shown as text,
// links lead to http, https and mailto only, and pictures of other machines are links, so that reading an answer asks nobody.
import type { Nodes, Root } from 'mdast';
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

function parse(text: string): Root {
  return fromMarkdown(text, {
    extensions: [gfmTable(), gfmStrikethrough()],
    mdastExtensions: [gfmTableFromMarkdown(), gfmStrikethroughFromMarkdown()],
  });
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

function children(of: { children: Nodes[] }, depth: number): ComponentChildren {
  return of.children.map((child) => element(child, depth + 1));
}

function element(node: Nodes, depth: number): ComponentChildren {
  if (depth > deepest) return '…';
  switch (node.type) {
    case 'text': return node.value;
    case 'html': return node.value;
    case 'paragraph': return <p>{children(node, depth)}</p>;
    // The page's own headings are h1 and h2.
    case 'heading': return h(`h${Math.min(6, node.depth + 2)}`, null, children(node, depth));
    case 'emphasis': return <em>{children(node, depth)}</em>;
    case 'strong': return <strong>{children(node, depth)}</strong>;
    case 'delete': return <del>{children(node, depth)}</del>;
    case 'inlineCode': return <code>{node.value}</code>;
    case 'code': return <pre tabIndex={0}><code>{node.value}</code></pre>;
    case 'blockquote': return <blockquote>{children(node, depth)}</blockquote>;
    case 'list': return node.ordered ? <ol start={node.start ?? 1}>{children(node, depth)}</ol> : <ul>{children(node, depth)}</ul>;
    case 'listItem': return <li>{children(node, depth)}</li>;
    case 'thematicBreak': return <hr />;
    case 'break': return <br />;
    case 'link': return link(node.url, children(node, depth));
    case 'image': return link(node.url, node.alt || node.url);
    case 'linkReference': return <span>{children(node, depth)}</span>;
    case 'imageReference': return node.alt ?? '';
    case 'table': return table(node.children, depth);
    case 'definition': return null;
    default: return 'children' in node ? children(node, depth) : 'value' in node ? node.value : null;
  }
}

function table(rows: Extract<Nodes, { type: 'table' }>['children'], depth: number): VNode {
  const [head, ...body] = rows;
  return (
    <div class="table-frame" tabIndex={0}>
      <table>
        <thead><tr>{head?.children.map((cell) => <th scope="col">{children(cell, depth)}</th>)}</tr></thead>
        <tbody>{body.map((row) => <tr>{row.children.map((cell) => <td>{children(cell, depth)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

export function Markdown(props: { text: string; grows: boolean }) {
  const most = props.grows ? longestGrowing : longest;
  const tree = useMemo(() => (props.text.length > most || nested.test(props.text) ? null : parse(props.text)), [props.text, most]);
  if (tree == null) return <div class="markdown plain">{props.text}</div>;
  return <div class="markdown">{children(tree, 0)}</div>;
}
