// The helper for Playwright configs, for ES modules.

export { styxyWebServer } from './playwright.js';
