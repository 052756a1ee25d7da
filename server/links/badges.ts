/** The two badges, from fixed templates: nothing of anybody's is written into them (SECURITY WEB-14). Our own drawing. */

export const BADGES = ['badge.svg', 'badge_logo.svg'] as const;
export type Badge = (typeof BADGES)[number];

/** With these an image that is opened by itself can do nothing. A day in caches: they stand in many READMEs. */
export const BADGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'image/svg+xml; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Cache-Control': 'public, max-age=86400',
  'X-Content-Type-Options': 'nosniff',
};

/** Three nodes, the middle one at work. */
const MARK =
  '<g fill="none" stroke="#fff" stroke-width="1.4"><rect x="6.7" y="4" width="10" height="3.2" rx="1"/>' +
  '<rect x="6.7" y="12.8" width="10" height="3.2" rx="1"/></g><rect x="6" y="7.7" width="11.4" height="4.6" rx="1.2" fill="#f9a03c"/>' +
  '<circle cx="9" cy="10" r="1" fill="#24344d"/>';

function drawing(
  id: string,
  left: { width: number; mark: string; text: string; at: number },
  right: { width: number; text: string },
): string {
  const width = left.width + right.width;
  const title = 'Launch with hpcbinder';
  const middle = left.width + right.width / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" viewBox="0 0 ${width} 20" role="img" aria-labelledby="${id}-t">`,
    `<title id="${id}-t">${title}</title>`,
    `<clipPath id="${id}-c"><rect width="${width}" height="20" rx="3"/></clipPath>`,
    `<g clip-path="url(#${id}-c)"><rect width="${left.width}" height="20" fill="#24344d"/><rect x="${left.width}" width="${right.width}" height="20" fill="#1d6f8c"/></g>`,
    left.mark,
    '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11" text-anchor="middle">',
    `<text x="${left.at}" y="14" textLength="${left.text.length * 6.4}">${left.text}</text>`,
    `<text x="${middle}" y="14" textLength="${right.text.length * 6.4}">${right.text}</text>`,
    '</g></svg>',
  ].join('');
}

const DRAWN: Readonly<Record<Badge, string>> = {
  'badge.svg': drawing('hb-badge', { width: 51, mark: '', text: 'launch', at: 25.5 }, { width: 72, text: 'hpcbinder' }),
  'badge_logo.svg': drawing(
    'hb-logo',
    { width: 70, mark: MARK, text: 'launch', at: 44 },
    { width: 72, text: 'hpcbinder' },
  ),
};

export function badge(kind: Badge): string {
  return DRAWN[kind];
}
