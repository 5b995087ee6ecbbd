import styxy from 'styxy/vite';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [styxy({ preview: true })],
});
