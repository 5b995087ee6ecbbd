const { expect, test } = require('@playwright/test');

test('the page and the API behind it are those of this very worktree', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading')).toHaveText(process.cwd());
  await expect(page.getByRole('paragraph')).toHaveText(`the API of ${process.cwd()}`);
});
