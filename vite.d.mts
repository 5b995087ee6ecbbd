import styxy from './vite.js';

export type StyxyViteOptions = styxy.StyxyViteOptions;
export type StyxyVitePlugin = styxy.StyxyVitePlugin;
export { styxy };
export default styxy;
