// The development servers that names.test.mjs opens by their names, each with the smallest project that has a page, a form, and
// something to edit. No setting is about hosts or origins.

const FORM = '<form method="post" action="/form"><input name="said" value="hello"></form>';
const page = `<!doctype html><title>it</title><p id="said">before</p>${FORM}<script type="module" src="/main.js"></script>\n`;

/** Answers a form as an app of one's own would: the bundlers have no forms. */
const answers = `(request, response, next) => {
  if (request.method !== 'POST' || request.url !== '/form') return next();
  let body = '';
  request.on('data', (bytes) => (body += bytes)).on('end', () => {
    response.setHeader('content-type', 'text/html');
    response.end('<p id="said">posted ' + new URLSearchParams(body).get('said') + '</p>');
  });
}`;
const vitePlugin = `{ name: 'form', configureServer: (server) => void server.middlewares.use(${answers}) }`;
/** A module that shows a text of another one, and takes a new version of that without a reload. */
const main = `import { text } from './text.js';
const show = (text) => (document.querySelector('#said').textContent = text);
show(text);
import.meta.hot?.accept('./text.js', (changed) => show(changed.text));
`;

const next = (version) => ({
  npm: { next: version, react: '^19', 'react-dom': '^19' },
  of: 'next',
  files: {
    'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n',
    'app/page.js': `import Shown from './shown.js';
async function post(form) {
  'use server';
  const { redirect } = await import('next/navigation');
  redirect('/?said=posted ' + form.get('said'));
}
export default async function Page({ searchParams }) {
  const { said } = await searchParams;
  return <><p id="said">{said ?? <Shown />}</p><form action={post}><input name="said" defaultValue="hello" /></form></>;
}
`,
    'app/shown.js': "'use client';\nconst text = 'before';\nexport default function Shown() { return <b>{text}</b>; }\n",
  },
  edited: 'app/shown.js',
  command: ['node_modules/.bin/next', 'dev'],
  env: { NEXT_TELEMETRY_DISABLED: '1' },
  socket: '/_next/webpack-hmr',
  // An edit before React has the page makes Next load it again.
  ready: "Object.keys(document.forms[0]).some((key) => key.startsWith('__react'))",
});

/**
 * What is installed, of which package the version is told, which files there are, which of them has the word `before`, how people start
 * it, where its socket for hot reloading is, if it has one, and when its page is ready for an edit.
 */
export const SERVERS = {
  'Vite 8': {
    npm: { vite: '^8' },
    of: 'vite',
    files: {
      'index.html': page,
      'main.js': main,
      'text.js': "export const text = 'before';\n",
      'vite.config.mjs': `export default { plugins: [${vitePlugin}] };\n`,
    },
    edited: 'text.js',
    command: ['node_modules/.bin/vite'],
    socket: '/',
  },
  'Next.js 16': next('^16'),
  'Next.js 15': next('^15'),
  'webpack-dev-server': {
    npm: { webpack: '^5', 'webpack-cli': '*', 'webpack-dev-server': '*' },
    of: 'webpack-dev-server',
    files: {
      'public/index.html': page.replace('<script type="module" src="/main.js"></script>', '<script defer src="/main.js"></script>'),
      'src/index.js': main.replace('import.meta.hot?.accept(\'./text.js\', (changed) => show(changed.text))', "import.meta.webpackHot?.accept('./text.js', () => show(text))"),
      'src/text.js': "export const text = 'before';\n",
      'webpack.config.mjs': `export default { devServer: { setupMiddlewares: (all) => [${answers}, ...all] } };\n`,
    },
    edited: 'src/text.js',
    command: ['node_modules/.bin/webpack', 'serve', '--mode', 'development'],
    socket: '/ws',
  },
  'Storybook 10': {
    npm: { storybook: '^10', '@storybook/html-vite': '^10', vite: '^8' },
    of: 'storybook',
    files: {
      '.storybook/main.js': `export default {
  stories: ['../*.stories.js'],
  framework: '@storybook/html-vite',
  core: { disableTelemetry: true },
  viteFinal: (config) => ({ ...config, plugins: [...config.plugins, ${vitePlugin}] }),
};
`,
      'one.stories.js': `import { text } from './text.js';
export default { title: 'One' };
export const Two = () => '<p id="said">' + text + '</p>${FORM}';
`,
      'text.js': "export const text = 'before';\n",
    },
    edited: 'text.js',
    command: ['node_modules/.bin/storybook', 'dev'],
    service: 'storybook',
    at: '/iframe.html?id=one--two&viewMode=story',
    socket: '/storybook-server-channel',
  },
  Django: {
    pip: ['django'],
    files: {
      'manage.py': `import os, sys
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`,
      // What startproject writes of hosts and origins, which is nothing.
      'settings.py': `DEBUG = True
SECRET_KEY = 'of nobody'
ALLOWED_HOSTS = []
ROOT_URLCONF = 'urls'
MIDDLEWARE = ['django.middleware.security.SecurityMiddleware', 'django.middleware.common.CommonMiddleware', 'django.middleware.csrf.CsrfViewMiddleware']
`,
      'urls.py': `from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
def it(request):
    said = 'posted ' + request.POST['said'] if request.method == 'POST' else 'before'
    form = '<form method="post"><input name="said" value="hello"><input name="csrfmiddlewaretoken" value="%s"></form>'
    return HttpResponse('<p id="said">' + said + '</p>' + form % get_token(request))
urlpatterns = [path('', it)]
`,
    },
    edited: 'urls.py',
    command: ['venv/bin/python', 'manage.py', 'runserver'],
  },
};
