import { errorCodes } from '../../common/errors';

/** Everything from here, nothing inline: also where there is no internet, and under a strict policy. */
export const REFERENCE_POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

/** What the page loads beside the viewer's own files. */
export const REFERENCE_SCRIPT = `SwaggerUIBundle({
  url: 'docs-json',
  dom_id: '#operations',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  // A key stays in the page, and is gone with it.
  persistAuthorization: false,
  // Its badge would send the address of the document to somebody else's server.
  validatorUrl: 'none',
});
`;

export const REFERENCE_STYLE = `body { margin: 0; background: #fff; }
.errors { box-sizing: border-box; max-width: 1460px; margin: 0 auto; padding: 0 20px 60px; color: #3b4151; font: 14px/1.5 sans-serif; }
.errors table { width: 100%; border-collapse: collapse; }
.errors th, .errors td { padding: 6px 12px 6px 0; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
.errors code { white-space: nowrap; }
.swagger-ui .markdown pre { overflow: auto; padding: 12px; border-radius: 4px; background: #f5f5f5; }
.swagger-ui .markdown pre code { color: #3b4151; background: none; }
`;

/** The operations, by Swagger UI, and behind them every error code. */
export const referencePage = () => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Throughline API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/reference.css">
</head>
<body>
<div id="operations"></div>
<section class="errors" id="errors">
<h2>Error codes</h2>
<table>
<thead><tr><th>code</th><th>status</th><th>detail</th></tr></thead>
<tbody>
${errorRows().join('\n')}
</tbody>
</table>
</section>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/reference.js"></script>
</body>
</html>
`;

const errorRows = () =>
  [...errorCodes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { status, example }]) => {
      return `<tr><td><code>${code}</code></td><td>${status}</td><td>${escapeHtml(example)}</td></tr>`;
    });

const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
