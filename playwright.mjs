// `styxyWebServer` for ES modules.

export { styxyWebServer } from './playwright.js';
