"""What docs/clients.md tells a new user, done: a client is made and installed, and its program hears the answer."""

import subprocess
import sys
from pathlib import Path

from tests import test_guides, test_readme
from tests.clients.test_clients import need
from tests.test_readme import ROOT, Served, end, serve
from tools.faults.server import free_port


def test_a_new_user_sends_and_receives(tmp_path: Path) -> None:
    need("java")
    make, start, install, run = (text for _, text in test_guides.blocks("clients.md", "sh"))
    ((_, program),) = test_guides.blocks("clients.md", "python")
    assert start == "SSRF_ALLOWED_HOSTS=localhost " + test_readme.block("tools.serve")
    into = ["--into", str(tmp_path / "dist" / "clients")]
    subprocess.run([sys.executable, *make.split()[1:], *into], cwd=ROOT, check=True, timeout=200)

    port, own = free_port(), free_port()
    process, banner = serve(tmp_path, port, SSRF_ALLOWED_HOSTS="localhost")
    served = Served(tmp_path, f"http://localhost:{port}", banner)
    served.shell(banner[-1])
    served.shell(install.replace("python3", sys.executable))
    (tmp_path / "hello.py").write_text(
        program.replace("8000", str(own)).replace("Configuration(", f'Configuration(host="{served.origin}/api", ')
    )
    printed = served.shell(f"timeout 30 {run}")
    usual = served.shell("mine/bin/python -c 'import openwa_gateway_client as c; print(c.Configuration().host)'")
    end(process)

    assert printed.strip() in test_guides.text("clients.md")
    assert printed.endswith(" wrote Hello\n")
    assert f"{test_readme.ORIGIN}/api\n" == usual
