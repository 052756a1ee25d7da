/** Which line of a YAML text set which key: `limits.per_user` → 41. For the admin page, and for what only the whole file shows. */
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

export function linesOf(text: string): ReadonlyMap<string, number> {
  const counter = new LineCounter();
  const found = new Map<string, number>();
  const walk = (node: unknown, where: string): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key) || !key.range) continue;
        const name = `${where === '' ? '' : `${where}.`}${key.value}`;
        found.set(name, counter.linePos(key.range[0]).line);
        walk(value, name);
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        const name = `${where}[${index}]`;
        const start = isNode(item) ? item.range?.[0] : undefined;
        if (start !== undefined) found.set(name, counter.linePos(start).line);
        walk(item, name);
      }
    }
  };
  walk(parseDocument(text, { lineCounter: counter }).contents, '');
  return found;
}
