//! What becomes of each tool's command line: one test per row of the table.

use std::collections::BTreeSet;

use super::rows::{becomes, plan_with};

/// A test that a tool's command becomes another, and the list of rows that have one.
macro_rules! rows {
    ($($test:ident: $name:literal { $($typed:literal => $becomes:literal;)+ })+) => {
        $(
            #[test]
            fn $test() {
                $(
                    assert_eq!(becomes($typed), $becomes);
                    assert_eq!(plan_with($typed, &[]).0.framework.map(|row| row.name), Some($name), "{}", $typed);
                )+
            }
        )+

        #[test]
        fn every_row_of_the_table_has_its_test() {
            let tested: BTreeSet<&str> = [$($name),+].into();
            let rows: BTreeSet<&str> = crate::devserver::frameworks::names().collect();
            assert_eq!(tested, rows);
        }
    };
}

rows! {
    vite: "Vite" {
        "vite" => "vite --port 4242 --strictPort";
        "vite preview --host" => "vite preview --host --port 4242 --strictPort";
        "vite --mode test" => "vite --mode test --port 4242 --strictPort";
        "vite --port 3000 --strictPort" => "vite --port 4242 --strictPort";
    }
    vitest_ui: "Vitest UI" {
        "vitest --ui" => "vitest --ui --api.port 4242 --api.strictPort";
    }
    astro: "Astro" { "astro dev" => "astro dev --port 4242"; }
    angular: "Angular" { "ng serve" => "ng serve --port 4242"; }
    nuxt: "Nuxt" { "nuxt dev -p 3000" => "nuxt dev -p 4242"; }
    next: "Next.js" {
        "next dev --turbo" => "next dev --turbo -p 4242";
        "next start --port=3000" => "next start --port=4242";
    }
    react_router: "React Router, Remix" {
        "react-router dev" => "react-router dev --port 4242 --strictPort";
        "remix vite:dev" => "remix vite:dev --port 4242 --strictPort";
    }
    sveltekit: "SvelteKit" { "svelte-kit dev" => "svelte-kit dev --port 4242"; }
    storybook: "Storybook" {
        "storybook dev" => "storybook dev -p 4242 --exact-port --ci";
        "storybook dev -p 6006 --ci" => "storybook dev -p 4242 --ci --exact-port";
    }
    storybook_6: "Storybook 6" { "start-storybook -p 6006" => "start-storybook -p 4242 --ci"; }
    webpack: "webpack-dev-server" { "webpack serve --mode development" => "webpack serve --mode development --port 4242"; }
    webpack_dev_server: "webpack-dev-server, by itself" { "webpack-dev-server" => "webpack-dev-server --port 4242"; }
    rsbuild: "Rsbuild" { "rsbuild dev" => "rsbuild dev --port 4242"; }
    rspack: "Rspack" { "rspack serve" => "rspack serve --port 4242"; }
    vue_cli: "Vue CLI" { "vue-cli-service serve" => "vue-cli-service serve --port 4242"; }
    parcel: "Parcel" {
        "parcel src/index.html" => "parcel src/index.html --port 4242";
        "parcel --hmr-port 1235 index.html" => "parcel --hmr-port 2468 index.html --port 4242";
    }
    gatsby: "Gatsby" { "gatsby develop" => "gatsby develop --port 4242"; }
    docusaurus: "Docusaurus" { "docusaurus start" => "docusaurus start --port 4242"; }
    eleventy: "Eleventy" { "eleventy --serve" => "eleventy --serve --port 4242"; }
    vitepress: "VitePress" { "vitepress dev docs" => "vitepress dev docs --port 4242 --strictPort"; }
    wrangler: "Wrangler" {
        "wrangler dev" => "wrangler dev --port 4242 --inspector-port 9797";
        "wrangler pages dev dist --port 8788" => "wrangler pages dev dist --port 4242 --inspector-port 9797";
        "wrangler dev --inspector-port=9230" => "wrangler dev --inspector-port=9797 --port 4242";
        "wrangler dev --inspector-port 0" => "wrangler dev --inspector-port 0 --port 4242";
    }
    expo: "Expo" { "expo start" => "expo start --port 4242"; }
    react_native: "React Native" { "react-native start" => "react-native start --port 4242"; }
    http_server: "http-server" { "http-server dist -p8080" => "http-server dist -p4242"; }
    serve: "serve" {
        "serve dist" => "serve dist -l 4242 --no-port-switching";
        "serve -l tcp://0.0.0.0:5000" => "serve -l tcp://0.0.0.0:4242 --no-port-switching";
    }
    json_server: "json-server" { "json-server db.json" => "json-server db.json --port 4242"; }
    django: "Django" {
        "python manage.py runserver" => "python manage.py runserver 4242";
        "./manage.py runserver 0.0.0.0:8000" => "./manage.py runserver 0.0.0.0:4242";
        "django-admin runserver 8000 --noreload" => "django-admin runserver 4242 --noreload";
        "python3.12 -u -m django runserver [::]:8000" => "python3.12 -u -m django runserver [::]:4242";
        "python manage.py runserver -v 2" => "python manage.py runserver -v 2 4242";
        "python manage.py runserver -v 2 8000" => "python manage.py runserver -v 2 4242";
        "python manage.py runserver --nothreading 0:8000" => "python manage.py runserver --nothreading 0:4242";
    }
    flask: "Flask" {
        "flask --app hello run" => "flask --app hello run --port 4242";
        "python -m flask run -p 5000" => "python -m flask run -p 4242";
    }
    fastapi: "FastAPI" { "fastapi dev main.py" => "fastapi dev main.py --port 4242"; }
    uvicorn: "Uvicorn" {
        "uvicorn app:app --reload" => "uvicorn app:app --reload --port 4242";
        "uv run uvicorn app:app" => "uv run uvicorn app:app --port 4242";
    }
    rails: "Rails" {
        "bin/rails s" => "bin/rails s -p 4242";
        "bundle exec rails server" => "bundle exec rails server -p 4242";
    }
    php: "PHP" { "php -S localhost:8000 -t public" => "php -S localhost:4242 -t public"; "php -Slocalhost:4013" => "php -Slocalhost:4242"; }
    laravel: "Laravel" { "php artisan serve" => "php artisan serve --port 4242"; }
    hugo: "Hugo" { "hugo server -D" => "hugo server -D --port 4242"; }
    jekyll: "Jekyll" {
        "bundle exec jekyll serve" => "bundle exec jekyll serve --port 4242";
        "jekyll s --livereload" => "jekyll s --livereload --port 4242 --livereload-port 2468";
        "jekyll serve -lo" => "jekyll serve -lo --port 4242 --livereload-port 2468";
    }
    http_server_of_python: "Python's http.server" {
        "python3 -m http.server" => "python3 -m http.server 4242";
        "python -m http.server 8000 -d dist" => "python -m http.server 4242 -d dist";
        "python -m http.server --bind ::1" => "python -m http.server --bind ::1 4242";
        "python -m http.server -b 127.0.0.1 8000" => "python -m http.server -b 127.0.0.1 4242";
        "python -m http.server --directory 24" => "python -m http.server --directory 24 4242";
    }
    leased_storybook: "Storybook, by styxy-storybook" {
        "styxy-storybook dev" => "styxy-storybook dev";
        "npx styxy-storybook dev --ci" => "npx styxy-storybook dev --ci";
    }
    ladle: "Ladle" { "ladle serve -h 0.0.0.0" => "ladle serve -h 0.0.0.0 --port 4242"; "npx ladle dev -p 61000" => "npx ladle dev -p 4242"; }
    vinxi: "Vinxi" { "vinxi dev" => "vinxi dev --port 4242"; }
    slidev: "Slidev" { "slidev" => "slidev --port 4242"; "slidev talk.md -p 3030" => "slidev talk.md -p 4242"; }
    browsersync: "Browsersync" {
        "browser-sync start --server" => "browser-sync start --server --port 4242 --ui-port 4848";
        "browser-sync start -s --no-ui" => "browser-sync start -s --no-ui --port 4242";
        "browser-sync start --proxy localhost:3000" => "browser-sync start --proxy localhost:3000 --port 4242 --ui-port 4848";
        "browser-sync start -s --ui-port 3001 --port 3000" => "browser-sync start -s --ui-port 4848 --port 4242";
    }
    live_server: "live-server" {
        "live-server dist" => "live-server dist";
        "live-server --port=8080 dist" => "live-server --port=4242 dist";
    }
    web_dev_server: "Web Dev Server" { "wds --node-resolve" => "wds --node-resolve --port 4242"; }
    rspress: "Rspress" { "rspress dev docs" => "rspress dev docs --port 4242"; }
    node: "Node.js" {
        "node --inspect server.js" => "node --inspect=9797 server.js";
        "node --inspect-brk=9230 --watch server.js" => "node --inspect-brk=9797 --watch server.js";
        "node -r ./a --inspect=0.0.0.0:9229 server.js --inspect=1" => "node -r ./a --inspect=0.0.0.0:9797 server.js --inspect=1";
        "node --inspect --inspect-port=9300 server.js" => "node --inspect --inspect-port=9797 server.js";
        "node --inspect=0 server.js" => "node --inspect=0 server.js";
        "tsx watch --inspect server.ts" => "tsx watch --inspect=9797 server.ts";
    }
    deno_serve: "Deno's serve" {
        "deno serve main.ts" => "deno serve --port 4242 main.ts";
        "deno serve -A --port=8000 --inspect main.ts" => "deno serve -A --port=4242 --inspect=9797 main.ts";
    }
    deno: "Deno" { "deno run -A --inspect-brk main.ts --port 3" => "deno run -A --inspect-brk=9797 main.ts --port 3"; }
    bun: "Bun" { "bun --inspect server.ts" => "bun --inspect=9797 server.ts"; }
    debugpy: "debugpy" {
        "python -m debugpy --listen 0.0.0.0:5678 app.py" => "python -m debugpy --listen 0.0.0.0:9797 app.py";
    }
    gunicorn: "Gunicorn" {
        "gunicorn app:app -w 2" => "gunicorn app:app -w 2 --bind 127.0.0.1:4242";
        "gunicorn -b 0.0.0.0:8000 app:app" => "gunicorn -b 0.0.0.0:4242 app:app";
        "gunicorn --bind=:8000 app:app" => "gunicorn --bind=:4242 app:app";
        "gunicorn -b unix:/run/app.sock app:app" => "gunicorn -b unix:/run/app.sock app:app";
    }
    hypercorn: "Hypercorn" {
        "hypercorn app:app" => "hypercorn app:app --bind 127.0.0.1:4242";
        "hypercorn -b [::]:8000 app:app" => "hypercorn -b [::]:4242 app:app";
    }
    granian: "Granian" {
        "granian --interface asgi app:app" => "granian --interface asgi app:app --port 4242";
        "granian app:app --metrics" => "granian app:app --metrics --port 4242 --metrics-port 3131";
    }
    daphne: "Daphne" { "daphne app:app" => "daphne app:app -p 4242"; }
    waitress: "Waitress" {
        "waitress-serve app:app" => "waitress-serve --port 4242 app:app";
        "waitress-serve --listen=*:8080 app:app" => "waitress-serve --listen=*:4242 app:app";
    }
    litestar: "Litestar" { "litestar --app app:app run" => "litestar --app app:app run --port 4242"; }
    quart: "Quart" { "quart --app app run" => "quart --app app run --port 4242"; }
    sanic: "Sanic" { "sanic app:app --dev" => "sanic app:app --dev -p 4242"; }
    mkdocs: "MkDocs" {
        "mkdocs serve" => "mkdocs serve --dev-addr 127.0.0.1:4242";
        "python -m mkdocs serve -a localhost:8000" => "python -m mkdocs serve -a localhost:4242";
    }
    sphinx_autobuild: "sphinx-autobuild" { "sphinx-autobuild docs out" => "sphinx-autobuild docs out --port 4242"; }
    streamlit: "Streamlit" {
        "streamlit run app.py -- --mine" => "streamlit run app.py --server.port 4242 -- --mine";
        "streamlit run app.py --server.port=8501" => "streamlit run app.py --server.port=4242";
    }
    marimo: "Marimo" { "marimo edit notes.py" => "marimo edit notes.py -p 4242"; }
    jupyter: "Jupyter" {
        "jupyter lab --no-browser" => "jupyter lab --no-browser --port 4242 --port-retries=0";
        "jupyter notebook --port=8888 --port-retries 3" => "jupyter notebook --port=4242 --port-retries 3";
    }
    jupyter_alone: "Jupyter, by itself" { "jupyter-lab" => "jupyter-lab --port 4242 --port-retries=0"; }
    puma: "Puma" {
        "bundle exec puma" => "bundle exec puma -p 4242";
        "puma -b tcp://127.0.0.1:9292" => "puma -b tcp://127.0.0.1:4242";
    }
    rackup: "rackup" { "rackup -p 9292" => "rackup -p 4242"; "bundle exec rackup" => "bundle exec rackup -p 4242"; }
    zola: "Zola" { "zola serve" => "zola serve --port 4242"; }
    caddy: "Caddy" { "caddy run" => "caddy run"; }
    caddy_file_server: "Caddy's file server" {
        "caddy file-server --browse" => "caddy file-server --browse --listen :4242";
        "caddy file-server -l localhost:2015" => "caddy file-server -l localhost:4242";
    }
    phoenix: "Phoenix" { "mix phx.server" => "mix phx.server"; }
    spring_boot: "Spring Boot" {
        "./mvnw -pl web clean spring-boot:run" => "./mvnw -pl web clean spring-boot:run";
        "gradle :web:bootRun --args=--server.port=8081" => "gradle :web:bootRun --args=--server.port=4242";
        "./gradlew bootRun" => "./gradlew bootRun";
    }
    quarkus: "Quarkus" { "./mvnw quarkus:dev -Dquarkus.http.port=8081" => "./mvnw quarkus:dev -Dquarkus.http.port=4242"; }
    dotnet: ".NET" {
        "dotnet run --project web" => "dotnet run --project web --urls http://localhost:4242";
        "dotnet watch run -- --mine" => "dotnet watch run --urls http://localhost:4242 -- --mine";
        "dotnet run --urls=http://*:5000" => "dotnet run --urls=http://*:4242";
    }
    cargo_leptos: "cargo-leptos" { "cargo leptos watch" => "cargo leptos watch"; }
    trunk: "Trunk" { "trunk serve --open" => "trunk serve --open --port 4242"; }
}
