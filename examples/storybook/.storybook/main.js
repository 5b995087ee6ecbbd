export default {
  framework: '@storybook/html-vite',
  stories: ['../src/**/*.stories.js'],
  // Says so when Storybook was started on a port that is not leased.
  addons: ['styxy/storybook'],
  core: { disableTelemetry: true },
};
