// The Vite plugin for ES modules.

import styxy from './vite.js';

export { styxy };
export default styxy;
