document.querySelector('#here').textContent = `This checkout is at ${location.host}`;
