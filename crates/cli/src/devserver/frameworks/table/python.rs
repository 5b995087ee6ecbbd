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
        tried: "5.2.19",
        ..ROW
    },
    Framework {
        name: "Flask",
        commands: &["flask"],
        when: Sub(&["run"]),
        port: PORT_P,
        env: &[("FLASK_RUN_PORT", "{port}")],
        tried: "3.1.3",
        ..ROW
    },
    Framework {
        name: "FastAPI",
        commands: &["fastapi"],
        when: Sub(&["dev", "run"]),
        port: PORT,
        tried: "0.165.0",
        ..ROW
    },
    Framework {
        name: "Uvicorn",
        commands: &["uvicorn"],
        port: PORT,
        env: &[("UVICORN_PORT", "{port}")],
        tried: "0.54.0",
        ..ROW
    },
    Framework {
        name: "Python's http.server",
        commands: &["http.server"],
        valued: &["-b", "--bind", "-d", "--directory", "-p", "--protocol"],
        port: Word,
        tried: "3.11.7",
        ..ROW
    },
    Framework {
        name: "Gunicorn",
        commands: &["gunicorn"],
        port: Flag { write: "--bind", value: LOOPBACK, also: &["-b"], twice: Wrong },
        note: "a socket in the file system stays: `-b unix:app.sock`",
        tried: "27.0.1",
        ..ROW
    },
    Framework {
        name: "Hypercorn",
        commands: &["hypercorn"],
        port: Flag { write: "--bind", value: LOOPBACK, also: &["-b"], twice: Wrong },
        tried: "0.18.0",
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
        tried: "2.8.7",
        ..ROW
    },
    Framework { name: "Daphne", commands: &["daphne"], port: P_PORT, tried: "4.2.3", ..ROW },
    Framework {
        name: "Waitress",
        commands: &["waitress-serve"],
        port: Flag { write: "--port", value: VALUE, also: &["--listen"], twice: Wrong },
        place: Place::Front,
        tried: "3.0.2",
        ..ROW
    },
    Framework {
        name: "Litestar",
        commands: &["litestar"],
        when: Sub(&["run"]),
        valued: &["--app", "--app-dir"],
        port: PORT_P,
        env: &[("LITESTAR_PORT", "{port}")],
        tried: "2.25.0",
        ..ROW
    },
    Framework {
        name: "Quart",
        commands: &["quart"],
        when: Sub(&["run"]),
        port: PORT_P,
        tried: "0.22.0",
        ..ROW
    },
    Framework { name: "Sanic", commands: &["sanic"], port: P_PORT, tried: "25.12.1", ..ROW },
    Framework {
        name: "MkDocs",
        commands: &["mkdocs"],
        when: Sub(&["serve"]),
        port: Flag { write: "--dev-addr", value: LOOPBACK, also: &["-a"], twice: LastWins },
        tried: "1.6.1",
        ..ROW
    },
    Framework {
        name: "sphinx-autobuild",
        commands: &["sphinx-autobuild"],
        port: PORT,
        tried: "2025.8.25",
        ..ROW
    },
    Framework {
        name: "Streamlit",
        commands: &["streamlit"],
        when: Sub(&["run", "hello"]),
        port: Flag { write: "--server.port", value: VALUE, also: &[], twice: LastWins },
        env: &[("STREAMLIT_SERVER_PORT", "{port}")],
        tried: "1.67.0",
        ..ROW
    },
    Framework {
        name: "Marimo",
        commands: &["marimo"],
        when: Sub(&["edit", "run", "new", "tutorial"]),
        port: P_PORT,
        tried: "0.25.2",
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
        tried: "4.6.6",
        ..ROW
    },
    Framework {
        name: "Jupyter, by itself",
        commands: &["jupyter-lab", "jupyter-notebook", "jupyter-server", "jupyterlab", "notebook"],
        port: Flag { write: "--port", value: VALUE, also: &["--ServerApp.port"], twice: LastWins },
        strict: &["--port-retries=0"],
        env: &[("JUPYTER_PORT", "{port}")],
        tried: "2.21.1",
        ..ROW
    },
];
