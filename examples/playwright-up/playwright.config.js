const { execFileSync } = require('node:child_process');
const { defineConfig } = require('@playwright/test');

// The address that the web app of this worktree has, whether it runs or not.
const { STYXY_WEB_URL: url } = JSON.parse(execFileSync('styxy', ['env', '--format', 'json']));

module.exports = defineConfig({
  testDir: 'tests',
  use: {
    baseURL: url,
    // A browser that is installed already, where the one of Playwright's own is not.
    launchOptions: { executablePath: process.env.CHROMIUM_PATH },
  },
  webServer: {
    command: 'styxy up --wait',
    url,
    reuseExistingServer: true,
  },
});
