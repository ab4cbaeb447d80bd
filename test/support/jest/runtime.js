const Module = require('node:module');
const { compileFunction } = require('node:vm');
const { default: JestRuntime } = require('jest-runtime');

/** Of every file that the worker has loaded, for stack traces: path -> path of the map. */
const sourceMaps = new Map();

/** The runtime of the test file that runs now. */
let current;

/** Node loads TypeScript as well, through jest's transformer and its cache on disk. */
function loadTypeScript() {
  Module._extensions['.ts'] = (module, path) => module._compile(current.compiled(path), path);
}

/** Between two runs of `--watch`, our own files may have changed. */
function forgetOurs() {
  for (const path of Object.keys(require.cache)) if (path.endsWith('.ts')) delete require.cache[path];
}

/**
 * Loads what a test file imports once a worker, not once a file: the server with Nest takes 2 seconds of CPU to load,
 * and there are over 150 test files. Node loads it, ES modules too, which jest cannot require() before Node 24.9. Only
 * the test file itself is jest's; `jest.mock` of a module does not reach what Node has loaded: spy on a class instead.
 */
module.exports = class SharedRuntime extends JestRuntime {
  constructor(...values) {
    super(...values);
    const { executor } = this;
    executor.compile = (code, filename) => compileFunction(code, executor.injectedModuleParameters, { filename });
    const { watch, watchAll } = values.at(-1);
    if (watch || watchAll) forgetOurs();
    current = this;
    loadTypeScript();
  }

  /** The process is the real one, which keeps its own. */
  installGetBuiltinModule() {}

  requireModule(from, name, options, isRequireActual) {
    const isTestFile = name === undefined;
    if (isTestFile || options?.isInternalModule || Module.isBuiltin(name))
      return super.requireModule(from, name, options, isRequireActual);
    return require(this._resolution.resolveCjs(from, name));
  }

  compiled(path) {
    const code = this.transformCache.transform(path);
    this.getSourceMaps();
    return code;
  }

  getSourceMaps() {
    for (const [path, map] of super.getSourceMaps()) sourceMaps.set(path, map);
    return sourceMaps;
  }
};
