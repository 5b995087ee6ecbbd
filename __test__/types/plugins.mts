// The plugins as ES modules use them: every option, and what must not compile.

import styxyVite, { styxy, type StyxyViteOptions, type StyxyVitePlugin } from 'styxy/vite';
import { styxyServer, styxyWebServer, type StyxyWebServer, type StyxyWebServerOptions } from 'styxy/playwright';
import { core } from 'styxy/storybook';
import * as preset from 'styxy/storybook/preset';
import { defineConfig, type PluginOption } from 'vite';

const options: StyxyViteOptions = { service: 'dev', name: 'web', preview: { service: 'preview', name: 'web' }, project: '.' };
const plugin: StyxyVitePlugin = styxyVite(options);
const plugins: PluginOption[] = [plugin, styxy(), styxy({ preview: true }), styxy({ preview: false })];
export default defineConfig({ plugins });

// @ts-expect-error there is no such option
styxy({ port: 3000 });
// @ts-expect-error a number is no service type
styxy({ service: 3 });

const all: Required<StyxyWebServerOptions> = {
  command: 'npm run dev -- --port {port}',
  service: 'dev',
  name: 'web',
  port: 3000,
  path: '/health',
  project: '.',
  reuseExistingServer: !process.env.CI,
  env: { NODE_ENV: 'test' },
  cwd: '.',
  gracefulShutdown: { signal: 'SIGTERM', timeout: 500 },
  ignoreHTTPSErrors: false,
  stderr: 'pipe',
  stdout: 'ignore',
  timeout: 60_000,
  wait: { stdout: /ready/ },
};
const server: StyxyWebServer = styxyWebServer(all);
const { command, url, reuseExistingServer, env }: { command: string; url: string; reuseExistingServer: boolean; env: Record<string, string> } = server;
export const used = [command, url, reuseExistingServer, env.PORT];

// @ts-expect-error the command is needed
styxyWebServer({ service: 'dev' });
// @ts-expect-error the URL is ours to say
styxyWebServer({ command: 'npm run dev', url: 'http://localhost:3000' });

export const kept: Promise<{ builder: string }> = core({ builder: 'vite' }, { port: 6006, configType: 'DEVELOPMENT' });
export const same: typeof core = preset.core;
// @ts-expect-error a preset returns a promise
export const sync: { builder: string } = core({ builder: 'vite' });
export const where: { port: number; url: string }[] = [styxyServer(), styxyServer({ service: 'api', name: 'web' })];
// @ts-expect-error there is no such option
styxyServer({ port: 3000 });
