// The same types for `import`.
export * from './index.js';
export { default } from './index.js';
