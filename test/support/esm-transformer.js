const { readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { createHash } = require('node:crypto');
const swc = require('@swc/core');

const packageTypes = new Map();

/** The `"type"` of the nearest package.json, which decides what a plain `.js` file is. */
function packageType(folder) {
  if (!packageTypes.has(folder)) packageTypes.set(folder, readType(folder) ?? packageType(dirname(folder)));
  return packageTypes.get(folder);
}

function readType(folder) {
  if (folder === dirname(folder)) return 'commonjs';
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).type ?? 'commonjs';
  } catch {
    return undefined;
  }
}

/** Compiles ES modules of node_modules to CommonJS and leaves CommonJS alone. */
module.exports = {
  process(source, path) {
    const isModule = path.endsWith('.mjs') || packageType(dirname(path)) === 'module';
    if (!isModule) return { code: source };
    return swc.transformSync(source, {
      filename: path,
      swcrc: false,
      sourceMaps: false,
      jsc: { target: 'es2023', parser: { syntax: 'ecmascript' } },
      module: { type: 'commonjs', importInterop: 'node', ignoreDynamic: false },
    });
  },
  getCacheKey: (source, path) => createHash('sha1').update(path).update(source).update('1').digest('hex'),
};
