import { createHash } from 'node:crypto';

/** What runs here, for programs. */
export interface Home {
  name: string;
  version: string;
  description: string;
  /** Paths on this server, and pages elsewhere, by what they are. */
  links: Record<string, string>;
}

const STYLE = `
body { margin: 12vh auto; max-width: 36rem; padding: 0 1.5rem; font: 1rem/1.6 system-ui, sans-serif; color: #1c2330; background: #fff; }
h1 { margin: 0; font-size: 1.8rem; } small { color: #667; font-weight: normal; }
ul { padding: 0; list-style: none; } li { margin: .6rem 0; } a { color: #0b57d0; } code { color: #667; }
@media (prefers-color-scheme: dark) { body { color: #e4e7ee; background: #14171d; } a { color: #8ab4f8; } small, code { color: #9aa3b2; } }
`;

/** Nothing but the page's own style: no script, no picture, no other host. */
export const HOME_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

/** What runs here, for a person with a browser. */
export const homePage = ({ version, description, links }: Home) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Throughline</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Throughline <small>${version}</small></h1>
<p>${description}</p>
<ul>
${Object.entries(links)
  .map(([name, path]) => `<li><a href="${path}">${TITLES[name] ?? name}</a> <code>${path}</code></li>`)
  .join('\n')}
</ul>
</body>
</html>
`;

const TITLES: Record<string, string> = {
  reference: 'API reference',
  openapi: 'OpenAPI document',
  health: 'Health',
};
