// The plugins as CommonJS uses them.

import styxyVite = require('styxy/vite');
import { styxyWebServer } from 'styxy/playwright';
import storybook = require('styxy/storybook');

const options: styxyVite.StyxyViteOptions = { service: 'dev' };
export const plugins = [styxyVite(options), styxyVite.styxy(), styxyVite.default()];
export const server = styxyWebServer({ command: 'npm run dev' });
export const core: Promise<number> = storybook.core(1);
