// `styxyWebServer` for ES modules.

export { styxyServer, styxyWebServer } from './playwright.js';
