const { defineConfig } = require('@playwright/test');
const { styxyWebServer } = require('styxy/playwright');

module.exports = defineConfig({
  testDir: 'tests',
  use: {
    // A browser that is installed already, where the one of Playwright's own is not.
    launchOptions: { executablePath: process.env.CHROMIUM_PATH },
  },
  webServer: styxyWebServer({
    command: 'npm run dev',
    service: 'dev',
    // Leave this line out to let CI, too, use a server that this checkout runs already.
    reuseExistingServer: !process.env.CI,
  }),
});
