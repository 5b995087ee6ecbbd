//! Servers that one line starts several times, and servers in files that nobody but the user changes.

use super::*;

/// What is said of the command `line`: each file, and the names of the servers in it.
fn said(line: &str, files: &'static [(&'static str, &'static str)]) -> Vec<(String, Vec<String>)> {
    let around = Told { files, shells: &["npm"], ..Told::NOTHING };
    let words: Vec<&str> = line.split(' ').collect();
    let inward = Inward::of(super::words(&words), &around);
    let by = |one: Unreached| match one.by {
        By::File(path) => (path, one.names),
        other => panic!("{other:?}"),
    };
    inward.map(|inward| inward.unreached.into_iter().map(by).collect()).unwrap_or_default()
}

fn names(file: &str, names: &[&str]) -> Vec<(String, Vec<String>)> {
    vec![(file.to_owned(), names.iter().map(ToString::to_string).collect())]
}

const TWO: &str = "#!/bin/bash\ncd \"$(dirname \"$0\")\"\nset -e\nnode web.js &\nnode api.js &\nwait\n";

#[test]
fn several_servers_of_a_script_file_are_named_with_the_file() {
    const FILES: &[(&str, &str)] = &[
        ("start.sh", TWO),
        ("fish", "#!/usr/bin/env fish\nnode web.js & node api.js &\n"),
        ("bin/start", "#!/usr/bin/env -S bash -e\nnode web.js & node api.js & wait\n"),
        ("plain.sh", "node web.js &\nexec vite\n"),
        ("loop.sh", "for i in 1 2; do node web.js & done; wait\n"),
        ("outer.sh", "tsc -b\n./one.sh &\n./two.sh\n"),
        ("one.sh", "node web.js\n"),
        ("two.sh", "exec node api.js\n"),
        ("calls.sh", "./start.sh\n"),
        ("asks.sh", "if x; then node web.js & kill -0 $!; fi\nnode api.js\n"),
        (
            "inner.sh",
            "node seeds.js & wait; if y; then node web.js & node api.js & else node c.js & fi; wait\n",
        ),
        (
            "functions.sh",
            "serve() {\n  node server.js\n}\nmain() {\n  serve &\n  serve &\n  wait\n}\nmain \"$@\"\n",
        ),
        ("memory.sh", "node --max-old-space-size=4096 web.js & node --timeout 5000 api.js & wait\n"),
        ("dir.sh", "node \"$HOME/web.js\" & node $HERE/api.js \"$@\" &\n"),
    ];
    let both = &["web", "api"];
    for (line, expected) in [
        ("./start.sh", names("start.sh", both)),
        ("sh start.sh", names("start.sh", both)),
        ("bash -x start.sh --fast", names("start.sh", both)),
        ("bash -eo pipefail -- ./start.sh", names("start.sh", both)),
        ("./memory.sh", names("memory.sh", both)),
        ("./fish", Vec::new()),
        ("bin/start", Vec::new()),
        ("./bin/start", names("bin/start", both)),
        ("env A=1 ./start.sh", names("start.sh", both)),
        ("nohup ./start.sh", names("start.sh", both)),
        ("sh plain.sh", names("plain.sh", &["web", "vite"])),
        ("sh loop.sh", names("loop.sh", &[])),
        ("sh outer.sh", names("outer.sh", &["one", "two"])),
        ("sh calls.sh", names("start.sh", both)),
        ("sh functions.sh", names("functions.sh", &[])),
        ("sh asks.sh", names("asks.sh", both)),
        ("sh inner.sh", names("inner.sh", both)),
        ("sh dir.sh", names("dir.sh", both)),
    ] {
        let expected = if line == "bin/start" { names("bin/start", both) } else { expected };
        assert_eq!(said(line, FILES), expected, "{line}");
    }
}

#[test]
fn servers_that_a_function_a_coprocess_or_another_file_starts_count_too() {
    const FILES: &[(&str, &str)] = &[
        ("passes.sh", "run() { \"$@\" & }\nrun node web.js\nrun node api.js\nwait\n"),
        (
            "shifts.sh",
            "run() {\n  echo $1; shift\n  exec \"$@\" > log &\n}\nrun a node web.js\nrun b node api.js\nwait\n",
        ),
        ("leaves.sh", "serve() { node $1.js & }\nserve web\nserve api\nwait\n"),
        ("waits.sh", "run() { \"$@\"; }\nrun node web.js &\nrun node api.js\n"),
        ("co.sh", "coproc node web.js\nnode api.js\n"),
        ("named.sh", "coproc WEB { cd web; node web.js; }\ncoproc node api.js\nwait\n"),
        ("base.sh", "serve() {\n  node $1.js &\n}\nrun() { \"$@\" & }\n"),
        ("sourced.sh", ". ./base.sh\nrun node web.js\nrun node api.js\nwait\n"),
        ("starts.sh", "node web.js &\n"),
        ("near.sh", ". \"$(dirname \"$0\")/base.sh\"\nrun node web.js\nrun node api.js\nwait\n"),
        ("bin/lib.sh", "run() { \"$@\" & }\n"),
        ("bin/dev.sh", "DIR=\"${0%/*}\"\nsource \"$DIR/lib.sh\"\nrun node web.js\nrun node api.js\nwait\n"),
        ("both.sh", "source starts.sh\nnode api.js\n"),
        ("calls.sh", ". ./base.sh\nfor s in web api; do serve $s; done\nwait\n"),
        ("itself.sh", ". ./itself.sh\nnode web.js & node api.js &\n"),
        ("loop.sh", "for app in web.js api.js; do\n  node $app &\ndone\nwait\n"),
        ("quoted.sh", "for app in web.js api.js; do node --enable-source-maps \"$app\" & done; wait\n"),
    ];
    let both = &["web", "api"];
    for (line, expected) in [
        ("sh passes.sh", names("passes.sh", both)),
        ("sh shifts.sh", names("shifts.sh", both)),
        ("sh leaves.sh", names("leaves.sh", &[])),
        ("sh waits.sh", names("waits.sh", both)),
        ("sh co.sh", names("co.sh", both)),
        ("sh named.sh", names("named.sh", both)),
        ("sh sourced.sh", names("sourced.sh", both)),
        ("sh near.sh", names("near.sh", both)),
        ("sh bin/dev.sh", names("bin/dev.sh", both)),
        ("sh both.sh", [names("starts.sh", &["web"]), names("both.sh", &["api"])].concat()),
        ("sh calls.sh", names("base.sh", &[])),
        ("sh loop.sh", names("loop.sh", &[])),
        ("sh quoted.sh", names("quoted.sh", &[])),
    ] {
        assert_eq!(said(line, FILES), expected, "{line}");
    }
    assert!(!said("sh itself.sh", FILES).is_empty());
}

#[test]
fn what_ends_another_process_does_not_end_the_first_server() {
    const FILES: &[(&str, &str)] = &[
        ("job.sh", "node web.js &\ntsc -b &\nwait $!\nnode api.js\n"),
        ("variable.sh", "tsc -b & BUILD=$!\nnode web.js &\nwait $BUILD\nnode api.js\n"),
        ("braces.sh", "sleep 9 &\nOLD=$!\nnode web.js &\nkill -9 \"${OLD}\"\nnode api.js\n"),
        ("name.sh", "node web.js &\npkill -f webpack\nnode api.js\n"),
        ("all.sh", "node web.js &\nkillall -q redis-server\nnode api.js\n"),
        ("number.sh", "node web.js &\nkill 4242\nnode api.js\n"),
        ("third.sh", "node seeds.js & SEEDS=$!\nnode web.js &\nkill -s TERM $SEEDS\nnode api.js &\n"),
    ];
    const ENDED: &[(&str, &str)] = &[
        ("job.sh", "node web.js &\nsleep 1\nkill $!\nnode api.js\n"),
        ("variable.sh", "node web.js & WEB=$!\ntsc -b &\nkill $WEB\nnode api.js\n"),
        ("unknown.sh", "node web.js & echo $! > pid\nkill $(cat pid)\nnode api.js\n"),
        ("list.sh", "node web.js & pids+=($!)\nwait \"${pids[@]}\"\nnode api.js\n"),
        ("group.sh", "node web.js & kill -- -$$\nnode api.js\n"),
        ("line.sh", "node web.js &\npkill -f 'node web'\nnode api.js\n"),
        ("name.sh", "node web.js &\nkillall node\nnode api.js\n"),
        ("pattern.sh", "node web.js &\npkill -f 'node .*web'\nnode api.js\n"),
        ("function.sh", "build() { node seeds.js & wait; }\nbuild\nnode web.js\n"),
        ("passed.sh", "run() { \"$@\"; }\nrun node seeds.js\nrun node web.js\n"),
        ("settings.sh", ". ./.env\nnode web.js\n"),
        (".env", "TITLE=my server.js\nA=b & node c.js\n"),
    ];
    let both = &["web", "api"];
    for (file, _) in FILES {
        assert_eq!(said(&format!("sh {file}"), FILES), names(file, both), "{file}");
    }
    for (file, _) in ENDED.iter().filter(|(file, _)| *file != ".env") {
        assert_eq!(said(&format!("sh {file}"), ENDED), [], "{file}");
    }
}

#[test]
fn makes_variable_for_options_counts_as_its_options() {
    const FILES: &[(&str, &str)] = &[
        ("Makefile", "all: web api\nweb:\n\tnode web.js\napi:\n\tnode api.js\n"),
        ("start.sh", "export MAKEFLAGS=-j2\nmake web api\n"),
    ];
    let around = Told { files: FILES, variables: &[("MAKEFLAGS", "-j2")], ..Told::NOTHING };
    let unreached = |line: &str, around: &Told| {
        let words: Vec<&str> = line.split(' ').collect();
        Inward::of(super::words(&words), around).map(|inward| inward.unreached.len()).unwrap_or_default()
    };
    assert_eq!(unreached("make", &around), 1);
    assert_eq!(unreached("make -j1", &around), 0);
    assert_eq!(unreached("make -n", &around), 0);
    let quiet = Told { variables: &[], ..around };
    assert_eq!(unreached("make", &quiet), 0);
    assert_eq!(unreached("env MAKEFLAGS=-j2 make", &quiet), 1);
    assert_eq!(unreached("sh start.sh", &quiet), 1);
    assert_eq!(unreached("make -n -j2", &quiet), 0);
}

#[test]
fn a_lone_server_of_a_file_gets_the_port_as_it_is() {
    const FILES: &[(&str, &str)] = &[
        ("helper.sh", "tailwind --watch & node server.js\n"),
        ("waits.sh", "node server.js & wait\n"),
        (
            "built.sh",
            "node scripts/build.js --watch & node styles.js --watch & node worker.js & node server.js\n",
        ),
        ("ports.sh", "PORT=3001 node web.js & PORT=3002 node api.js & wait\n"),
        ("flags.sh", "node web.js --port 3001 & uvicorn app:app --port 8000 & node c.js $1 &\n"),
        ("exported.sh", "export PORT=3001\nnode web.js &\nexport PORT=3002\nnode api.js\n"),
        ("function.sh", "serve() {\n  node $1\n}\nlog() { echo; }\nlog && serve a.js\n"),
        (
            "branch.sh",
            "if true; then\n  node dist/server.js &\nelif x\nthen node a.js &\nelse\n  node server.js &\nfi\nwait\n",
        ),
        ("cases.sh", "case $1 in\n  web) node web.js & ;;\n  api) node api.js & ;;\nesac\nwait\n"),
        ("phases.sh", "node seeds.js &\nwait $!\nnode web.js &\nsleep 1; kill $!\nnode server.js\n"),
        ("turn.sh", "node migrate.js\nnode server.js\n"),
        ("ours.sh", "styxy run -n web -- node web.js & styxy run -n api -- node api.js\n"),
        ("again.sh", "while true; do node server.js & wait $!; done\n"),
        ("ends.sh", "while inotifywait .; do kill $pid; node server.js & pid=$!; done\n"),
        ("loop.sh", "while true; do node server.js; sleep 1; done\n"),
        ("passes.sh", "for p in 3001 3002; do PORT=$p node server.js & done\n"),
        ("python", "#!/usr/bin/env python3\nnode web.js & node api.js\n"),
        ("node_modules/.bin/start", TWO),
        ("broken.sh", "node web.js & node api.js & echo 'never closed\n"),
        ("own.sh", "API_PORT=4000 node api.js & node web.js\n"),
        ("copies.sh", "node copy-assets.js & node server.js\n"),
        ("logs.sh", "python3 tail_logs.py & node server.js\n"),
        ("metrics.sh", "node metrics.js & exec node server.js\n"),
        ("bin/dev.sh", "exec foreman start -f Procfile.dev \"$@\"\n"),
        ("Procfile.dev", "web: bin/rails server\ncss: bin/rails tailwindcss:watch\n"),
        ("self.sh", "sh self.sh & sh self.sh & sh self.sh & sh self.sh\n"),
        (
            "Makefile",
            "dev: css\n\tnode server.js\ncss:\n\ttailwindcss -i a.css\nweb:\n\tnode web.js\napi:\n\tnode api.js\n",
        ),
        ("justfile", "web:\n  node web.js\napi:\n  node api.js\n"),
    ];
    for (file, _) in FILES.iter().filter(|(file, _)| file.contains(".sh")) {
        assert_eq!(said(&format!("sh {file}"), FILES), [], "{file}");
    }
    for line in [
        "./python",
        "./node_modules/.bin/start",
        "sh -s start.sh",
        "sh absent.sh",
        "make dev",
        "make -j2 dev",
        "make web api",
        "just web api",
    ] {
        assert_eq!(said(line, FILES), [], "{line}");
    }
}

#[test]
fn several_servers_of_recipes_are_named_with_their_file() {
    const FILES: &[(&str, &str)] = &[
        (
            "Makefile",
            "NODE = node\nall: web api\nweb:\n\tcd web && $(NODE) server.js\napi: css\n\t@exec $(NODE) api.js\ncss:\n\ttsc -w\n\
             two:\n\tnode a.js & node b.js\nlines:\n\tnode a.js &\n\tnode b.js\ndown:\n\t$(MAKE) -C shop dev & $(MAKE) web\n",
        ),
        ("shop/Makefile", "dev:\n\tnode admin.js\nboth:\n\tnode a.js &\n\tnode b.js\n"),
        (
            "justfile",
            "[parallel]\ndev: web api\nweb:\n  node web.js\napi:\n  node api.js\nsh:\n  #!/bin/bash\n  node a.js & node b.js\n",
        ),
    ];
    let around = Told { scripts: &[("dev", "make -j web api")], files: FILES, ..Told::NOTHING };
    let by_bun = Inward::of(words(&["bun", "run", "dev"]), &around).unwrap().unreached;
    assert_eq!(by_bun[0].by, By::File("Makefile".to_owned()));
    for (line, expected) in [
        ("make -j2 web api", names("Makefile", &["web", "api"])),
        ("make -j", names("Makefile", &["web", "api"])),
        ("make -kj2 web api", names("Makefile", &["web", "api"])),
        ("make -sj web api", names("Makefile", &["web", "api"])),
        ("make two", names("Makefile", &["a", "b"])),
        ("make lines", names("Makefile", &["a", "b"])),
        ("make down", names("Makefile", &["dev", "web"])),
        ("make -C shop both", names("shop/Makefile", &["a", "b"])),
        ("just", names("justfile", &["web", "api"])),
        ("just sh", names("justfile", &["a", "b"])),
        ("make all", Vec::new()),
        ("make -j2 css web", Vec::new()),
    ] {
        assert_eq!(said(line, FILES), expected, "{line}");
    }
}

#[test]
fn a_file_that_a_text_runs_has_a_run_in_front_which_says_it_itself() {
    let around = Told { files: &[("start.sh", TWO)], ..APP };
    let becomes = |text: &str| {
        let inward = Inward::of(words(&["sh", "-c", text]), &around);
        let all = ["sh", "-c", text].map(OsString::from).into();
        let all = inward.map_or_else(|| vec!["(nothing)".into()], |inward| inward.apply(all, None, &BEGIN));
        all.last().unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(becomes("./start.sh"), "styxy run1 -- ./start.sh");
    assert_eq!(becomes("./start.sh & node c.js"), "styxy run1 -- ./start.sh & styxy run -n c -- node c.js");
    assert_eq!(becomes("./one.sh"), "(nothing)");
}

#[test]
fn a_server_that_one_line_starts_several_times_gets_a_run_each_time() {
    for (text, expected) in [
        (
            "for i in 1 2; do node server.js & done; wait",
            "for i in 1 2; do styxy run1 -- node server.js & done; wait",
        ),
        (
            "for d in web api; do (cd $d && npm run web) & done; node x.js",
            "for d in web api; do (cd $d && styxy run1 -- npm run web) & done; styxy run -n x -- node x.js",
        ),
        (
            "for s in web api; do npm run $s & done; wait",
            "for s in web api; do styxy run1 -- npm run $s & done; wait",
        ),
        ("seq 2 | xargs -P2 -n1 node server.js", "seq 2 | xargs -P2 -n1 styxy run1 -- node server.js"),
        (
            "printf 'a\\nb' | xargs -P2 -I{} node {}.js",
            "printf 'a\\nb' | xargs -P2 -I{} styxy run1 -- node {}.js",
        ),
        ("parallel node {} ::: a.js b.js", "parallel styxy run1 -- node {} ::: a.js b.js"),
        (
            "serve() { cd x; node $1.js; }; serve web & serve api & wait",
            "serve() { cd x; styxy run1 -- node $1.js; }; serve web & serve api & wait",
        ),
        (
            "a() { node a.js; }; b() (node b.js); if true; then a & fi; b",
            "a() { styxy run1 -n a -- node a.js; }; b() (styxy run -n b -- node b.js); if true; then a & fi; b",
        ),
        (
            "both() { node a.js & node b.js & }; both",
            "both() { styxy run1 -n a -- node a.js & styxy run -n b -- node b.js & }; both",
        ),
        ("try() { node a.js; }; try || try", "try() { node a.js; }; try || try"),
        (
            "end() { if x; then { kill 1; } fi; node a.js; }; trap end EXIT",
            "end() { if x; then { kill 1; } fi; node a.js; }; trap end EXIT",
        ),
        ("ls | xargs -P4 eslint; node api.js", "ls | xargs -P4 eslint; node api.js"),
        ("ls *.png | xargs -P4 optipng; node api.js", "ls *.png | xargs -P4 optipng; node api.js"),
        ("for i in 1 2; do node server.js; done", "for i in 1 2; do node server.js; done"),
        ("for i in 1 2; do tsc -w & done; node api.js", "for i in 1 2; do tsc -w & done; node api.js"),
        ("while x; do node server.js & wait; done", "while x; do node server.js & wait; done"),
    ] {
        assert_eq!(becomes(&["sh", "-c", text]), format!("sh|-c|{expected}"), "{text}");
    }
    for (typed, expected) in [
        ("xargs -a l -P 2 node", "xargs|-a|l|-P|2|styxy|run1|--|node"),
        ("xargs --max-procs=0 -n1 node srv.js", "xargs|--max-procs=0|-n1|styxy|run1|--|node|srv.js"),
        ("xargs -P1 node srv.js", "xargs|-P1|node|srv.js"),
        ("xargs node srv.js", "xargs|node|srv.js"),
        ("parallel -j2 node {} ::: a.js", "parallel|-j2|styxy|run1|--|node|{}|:::|a.js"),
        ("parallel -j1 node {} ::: a.js", "parallel|-j1|node|{}|:::|a.js"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        assert_eq!(becomes(&words), expected, "{typed}");
    }
    assert_eq!(
        becomes(&["parallel", ":::", "node a.js", "vite --host"]),
        "parallel|:::|styxy run1 -n a -- node a.js|styxy run -n vite -- vite --host"
    );
    assert_eq!(
        becomes(&["parallel", "node {}.js", ":::", "a", "b"]),
        "parallel|styxy run1 -- node {}.js|:::|a|b"
    );
}

#[test]
fn servers_that_get_one_port_are_told_from_those_that_say_their_own() {
    let is_shared = |text: &str| of(&["sh", "-c", text]).is_some_and(|inward| inward.is_shared);
    for text in
        ["node a.js & node b.js", "for i in 1 2; do node a.js & done", "concurrently 'node a.js' 'node b.js'"]
    {
        assert!(is_shared(text), "{text}");
    }
    for text in [
        "node a.js & PORT=$((PORT+1)) node b.js",
        "node a.js & node b.js --port $((PORT + 1))",
        "node a.js & tsc -w",
        "node a.js",
    ] {
        assert!(!is_shared(text), "{text}");
    }
}

#[test]
fn no_file_however_often_it_runs_itself_keeps_the_reader_from_coming_back() {
    let many = |line: &dyn Fn(usize) -> String| (0..9000).map(line).collect::<String>();
    let targets = many(&|number| format!("t{number}:\n\tnode s{number}.js $(X)\n"));
    let needs = many(&|number| format!(" t{number}"));
    let files = [
        ("self.sh", many(&|_| "./self.sh &\n".to_owned())),
        ("Makefile", format!("all:{needs}\n{targets}")),
        ("loop.mk", "all: all\n\tmake -f loop.mk & make -f loop.mk\n".to_owned()),
    ];
    let files: Vec<(&'static str, &'static str)> =
        files.into_iter().map(|(name, text)| (name, &*text.leak())).collect();
    for line in ["sh self.sh", "make -j2", "make -f loop.mk"] {
        let found = said(line, Vec::leak(files.clone()));
        assert!(found.iter().all(|(_, names)| names.len() < 100), "{line}");
    }
}
