const { expect, test } = require('@playwright/test');

test('the page comes from the server of this very checkout', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading')).toHaveText(process.cwd());
});
