//! Servers of Python.

use super::{LOOPBACK, P_PORT, PORT, PORT_P, ROW, VALUE};
use crate::devserver::frameworks::row::Twice::{LastWins, Wrong};
use crate::devserver::frameworks::row::Way::{Flag, Word};
use crate::devserver::frameworks::row::When::{self, Sub};
use crate::devserver::frameworks::row::{Framework, Place, Second};

pub(super) const ROWS: &[Framework] = &[
    Framework {
        name: "Django",
        commands: &["manage.py", "django-admin", "django"],
        when: Sub(&["runserver"]),
        valued: &["-v", "--verbosity", "--settings", "--pythonpath"],
        port: Word,
        note: "an address in your command is kept: `runserver 0.0.0.0:8000`",
        ..ROW
    },
    Framework {
        name: "Flask",
        commands: &["flask"],
        when: Sub(&["run"]),
        port: PORT_P,
        env: &[("FLASK_RUN_PORT", "{port}")],
        ..ROW
    },
    Framework { name: "FastAPI", commands: &["fastapi"], when: Sub(&["dev", "run"]), port: PORT, ..ROW },
    Framework {
        name: "Uvicorn",
        commands: &["uvicorn"],
        port: PORT,
        env: &[("UVICORN_PORT", "{port}")],
        ..ROW
    },
    Framework {
        name: "Python's http.server",
        commands: &["http.server"],
        valued: &["-b", "--bind", "-d", "--directory", "-p", "--protocol"],
        port: Word,
        ..ROW
    },
    Framework {
        name: "Gunicorn",
        commands: &["gunicorn"],
        port: Flag { write: "--bind", value: LOOPBACK, also: &["-b"], twice: Wrong },
        note: "a socket in the file system stays: `-b unix:app.sock`",
        ..ROW
    },
    Framework {
        name: "Hypercorn",
        commands: &["hypercorn"],
        port: Flag { write: "--bind", value: LOOPBACK, also: &["-b"], twice: Wrong },
        ..ROW
    },
    Framework {
        name: "Granian",
        commands: &["granian"],
        port: PORT,
        env: &[("GRANIAN_PORT", "{port}")],
        more: &[Second {
            service: "monitoring",
            default: 9090,
            when: When::Flag(&["--metrics"]),
            port: Flag { write: "--metrics-port", value: VALUE, also: &[], twice: LastWins },
            env: &[],
        }],
        ..ROW
    },
    Framework { name: "Daphne", commands: &["daphne"], port: P_PORT, ..ROW },
    Framework {
        name: "Waitress",
        commands: &["waitress-serve"],
        port: Flag { write: "--port", value: VALUE, also: &["--listen"], twice: Wrong },
        place: Place::Front,
        ..ROW
    },
    Framework {
        name: "Litestar",
        commands: &["litestar"],
        when: Sub(&["run"]),
        valued: &["--app", "--app-dir"],
        port: PORT_P,
        env: &[("LITESTAR_PORT", "{port}")],
        ..ROW
    },
    Framework { name: "Quart", commands: &["quart"], when: Sub(&["run"]), port: PORT_P, ..ROW },
    Framework { name: "Sanic", commands: &["sanic"], port: P_PORT, ..ROW },
    Framework {
        name: "MkDocs",
        commands: &["mkdocs"],
        when: Sub(&["serve"]),
        port: Flag { write: "--dev-addr", value: LOOPBACK, also: &["-a"], twice: LastWins },
        ..ROW
    },
    Framework { name: "sphinx-autobuild", commands: &["sphinx-autobuild"], port: PORT, ..ROW },
    Framework {
        name: "Streamlit",
        commands: &["streamlit"],
        when: Sub(&["run", "hello"]),
        port: Flag { write: "--server.port", value: VALUE, also: &[], twice: LastWins },
        env: &[("STREAMLIT_SERVER_PORT", "{port}")],
        ..ROW
    },
    Framework {
        name: "Marimo",
        commands: &["marimo"],
        when: Sub(&["edit", "run", "new", "tutorial"]),
        port: P_PORT,
        ..ROW
    },
    Framework {
        name: "Jupyter",
        commands: &["jupyter"],
        when: Sub(&["lab", "notebook", "server", "nbclassic"]),
        port: Flag { write: "--port", value: VALUE, also: &["--ServerApp.port"], twice: LastWins },
        strict: &["--port-retries=0"],
        env: &[("JUPYTER_PORT", "{port}")],
        note: "kernels have ports of their own, which it chooses by itself",
        ..ROW
    },
    Framework {
        name: "Jupyter, by itself",
        commands: &["jupyter-lab", "jupyter-notebook", "jupyter-server", "jupyterlab", "notebook"],
        port: Flag { write: "--port", value: VALUE, also: &["--ServerApp.port"], twice: LastWins },
        strict: &["--port-retries=0"],
        env: &[("JUPYTER_PORT", "{port}")],
        ..ROW
    },
];
