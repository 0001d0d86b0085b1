"""Scripts that ask and report, run by the shells and in the roots that installers have: in containers."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

from rendering import site
from test_reports_of_kinds import yast_scripts
from twinboot.installers.reporting import laid_down, report_script
from twinboot.planning.plan import SitePlan

CURL = """\
cat >/usr/local/bin/curl <<'C'
#!/bin/sh
for url; do :; done
echo "$url" | sed 's/.*report//; s/token=[^&]*//' >>/tmp/asked
case $url in *start*) echo go ;; *) echo ok ;; esac
C
chmod 755 /usr/local/bin/curl
"""
YAST = """\
set -e
hooks=var/lib/YaST2/hooks/installation
mkdir -p /$hooks && mount -t tmpfs none /$hooks && echo kept >/$hooks/kept && mount -o remount,ro /$hooks
sh /scripts/twinboot-ask.sh
mkdir -p /mnt && mount -t tmpfs none /mnt && mkdir -p /mnt/tmp /mnt/scripts /mnt/proc /mnt/dev
for one in usr bin lib lib64 sbin etc; do
    [ ! -L /$one ] || cp -a /$one /mnt/$one
    [ -L /$one ] || [ ! -e /$one ] || { mkdir /mnt/$one; mount --bind /$one /mnt/$one; }
done
mount -t proc none /mnt/proc
mount --bind /scripts /mnt/scripts
mount -t tmpfs none /mnt/usr/local/bin # the new system has no curl
chroot /mnt sh /scripts/twinboot-finishing.sh
chroot /mnt sh /scripts/twinboot-end.sh
echo umount >>/tmp/asked
ls /$hooks >/tmp/hooks
for hook in /$hooks/before_umount_finish_[0-9][0-9]_*; do chroot /mnt "$hook"; done
[ -z "$(ls /mnt/$hooks)" ] && [ -e /$hooks/kept ]
cat /tmp/asked
"""
SHELLS = """\
set -e
for shell in dash bash 'busybox sh'; do
    command -v ${shell%% *} >/dev/null
    rm -rf /tmp/twinboot-report*
    $shell /scripts/report.sh
    for what in start finishing "error /scripts/report.sh" done; do $shell /tmp/twinboot-report $what; done
    echo $shell >>/tmp/asked
done
cut -c 1-40 /tmp/asked
"""


def run(image: str, scripts: dict[str, str], command: str, folder: Path) -> list[str]:
    """Lines that it has printed."""
    folder.chmod(0o755)
    for name, text in scripts.items():
        (folder / name).write_text(text)
    name = f"twinboot-render-{uuid.uuid4().hex[:12]}"
    docker = ["docker", "run", "--rm", "--name", name, "--network", "none", "--privileged", "--user", "0"]
    try:
        done = subprocess.run(
            [*docker, "--volume", f"{folder}:/scripts:ro", "--entrypoint", "sh", image, "-c", CURL + command],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
        raise
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_yast_tells_the_end_from_another_root_when_all_else_is_done(
    images: dict[str, str], tmp_path: Path
) -> None:
    """The new system has neither curl nor the reporting script, and the folder of hooks is read-only."""
    scripts = {**yast_scripts("pre-scripts"), **yast_scripts("chroot-scripts")}
    assert run(images["vsftpd"], scripts, YAST, tmp_path) == [
        "/plain/start?", "/plain/step?&name=finishing", "umount", "/plain/done?"
    ]  # fmt: skip


def test_every_installers_shell_can_run_it(images: dict[str, str], tmp_path: Path) -> None:
    plan = SitePlan(site())
    machine = next(one for one in plan.machines if one.name == "cli128")
    script = laid_down(report_script(plan, machine.install, machine, root="/mnt"))
    told = run(images["vsftpd"], {"report.sh": script}, SHELLS, tmp_path)
    events = [line.split("?")[0] for line in told]
    once = [f"/cli128/{event}" for event in ("start", "step", "error", "done")]
    assert events == [*once, "dash", *once, "bash", *once, "busybox sh"]
